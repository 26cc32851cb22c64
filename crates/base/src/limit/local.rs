//! The limiter of one process: buckets in bounded memory. Not here: limits that
//! several nodes share (`shared`).

use super::buckets::{Bucket, Buckets};
use super::{Arrival, Limiter, Quota, StrictLimiter, Taken, Verdict, decide};
use crate::Timestamp;

/// Buckets in memory.
#[derive(Debug)]
pub struct LocalLimiter(Buckets<Arrival>);

impl Bucket for Arrival {
    fn refilled_at(&self) -> i64 {
        self.0
    }
}

impl LocalLimiter {
    /// At most about `max_keys` buckets.
    #[must_use]
    pub fn new(max_keys: usize) -> Self {
        Self(Buckets::new(max_keys))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        (0..super::buckets::SHARDS)
            .map(|number| self.0.shard(number).map.len())
            .sum()
    }
}

impl Limiter for LocalLimiter {
    fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        let mut shard = self.0.shard(Buckets::<Arrival>::number(key));
        let (arrival, ()) = shard.bucket(key, now);
        let (kept, verdict) = decide(*arrival, quota, now);
        *arrival = kept;
        verdict
    }

    fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        let shard = self.0.shard(Buckets::<Arrival>::number(key));
        decide(shard.map.get(&key).copied().unwrap_or_default(), quota, now).1
    }

    fn give_back(&self, key: u128, quota: Quota, _now: Timestamp) {
        let mut shard = self.0.shard(Buckets::<Arrival>::number(key));
        if let Some(arrival) = shard.map.get_mut(&key) {
            *arrival = arrival.without(&quota);
        }
    }
}

impl StrictLimiter for LocalLimiter {
    fn take(&self, key: u128, quota: Quota, now: Timestamp) -> Taken<'_> {
        Box::pin(std::future::ready(self.check(key, &quota, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn memory_is_bounded_and_a_used_up_bucket_stays() {
        let limiter = LocalLimiter::new(64 * 16);
        let slow = Quota::new(1, Duration::from_secs(3600), 1).unwrap();
        let quick = Quota::new(10, Duration::from_secs(1), 10).unwrap();
        let now = Timestamp::from_seconds(1_000_000);
        assert!(limiter.check(64, &slow, now).allowed);
        for key in 1..10_000_u128 {
            limiter.check(64 + key * 64, &quick, now);
        }
        assert!(!limiter.peek(64, &slow, now).allowed);
        assert!(limiter.len() <= 16, "{}", limiter.len());
    }

    /// Room is made when there is none, and not before.
    #[test]
    fn a_shard_holds_all_the_keys_it_has_room_for() {
        let limiter = LocalLimiter::new(64 * 16);
        let slow = Quota::new(1, Duration::from_secs(3600), 1).unwrap();
        let now = Timestamp::from_seconds(1_000_000);
        let keys = || (1..=16_u128).map(|number| 64 * number);
        assert!(keys().all(|key| limiter.check(key, &slow, now).allowed));
        assert!(keys().all(|key| !limiter.peek(key, &slow, now).allowed));
    }

    #[test]
    fn peeking_counts_nothing() {
        let limiter = LocalLimiter::new(1000);
        let quota = Quota::new(1, Duration::from_secs(60), 1).unwrap();
        let now = Timestamp::from_seconds(1_000_000);
        for _ in 0..3 {
            assert!(limiter.peek(7, &quota, now).allowed);
        }
        assert!(limiter.check(7, &quota, now).allowed);
        assert!(!limiter.peek(7, &quota, now).allowed);
        assert!(!limiter.check(7, &quota, now).allowed);
    }

    #[test]
    fn what_is_given_back_may_be_taken_again_and_no_more() {
        let limiter = LocalLimiter::new(1000);
        let quota = Quota::new(1, Duration::from_secs(60), 2).unwrap();
        let now = Timestamp::from_seconds(1_000_000);
        limiter.give_back(7, quota, now);
        assert!(limiter.check(7, &quota, now).allowed);
        for _ in 0..5 {
            limiter.give_back(7, quota, now);
        }
        let taken = (0..5).filter(|_| limiter.check(7, &quota, now).allowed);
        assert_eq!(taken.count(), 2);
    }
}
