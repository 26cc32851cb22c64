//! Sharded state by key in bounded memory. A bucket that has refilled says nothing and
//! is dropped; when all are in use, those nearest to full go first, so that a flood of
//! new keys does not free the keys that are under a limit. Not here: what a bucket is.

use crate::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many locks there are; one bit each in a 64-bit mask.
pub(super) const SHARDS: usize = 64;

/// The state of one key.
pub(super) trait Bucket: Default {
    /// The moment, in microseconds, from which it says nothing that a new one would not.
    fn refilled_at(&self) -> i64;
}

/// Buckets, and per shard a `Side` under the same lock.
#[derive(Debug)]
pub(super) struct Buckets<B, Side = ()> {
    last: Mutex<Shard<B, Side>>,
    others: Vec<Mutex<Shard<B, Side>>>,
    per_shard: usize,
}

/// What one lock guards.
#[derive(Debug)]
pub(super) struct Shard<B, Side> {
    pub(super) map: HashMap<u128, B, BuildHasherDefault<Fold>>,
    pub(super) side: Side,
    most: usize,
}

impl<B: Bucket, Side: Default> Buckets<B, Side> {
    /// At most about `max_keys` buckets.
    pub(super) fn new(max_keys: usize) -> Self {
        let per_shard = (max_keys / SHARDS).max(16);
        let shard = || {
            Mutex::new(Shard {
                map: HashMap::default(),
                side: Side::default(),
                most: per_shard,
            })
        };
        Self {
            last: shard(),
            others: std::iter::repeat_with(shard).take(SHARDS - 1).collect(),
            per_shard,
        }
    }

    /// The most buckets of one shard.
    pub(super) const fn per_shard(&self) -> usize {
        self.per_shard
    }

    /// The number of the key's shard, below [`SHARDS`].
    pub(super) fn number(key: u128) -> usize {
        usize::try_from(key % SHARDS as u128).unwrap_or(0)
    }

    /// Locks a shard.
    pub(super) fn shard(&self, number: usize) -> MutexGuard<'_, Shard<B, Side>> {
        // A panic elsewhere cannot leave a few numbers in a state worth refusing.
        self.others
            .get(number)
            .unwrap_or(&self.last)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Bucket, Side> Shard<B, Side> {
    /// The key's bucket, made if it is missing, and what lies beside the buckets.
    pub(super) fn bucket(&mut self, key: u128, now: Timestamp) -> (&mut B, &mut Side) {
        if self.map.len() >= self.most && !self.map.contains_key(&key) {
            self.make_room(now);
        }
        (self.map.entry(key).or_default(), &mut self.side)
    }

    /// Drops what has refilled; if that is not a quarter, also those that refill soonest.
    fn make_room(&mut self, now: Timestamp) {
        self.map
            .retain(|_, bucket| bucket.refilled_at() > now.as_micros());
        let wanted = self.most - self.most / 4;
        if self.map.len() > wanted {
            let mut moments: Vec<i64> = self.map.values().map(Bucket::refilled_at).collect();
            let excess = self.map.len() - wanted;
            let (_, &mut border, _) = moments.select_nth_unstable(excess - 1);
            self.map.retain(|_, bucket| bucket.refilled_at() > border);
        }
    }
}

/// Hashes a key by folding it: keys are hashes under a secret already.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        let (high, low) = ((key >> 64) as u64, key as u64);
        // The lowest bits of a key chose its shard and are alike within it.
        self.0 = high ^ low.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
