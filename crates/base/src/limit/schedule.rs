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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_sweep_is_an_interval_away_also_when_the_clock_was_set_back() {
        let every = Duration::from_millis(250);
        let buckets = SharedBuckets::new(1000, every);
        let mut schedule = Schedule::new(every).unwrap();
        let noon = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(schedule.next(&buckets, noon), Next::Wait(noon.plus(every)));
        // In between nothing changes.
        let soon = noon.plus(Duration::from_millis(100));
        assert_eq!(schedule.next(&buckets, soon), Next::Wait(noon.plus(every)));
        let before = Timestamp::from_seconds(1_800_000_000 - 3600);
        let after = Next::Wait(before.plus(every));
        assert_eq!(schedule.next(&buckets, before), after);
    }

    #[test]
    fn between_two_sweeps_only_what_is_pressing_is_sent() {
        let every = Duration::from_millis(250);
        let buckets = SharedBuckets::new(1000, every);
        let mut schedule = Schedule::new(every).unwrap();
        let noon = Timestamp::from_seconds(1_800_000_000);
        schedule.next(&buckets, noon);
        let quota = Quota::new(200, Duration::from_secs(1), 200).unwrap();
        buckets.check(7, &quota, noon);
        assert_eq!(schedule.next(&buckets, noon), Next::Wait(noon.plus(every)));
        assert_eq!(schedule.next(&buckets, noon.plus(every)), Next::Send);
    }
}
