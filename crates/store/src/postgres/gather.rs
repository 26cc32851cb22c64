//! Serves requests that come at the same time together: what waits while a statement
//! runs goes into the next one. A single request waits for nobody. Not here: the
//! statements.

use super::pool::Connections;
use super::scope::Trouble;
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_identity::port::StoreError;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};

/// How many statements of one kind run at once. With two the groups are half as large,
/// and an exchange costs PostgreSQL half as much again.
pub(super) const LANES: usize = 1;
/// How many requests one statement serves.
const GROUP: usize = 128;
/// How many requests may wait.
const QUEUE: usize = 4096;

/// One statement for many requests.
#[async_trait]
pub(super) trait Together: Send + Sync + 'static {
    /// What a request asks.
    type Ask: Send + Sync + 'static;
    type Told: Send + 'static;

    /// Serves them all: as many answers as there are requests, in their order.
    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble>;
    /// Whether serving twice is serving once, so that a lost connection is no reason to
    /// refuse.
    const REPEATABLE: bool;
}

struct Waiting<T: Together> {
    ask: T::Ask,
    answer: oneshot::Sender<Result<T::Told, StoreError>>,
}

/// The way to the lanes.
pub(super) struct Gather<T: Together> {
    /// `None` once closed.
    queue: SyncMutex<Option<mpsc::Sender<Waiting<T>>>>,
    patience: Duration,
}

/// What a lane works with.
pub(super) struct Lane {
    pub(super) connections: Arc<Connections>,
    pub(super) statement_timeout: Duration,
}

impl<T: Together> Gather<T> {
    /// Starts the lanes on the current runtime. They end when this is closed or dropped.
    pub(super) fn start(lane: &Arc<Lane>, patience: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..LANES {
            tokio::spawn(run::<T>(Arc::clone(lane), Arc::clone(&waiting)));
        }
        Self {
            queue: SyncMutex::new(Some(queue)),
            patience,
        }
    }

    /// Asks, together with whoever asks now.
    pub(super) async fn ask(&self, ask: T::Ask) -> Result<T::Told, StoreError> {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(closed)?;
        let (answer, told) = oneshot::channel();
        // When the time is over the lanes find the answer unwanted, and skip it.
        let served = async {
            if queue.send(Waiting { ask, answer }).await.is_err() {
                return Err(closed());
            }
            drop(queue);
            told.await.unwrap_or_else(|_| Err(closed()))
        };
        tokio::time::timeout(self.patience, served)
            .await
            .unwrap_or_else(|_| {
                Err(StoreError::Unavailable(
                    "PostgreSQL did not answer in time".to_owned(),
                ))
            })
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

async fn run<T: Together>(lane: Arc<Lane>, waiting: Arc<Mutex<mpsc::Receiver<Waiting<T>>>>) {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        let mut queue = waiting.lock().await;
        if queue.recv_many(&mut group, GROUP).await == 0 {
            return;
        }
        drop(queue);
        // Nobody waits any more for what was given up.
        group.retain(|waiting| !waiting.answer.is_closed());
        let (asked, answers): (Vec<_>, Vec<_>) = group
            .drain(..)
            .map(|waiting| (waiting.ask, waiting.answer))
            .unzip();
        if asked.is_empty() {
            continue;
        }
        for (answer, told) in answers.into_iter().zip(serve::<T>(&lane, &asked).await) {
            // Whoever went away meanwhile is not told.
            let _ = answer.send(told);
        }
    }
}

/// Serves a group; if it is refused as a whole, each request by itself, so that one that
/// cannot be served does not take the others with it.
async fn serve<T: Together>(lane: &Lane, asked: &[T::Ask]) -> Vec<Result<T::Told, StoreError>> {
    match attempt::<T>(lane, asked).await {
        Ok(told) => told.into_iter().map(Ok).collect(),
        Err(Trouble::Store(StoreError::Inconsistent { .. })) if asked.len() > 1 => {
            let mut all = Vec::with_capacity(asked.len());
            for one in asked.chunks(1) {
                let told = attempt::<T>(lane, one).await.map_err(StoreError::from);
                all.push(told.and_then(|mut told| told.pop().ok_or_else(closed)));
            }
            all
        }
        Err(trouble) => {
            let error = StoreError::from(trouble);
            asked.iter().map(|_| Err(error.clone())).collect()
        }
    }
}

async fn attempt<T: Together>(lane: &Lane, asked: &[T::Ask]) -> Result<Vec<T::Told>, Trouble> {
    match once::<T>(lane, asked).await {
        Err(Trouble::Lost(cause)) if T::REPEATABLE => {
            tracing::debug!(cause, "asking PostgreSQL again over another connection");
            once::<T>(lane, asked).await
        }
        outcome => outcome,
    }
}

async fn once<T: Together>(lane: &Lane, asked: &[T::Ask]) -> Result<Vec<T::Told>, Trouble> {
    let leased = lane.connections.get().await?;
    let Some(conn) = leased.conn() else {
        return Err(closed().into());
    };
    let told = tokio::time::timeout(lane.statement_timeout, T::serve(conn, asked))
        .await
        .map_err(|_| silent())??;
    leased.is_clean();
    if told.len() == asked.len() {
        Ok(told)
    } else {
        Err(Trouble::Lost("PostgreSQL answered too little".to_owned()))
    }
}

/// Asking again would take as long.
fn silent() -> Trouble {
    Trouble::Store(StoreError::Unavailable(
        "PostgreSQL did not answer in time".to_owned(),
    ))
}

pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
