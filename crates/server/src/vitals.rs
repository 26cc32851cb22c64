//! What readiness is judged from, and what of it operators see. Not here: the listener
//! that tells them (`ops`), and the gate's counters (`telemetry`).

use crate::feed::Feed;
use crate::issuers::Issuers;
use crate::limits::Limits;
use crate::nodes::ThisNode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The signs of life of a process that serves.
pub(crate) struct Vitals {
    pub(crate) feed: Arc<Feed>,
    pub(crate) membership: Arc<ThisNode>,
    pub(crate) limits: Limits,
    pub(crate) issuers: Arc<Issuers>,
    /// How long the store may be silent.
    pub(crate) lease: Duration,
    pub(crate) draining: AtomicBool,
}

impl Vitals {
    pub(crate) fn store_answers(&self) -> bool {
        self.feed.silence() <= self.lease
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether requests should be sent here: the store answers questions and takes
    /// writes, no older process contradicts this one, and it was not told to stop. It is asked only once the snapshot
    /// is loaded.
    pub(crate) fn is_ready(&self) -> bool {
        self.store_answers()
            && self.membership.is_heard()
            && self.membership.contradicted().is_none()
            && !self.is_draining()
    }

    /// All of it.
    pub(crate) fn detail(&self) -> Value {
        let silence = u64::try_from(self.feed.silence().as_millis()).unwrap_or(u64::MAX);
        let issuers = self.issuers.health();
        json!({
            "ready": self.is_ready(),
            "draining": self.is_draining(),
            "announced": self.membership.is_heard(),
            "contradiction": self.membership.contradicted(),
            "store": {"answers": self.store_answers(), "last_answer_ms": silence},
            "issuers": {"known": issuers.known, "without_keys": issuers.without_keys, "failing": issuers.failing},
            "limits": {"store": self.limits.kind(), "connected": self.limits.is_connected()},
        })
    }
}
