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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Full(i64);

    impl Bucket for Full {
        fn refilled_at(&self) -> i64 {
            self.0
        }
    }

    #[test]
    fn keys_are_spread_over_all_shards_by_their_lowest_bits() {
        let numbers: Vec<usize> = (0..128).map(Buckets::<Full>::number).collect();
        let expected: Vec<usize> = (0..SHARDS).chain(0..SHARDS).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_shard_has_its_share_of_the_keys_and_a_few_at_least() {
        assert_eq!(Buckets::<Full>::new(64 * 100).per_shard(), 100);
        assert_eq!(Buckets::<Full>::new(1).per_shard(), 16);
    }

    /// A flood of new keys frees none that is under a limit.
    #[test]
    fn what_is_nearest_to_full_goes_first() {
        let buckets: Buckets<Full> = Buckets::new(64 * 16);
        let mut shard = buckets.shard(0);
        let now = Timestamp::from_micros(100);
        for key in 0..16 {
            shard.bucket(key, now).0.0 = 100 + i64::try_from(key).unwrap();
        }
        shard.bucket(99, now).0.0 = 1000;
        let mut left: Vec<u128> = shard.map.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 99]);
        // One that is there needs no room, and what has refilled goes at once.
        assert_eq!(shard.bucket(4, now).0.0, 104);
        let later = Timestamp::from_micros(114);
        for key in 200..204 {
            shard.bucket(key, later).0.0 = 1000;
        }
        let mut left: Vec<u128> = shard.map.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [15, 99, 200, 201, 202, 203]);
    }

    #[test]
    fn when_a_quarter_has_refilled_nothing_else_goes() {
        let buckets: Buckets<Full> = Buckets::new(64 * 16);
        let mut shard = buckets.shard(0);
        for key in 0..16 {
            let moment = if key < 4 { 0 } else { 200 };
            shard.bucket(key, Timestamp::from_micros(0)).0.0 = moment;
        }
        shard.bucket(99, Timestamp::from_micros(100)).0.0 = 200;
        let mut left: Vec<u128> = shard.map.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 99]);
    }

    /// Keys are hashes under a secret, so that folding them is enough; but the lowest
    /// bits, which chose the shard, must not be all that counts within it.
    #[test]
    fn keys_of_one_shard_are_spread_within_it() {
        let hash = |key: u128| {
            let mut fold = Fold::default();
            fold.write_u128(key);
            fold.finish()
        };
        let steps = [1_u128 << 6, 1 << 64, (1 << 64) + (1 << 6)];
        for (step, flipped) in steps
            .iter()
            .flat_map(|step| [(*step, 0), (*step, u128::MAX)])
        {
            let keys = (0..1000).map(|number| flipped ^ (number * step));
            let hashes: std::collections::BTreeSet<u64> = keys.map(hash).collect();
            assert_eq!(hashes.len(), 1000, "{step:x}");
            // A map takes the highest bits first.
            let tops: std::collections::BTreeSet<u64> =
                hashes.iter().map(|hash| hash >> 56).collect();
            assert!(step == 1 << 64 || tops.len() > 100, "{step:x}");
        }
    }
}
