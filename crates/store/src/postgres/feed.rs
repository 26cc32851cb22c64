//! The change feed's own connection: it listens for notices of commits and asks for the
//! change log. When it breaks it is made anew by the next question, and what was missed
//! meanwhile is in the log. Not here: what is done with a change.

use super::change::{self, CHANNEL};
use super::gather::closed;
use super::pool::Connector;
use super::scope::{Trouble, describe};
use doorward_identity::model::{ChangeRow, ChangeSeq};
use doorward_identity::port::StoreError;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio_postgres::{AsyncMessage, Client};

/// How long a question may take, a new connection included.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connection and what it has heard.
pub(super) struct Feed {
    connector: Connector,
    client: Mutex<Option<Arc<Client>>>,
    heard: Arc<Notify>,
    seen: AtomicI64,
    closed: AtomicBool,
}

impl Feed {
    /// Connects when it is first asked.
    pub(super) fn new(connector: &Connector) -> Self {
        Self {
            connector: connector.named("doorward-feed"),
            client: Mutex::new(None),
            heard: Arc::new(Notify::new()),
            // Before any position, so that the first question is answered with yes.
            seen: AtomicI64::new(-1),
            closed: AtomicBool::new(false),
        }
    }

    /// Returns when a notice came, or the connection broke.
    pub(super) async fn hear(&self) {
        self.heard.notified().await;
    }

    /// Whether the log has grown since the last call.
    pub(super) async fn has_changed(&self) -> Result<bool, StoreError> {
        let last = self.last().await?;
        Ok(self.seen.swap(last.0, Ordering::AcqRel) != last.0)
    }

    pub(super) async fn last(&self) -> Result<ChangeSeq, StoreError> {
        self.ask(|client| async move { change::last(&client).await })
            .await
    }

    pub(super) async fn list(
        &self,
        after: ChangeSeq,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        self.ask(move |client| async move { change::list(&client, after, limit).await })
            .await
    }

    /// Answers no more.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.client.lock().await.take();
    }

    /// Asks within the patience. A connection that failed to answer is not asked again.
    async fn ask<T, F>(&self, question: impl FnOnce(Arc<Client>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let mut slot = self.client.lock().await;
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let asked = async {
            let client = match slot.take().filter(|client| !client.is_closed()) {
                Some(client) => client,
                None => self.connect().await?,
            };
            let answer = question(Arc::clone(&client)).await?;
            Ok::<_, Trouble>((client, answer))
        };
        let outcome = tokio::time::timeout(PATIENCE, asked).await;
        match outcome {
            Ok(Ok((client, answer))) => {
                *slot = Some(client);
                Ok(answer)
            }
            Ok(Err(trouble)) => Err(trouble.into()),
            Err(_) => Err(StoreError::Unavailable(
                "PostgreSQL did not answer the change feed in time".to_owned(),
            )),
        }
    }

    /// Listens before anything is asked, so that nothing falls between.
    async fn connect(&self) -> Result<Arc<Client>, Trouble> {
        let lost = |error: tokio_postgres::Error| Trouble::Lost(describe(&error));
        let Connector { config, tls } = self.connector.clone();
        let (client, mut connection) = config.connect(tls).await.map_err(lost)?;
        let heard = Arc::clone(&self.heard);
        // It ends with the client or with the server.
        tokio::spawn(async move {
            loop {
                let message = poll_fn(|context| connection.poll_message(context)).await;
                if let Some(Ok(AsyncMessage::Notification(_)) | Err(_)) | None = &message {
                    heard.notify_one();
                }
                if !matches!(message, Some(Ok(_))) {
                    return;
                }
            }
        });
        let listen = format!("LISTEN {CHANNEL}");
        client.batch_execute(&listen).await.map_err(lost)?;
        Ok(Arc::new(client))
    }
}
