//! The change feed's own connection: it listens for notices of commits and asks for the
//! change log. When it breaks it is made anew by the next question, and what was missed
//! meanwhile is in the log. Not here: what is done with a change.

use super::change::{self, CHANNEL};
use super::connect::{CONNECT, Connector, Driven};
use super::gather::closed;
use super::scope::{Trouble, describe};
use doorward_identity::model::{ChangeRow, ChangeSeq};
use doorward_identity::port::StoreError;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

/// How long a question may take, a new connection included.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connection. One that takes long to come up goes on doing so while questions
/// give up.
enum Line {
    None,
    Connecting(JoinHandle<Result<Arc<Client>, Trouble>>),
    Up(Arc<Client>),
}

/// The connection and what it has heard.
pub(super) struct Listener {
    connector: Connector,
    line: Mutex<Line>,
    heard: Arc<Notify>,
    seen: AtomicI64,
    closed: AtomicBool,
}

impl Listener {
    /// Connects when it is first asked.
    pub(super) fn new(connector: &Connector) -> Self {
        Self {
            connector: connector.to_primary("doorward-feed"),
            line: Mutex::new(Line::None),
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
        *self.line.lock().await = Line::None;
    }

    /// Asks within the patience. A connection that failed to answer is not asked again.
    async fn ask<T, F>(&self, question: impl FnOnce(Arc<Client>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let mut line = self.line.lock().await;
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let asked = async {
            let client = self.client(&mut line).await?;
            question(client).await
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(trouble)) => {
                *line = Line::None;
                Err(trouble.into())
            }
            Err(_) => {
                if let Line::Up(_) = *line {
                    *line = Line::None;
                }
                Err(StoreError::Unavailable(
                    "PostgreSQL did not answer the change feed in time".to_owned(),
                ))
            }
        }
    }

    /// The client, as soon as there is one.
    async fn client(&self, line: &mut Line) -> Result<Arc<Client>, Trouble> {
        if let Line::Up(client) = &*line
            && !client.is_closed()
        {
            return Ok(Arc::clone(client));
        }
        if !matches!(line, Line::Connecting(_)) {
            let connecting = connect(self.connector.clone(), Arc::clone(&self.heard));
            *line = Line::Connecting(tokio::spawn(connecting));
        }
        let Line::Connecting(connecting) = line else {
            return Err(closed().into());
        };
        let client = connecting
            .await
            .map_err(|_| Trouble::Lost("the feed's connection was given up".to_owned()))??;
        *line = Line::Up(Arc::clone(&client));
        Ok(client)
    }
}

/// Listens before anything is asked, so that nothing falls between.
async fn connect(connector: Connector, heard: Arc<Notify>) -> Result<Arc<Client>, Trouble> {
    let lost = |error: tokio_postgres::Error| Trouble::Lost(describe(&error));
    let connecting = async {
        let drive = |connection| hear(connection, heard);
        let client = connector.connect(drive).await.map_err(lost)?;
        let listen = format!("LISTEN {CHANNEL}");
        client.batch_execute(&listen).await.map_err(lost)?;
        Ok(Arc::new(client))
    };
    tokio::time::timeout(CONNECT, connecting)
        .await
        .unwrap_or_else(|_| {
            Err(Trouble::Lost(
                "the feed's connection took too long".to_owned(),
            ))
        })
}

/// Wakes whoever waits for news, until the connection ends.
async fn hear(mut connection: Driven, heard: Arc<Notify>) {
    loop {
        let message = poll_fn(|context| connection.poll_message(context)).await;
        if let Some(Ok(AsyncMessage::Notification(_)) | Err(_)) | None = &message {
            heard.notify_one();
        }
        if !matches!(message, Some(Ok(_))) {
            return;
        }
    }
}
