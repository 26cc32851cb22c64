//! The limiter of one process: sharded buckets in bounded memory. A bucket that has
//! refilled says nothing and is dropped; when all are in use, the one that is nearest
//! to full goes first, so that a flood of new keys does not free those under a limit.

use doorward_base::Timestamp;
use doorward_base::limit::{Arrival, Limiter, Quota, Verdict, decide};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// Buckets in memory.
#[derive(Debug)]
pub struct LocalLimiter {
    shards: Vec<Mutex<HashMap<u128, Arrival>>>,
    per_shard: usize,
}

impl LocalLimiter {
    /// At most about `max_keys` buckets.
    #[must_use]
    pub fn new(max_keys: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default)
                .take(SHARDS)
                .collect(),
            per_shard: (max_keys / SHARDS).max(16),
        }
    }

    fn shard(&self, key: u128) -> Option<MutexGuard<'_, HashMap<u128, Arrival>>> {
        let number = usize::try_from(key % SHARDS as u128).unwrap_or(0);
        // A bucket is one number: a panic elsewhere cannot leave it half-written.
        self.shards
            .get(number)
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Limiter for LocalLimiter {
    fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        let Some(mut shard) = self.shard(key) else {
            return decide(Arrival::default(), quota, now).1;
        };
        if let Some(state) = shard.get_mut(&key) {
            let (kept, verdict) = decide(*state, quota, now);
            *state = kept;
            return verdict;
        }
        if shard.len() >= self.per_shard {
            make_room(&mut shard, self.per_shard, now);
        }
        let (kept, verdict) = decide(Arrival::default(), quota, now);
        shard.insert(key, kept);
        verdict
    }

    fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        let state = self.shard(key).and_then(|shard| shard.get(&key).copied());
        decide(state.unwrap_or_default(), quota, now).1
    }
}

/// Drops what has refilled; if that is not a quarter, also those that refill soonest.
fn make_room(shard: &mut HashMap<u128, Arrival>, capacity: usize, now: Timestamp) {
    shard.retain(|_, state| state.0 > now.as_micros());
    let wanted = capacity - capacity / 4;
    if shard.len() > wanted {
        let mut arrivals: Vec<i64> = shard.values().map(|state| state.0).collect();
        let excess = shard.len() - wanted;
        let (_, &mut border, _) = arrivals.select_nth_unstable(excess - 1);
        shard.retain(|_, state| state.0 > border);
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
        let kept: usize = limiter
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().len())
            .sum();
        assert!(kept <= 16, "{kept}");
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
}
