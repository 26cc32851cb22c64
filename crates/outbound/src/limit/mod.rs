//! Limits that several nodes share through Redis or Valkey. A check is answered from
//! this node's memory and never waits; what it lets through is merged with the other
//! nodes' use in the background. Not here: the arithmetic and the state
//! (`base::limit`).

mod link;
mod sender;

use doorward_base::limit::{Limiter, Quota, StrictLimiter, Taken, Verdict};
use doorward_base::{Clock, Secret, Timestamp};
use sender::Node;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How limits are shared.
#[derive(Clone, Debug)]
pub struct SharedSettings {
    /// Where: `redis://`, `rediss://` (TLS), `valkey://` or `valkeys://`, with user,
    /// password and database as needed. One server, or one with replicas; no cluster.
    pub url: Secret,
    /// The longest time from a request to its merge, from 10 ms to 10 s.
    pub merge_every: Duration,
    /// The most keys remembered, of some 150 bytes each.
    pub max_keys: usize,
}

impl SharedSettings {
    /// The time between merges where nothing else is said.
    pub const MERGE_EVERY: Duration = Duration::from_millis(250);
}

/// Why limits cannot be shared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// The address is none. The text does not repeat it: it may hold a password.
    #[error(
        "the address of the shared limits is not redis://, rediss://, valkey:// or valkeys:// \
         with a host ({0})"
    )]
    Url(String),
    /// The time between merges is out of bounds.
    #[error("the time between merges must be from 10ms to 10s")]
    MergeEvery,
    /// Never, unless the schedule's constants are nonsense.
    #[error(transparent)]
    Schedule(#[from] doorward_base::limit::QuotaError),
}

/// How sharing fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitsHealth {
    /// Whether limits are shared just now. If not, this node grants the full limit
    /// alone; that is no reason to take it out of service.
    pub connected: bool,
    /// Batches merged since the start.
    pub merged: u64,
    /// How often the connection was lost since the start, or was not there at it.
    pub lost: u64,
}

/// Shared limits. Dropping it ends its task; [`close`](Self::close) says what was not
/// said yet first.
pub struct SharedLimits {
    node: Arc<Node>,
    task: JoinHandle<()>,
}

impl SharedLimits {
    /// Begins to share limits, in the background of the current tokio runtime. It does
    /// not wait for a connection: until there is one, this node limits alone.
    ///
    /// # Errors
    /// [`LimitsError`] when the settings are wrong; never because nobody answers.
    pub fn start(
        settings: &SharedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, LimitsError> {
        if !(Duration::from_millis(10)..=Duration::from_secs(10)).contains(&settings.merge_every) {
            return Err(LimitsError::MergeEvery);
        }
        let node = Arc::new(Node::new(settings, clock)?);
        let task = tokio::spawn(Arc::clone(&node).run());
        Ok(Arc::new(Self { node, task }))
    }

    /// How sharing fares, for readiness detail and metrics.
    #[must_use]
    pub fn health(&self) -> LimitsHealth {
        self.node.health()
    }

    /// Says what was not said yet, for at most a second, and shares no more.
    pub async fn close(&self) {
        self.node.close().await;
        self.task.abort();
    }
}

impl Drop for SharedLimits {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for SharedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedLimits").field(&self.health()).finish()
    }
}

impl Limiter for SharedLimits {
    fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        self.node.check(key, quota, now)
    }

    fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        self.node.peek(key, quota, now)
    }

    fn give_back(&self, key: u128, quota: Quota, now: Timestamp) {
        self.node.give_back(key, &quota, now);
    }
}

impl StrictLimiter for SharedLimits {
    fn take(&self, key: u128, quota: Quota, now: Timestamp) -> Taken<'_> {
        Box::pin(self.node.take(key, quota, now))
    }
}
