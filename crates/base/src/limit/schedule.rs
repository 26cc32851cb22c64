//! When a node speaks to the place where limits are shared: for every key in use at
//! the latest each interval, for pressing ones at once, and never more often than a
//! quota of its own. Not here: which keys are pressing (`slot`).

use super::{Arrival, Quota, QuotaError, SharedBuckets, decide};
use crate::Timestamp;
use std::time::Duration;

/// Batches a second, and how many at once: what bounds the shared side's load.
const BATCHES: u32 = 500;
const BATCHES_AT_ONCE: u32 = 50;

/// When the next batch is due. One batch is under way at a time.
#[derive(Debug)]
pub struct Schedule {
    merge_every: Duration,
    next_sweep: Timestamp,
    quota: Quota,
    sent: Arrival,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Collect a batch and send it.
    Send,
    /// Nothing before this moment, unless a key becomes pressing.
    Wait(Timestamp),
}

impl Schedule {
    /// Merges every key in use at the latest each `merge_every`.
    ///
    /// # Errors
    /// [`QuotaError`] never, unless the constants here are nonsense.
    pub fn new(merge_every: Duration) -> Result<Self, QuotaError> {
        Ok(Self {
            merge_every,
            next_sweep: Timestamp::default(),
            quota: Quota::new(BATCHES, Duration::from_secs(1), BATCHES_AT_ONCE)?,
            sent: Arrival::default(),
        })
    }

    /// What is next at `now`; a batch that it calls for counts as sent.
    pub fn next(&mut self, buckets: &SharedBuckets, now: Timestamp) -> Next {
        // A clock set back must not stop the merging.
        let late = self.next_sweep > now.plus(self.merge_every);
        if now >= self.next_sweep || late {
            buckets.sweep();
            self.next_sweep = now.plus(self.merge_every);
        }
        if !buckets.is_due() {
            return Next::Wait(self.next_sweep);
        }
        let (kept, verdict) = decide(self.sent, &self.quota, now);
        self.sent = kept;
        if verdict.allowed {
            Next::Send
        } else {
            Next::Wait(now.plus(verdict.retry_after))
        }
    }
}
