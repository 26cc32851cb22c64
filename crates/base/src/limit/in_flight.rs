//! Requests in flight: how many have begun and not ended, by key. What was taken is given
//! back by dropping it, so that no way in which a request may end is forgotten. Each
//! process counts its own: a count that several share would have to outlive the process
//! that dies with requests open.

use super::Verdict;
use super::buckets::Fold;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SHARDS: usize = 16;

type Counts = HashMap<u128, u32, BuildHasherDefault<Fold>>;

/// Counts of open requests, as many as there are requests at most.
#[derive(Debug, Default)]
pub struct InFlight {
    shards: [Mutex<Counts>; SHARDS],
    last: Mutex<Counts>,
}

/// One request's place. Dropping it gives it back.
#[derive(Debug)]
pub struct Slot {
    of: Arc<InFlight>,
    key: u128,
}

impl InFlight {
    /// Takes a place among `most`, if one is free.
    pub fn take(self: &Arc<Self>, key: u128, most: u32) -> (Verdict, Option<Slot>) {
        let mut counts = self.shard(key);
        let count = counts.entry(key).or_insert(0);
        let slot = if *count < most {
            *count += 1;
            Some(Slot {
                of: Arc::clone(self),
                key,
            })
        } else {
            if *count == 0 {
                counts.remove(&key);
            }
            None
        };
        let open = counts.get(&key).copied().unwrap_or(0);
        let verdict = Verdict {
            allowed: slot.is_some(),
            remaining: most.saturating_sub(open),
            // When one ends nobody knows.
            retry_after: if slot.is_some() {
                Duration::ZERO
            } else {
                Duration::from_secs(1)
            },
            reset_after: Duration::ZERO,
        };
        (verdict, slot)
    }

    /// How many keys have requests open.
    #[must_use]
    pub fn keys(&self) -> usize {
        let all = self.shards.iter().chain([&self.last]);
        all.map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, key: u128) -> MutexGuard<'_, Counts> {
        let number = usize::try_from(key % SHARDS as u128).unwrap_or(0);
        lock(self.shards.get(number).unwrap_or(&self.last))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.of.shard(self.key);
        if let Entry::Occupied(mut count) = counts.entry(self.key) {
            match count.get().checked_sub(1) {
                None | Some(0) => drop(count.remove()),
                Some(left) => *count.get_mut() = left,
            }
        }
    }
}

fn lock(shard: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // A panic elsewhere leaves a number that is still right.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_there_are_places_and_each_is_given_back_once() {
        let counts = Arc::new(InFlight::default());
        let (first, one) = counts.take(7, 2);
        let (second, two) = counts.take(7, 2);
        assert!(first.allowed && second.allowed);
        assert_eq!((first.remaining, second.remaining), (1, 0));
        let (third, none) = counts.take(7, 2);
        assert!(!third.allowed && none.is_none());
        assert_eq!((third.remaining, third.retry_after_seconds()), (0, 1));
        drop(one);
        let (fourth, four) = counts.take(7, 2);
        assert!(fourth.allowed);
        assert!(!counts.take(7, 2).0.allowed);
        drop((two, four));
        assert_eq!(counts.keys(), 0);
    }

    #[test]
    fn keys_do_not_touch_each_other_not_even_in_one_shard() {
        let counts = Arc::new(InFlight::default());
        let held: Vec<_> = [1, 17, 33, u128::MAX]
            .into_iter()
            .map(|key| counts.take(key, 1).1)
            .collect();
        assert!(held.iter().all(Option::is_some));
        assert_eq!(counts.keys(), 4);
        drop(held);
        assert_eq!(counts.keys(), 0);
    }

    #[test]
    fn a_refusal_leaves_no_trace_and_fewer_places_throw_nobody_out() {
        let counts = Arc::new(InFlight::default());
        assert!(!counts.take(1, 0).0.allowed);
        assert_eq!(counts.keys(), 0);
        let held: Vec<_> = (0..3).map(|_| counts.take(1, 3).1).collect();
        assert!(!counts.take(1, 2).0.allowed);
        drop(held);
        assert!(counts.take(1, 2).0.allowed);
    }

    #[test]
    fn a_place_is_given_back_when_its_holder_panics() {
        let counts = Arc::new(InFlight::default());
        let of_thread = Arc::clone(&counts);
        let ended = std::thread::spawn(move || {
            let _held = of_thread.take(1, 1);
            panic!("on purpose");
        });
        assert!(ended.join().is_err());
        assert!(counts.take(1, 1).0.allowed);
    }
}
