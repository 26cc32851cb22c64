//! The counts of quotas of the calendar, as one process knows them: what the store said
//! last and what was let through since. A request is counted in memory at once; what was
//! counted is told to the store in the background, which answers with the count of all
//! processes. So a restart forgets nothing that was told, and several processes share a
//! quota, each of them ahead of the others by what it let through since it last told. Not
//! here: the store, and when it is told (the server).

use super::buckets::Fold;
use super::{Allowance, Verdict, Window};
use crate::Timestamp;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whose quota, and of which window. Two limits never share a key; a window is told by
/// its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TallyKey {
    /// The realm's number in the store.
    pub realm: i64,
    /// Limit and holder, hashed.
    pub holder: u128,
    /// When the window began.
    pub start: Timestamp,
}

/// What was counted and not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Of whom.
    pub key: TallyKey,
    /// When the window ends: then the count is of no use to anybody.
    pub end: Timestamp,
    /// How many more; fewer, where some were given back.
    pub more: i64,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    end: Timestamp,
    /// As the store said last.
    known: i64,
    unsaid: i64,
    /// Under way to the store.
    saying: i64,
}

/// The counts of one process.
#[derive(Debug)]
pub struct Tally {
    counts: Mutex<HashMap<TallyKey, Count, BuildHasherDefault<Fold>>>,
    most: usize,
}

impl Tally {
    /// At most about `most` counts; those that were told are forgotten first.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            counts: Mutex::default(),
            most: most.max(16),
        }
    }

    /// Counts one request if it may pass; `None` where nothing is known of the key yet and
    /// the store is to be asked ([`Tally::learn`]).
    pub fn take(
        &self,
        key: TallyKey,
        window: Window,
        allowance: &Allowance,
        now: Timestamp,
    ) -> Option<Verdict> {
        let mut counts = self.lock();
        let count = counts.get_mut(&key)?;
        let most = i64::try_from(allowance.most()).unwrap_or(i64::MAX);
        let allowed = count.used() < most;
        if allowed {
            count.unsaid += 1;
        }
        let left = most.saturating_sub(count.used()).max(0);
        let until = window.end.since(now);
        Some(Verdict {
            allowed,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            retry_after: if allowed {
                std::time::Duration::ZERO
            } else {
                until
            },
            reset_after: until,
        })
    }

    /// What the store knows of a key that is not known here. Where it became known
    /// meanwhile nothing changes.
    pub fn learn(&self, key: TallyKey, end: Timestamp, used: i64, now: Timestamp) {
        let mut counts = self.lock();
        if counts.len() >= self.most && !counts.contains_key(&key) {
            counts.retain(|_, count| count.is_wanted(now));
            if counts.len() >= self.most {
                // The store knows what was told.
                counts.retain(|_, count| count.unsaid != 0 || count.saying != 0);
            }
        }
        counts.entry(key).or_insert(Count {
            end,
            known: used,
            unsaid: 0,
            saying: 0,
        });
    }

    /// Uncounts one request.
    pub fn give_back(&self, key: TallyKey) {
        if let Some(count) = self.lock().get_mut(&key) {
            count.unsaid -= 1;
        }
    }

    /// What is to be told, at most `most` of it. Each is answered by
    /// [`Tally::apply`] or [`Tally::fail`].
    pub fn collect(&self, most: usize) -> Vec<Told> {
        let mut told = Vec::new();
        for (key, count) in self.lock().iter_mut() {
            if told.len() >= most {
                break;
            }
            if count.unsaid != 0 && count.saying == 0 {
                count.saying = std::mem::take(&mut count.unsaid);
                told.push(Told {
                    key: *key,
                    end: count.end,
                    more: count.saying,
                });
            }
        }
        told
    }

    /// The store has counted it, and this is the whole now.
    pub fn apply(&self, key: TallyKey, used: i64) {
        if let Some(count) = self.lock().get_mut(&key) {
            (count.known, count.saying) = (used, 0);
        }
    }

    /// The store did not count it: it is told again.
    pub fn fail(&self, key: TallyKey) {
        if let Some(count) = self.lock().get_mut(&key) {
            count.unsaid += std::mem::take(&mut count.saying);
        }
    }

    /// Drops the counts of windows that are over and were told.
    pub fn forget(&self, now: Timestamp) {
        self.lock().retain(|_, count| count.is_wanted(now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TallyKey, Count, BuildHasherDefault<Fold>>> {
        // A panic elsewhere leaves numbers that are still worth having.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    const fn used(&self) -> i64 {
        self.known
            .saturating_add(self.unsaid)
            .saturating_add(self.saying)
    }

    fn is_wanted(&self, now: Timestamp) -> bool {
        now < self.end || self.unsaid != 0 || self.saying != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Period;

    const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn of_the_day(most: u64) -> (Allowance, Window) {
        let allowance = Allowance::new(most, Period::Day).unwrap();
        (allowance, Period::Day.window(NOON))
    }

    fn key(holder: u128) -> TallyKey {
        TallyKey {
            realm: 1,
            holder,
            start: Period::Day.window(NOON).start,
        }
    }

    #[test]
    fn nothing_is_counted_before_the_store_was_asked() {
        let tally = Tally::new(100);
        let (allowance, window) = of_the_day(2);
        assert_eq!(tally.take(key(1), window, &allowance, NOON), None);
        tally.learn(key(1), window.end, 1, NOON);
        let first = tally.take(key(1), window, &allowance, NOON).unwrap();
        assert_eq!((first.allowed, first.remaining), (true, 0));
        let second = tally.take(key(1), window, &allowance, NOON).unwrap();
        assert!(!second.allowed);
        assert_eq!(second.retry_after, window.end.since(NOON));
        assert_eq!(second.reset_after, window.end.since(NOON));
    }

    #[test]
    fn what_another_process_let_through_counts_once_the_store_said_so() {
        let tally = Tally::new(100);
        let (allowance, window) = of_the_day(10);
        tally.learn(key(1), window.end, 0, NOON);
        assert!(
            tally
                .take(key(1), window, &allowance, NOON)
                .unwrap()
                .allowed
        );
        let told = tally.collect(10);
        let expected = Told {
            key: key(1),
            end: window.end,
            more: 1,
        };
        assert_eq!(told, [expected]);
        assert!(
            tally
                .take(key(1), window, &allowance, NOON)
                .unwrap()
                .allowed
        );
        assert_eq!(tally.collect(10), [], "one telling is under way");
        tally.apply(key(1), 9);
        // Nine of all, and one that was not told.
        let verdict = tally.take(key(1), window, &allowance, NOON).unwrap();
        assert!(!verdict.allowed);
        assert_eq!(tally.collect(10).first().unwrap().more, 1);
    }

    #[test]
    fn what_the_store_did_not_hear_is_told_again_with_the_rest() {
        let tally = Tally::new(100);
        let (allowance, window) = of_the_day(10);
        tally.learn(key(1), window.end, 0, NOON);
        tally.take(key(1), window, &allowance, NOON);
        tally.collect(10);
        tally.take(key(1), window, &allowance, NOON);
        tally.give_back(key(1));
        tally.take(key(1), window, &allowance, NOON);
        tally.fail(key(1));
        assert_eq!(tally.collect(10).first().unwrap().more, 2);
    }

    #[test]
    fn a_window_that_is_over_is_forgotten_once_it_was_told() {
        let tally = Tally::new(100);
        let (allowance, window) = of_the_day(10);
        tally.learn(key(1), window.end, 3, NOON);
        tally.take(key(1), window, &allowance, NOON);
        tally.forget(window.end);
        assert_eq!(tally.collect(10).len(), 1);
        tally.apply(key(1), 4);
        tally.forget(window.end);
        assert_eq!(tally.take(key(1), window, &allowance, NOON), None);
    }

    #[test]
    fn memory_is_bounded_and_what_was_not_told_stays() {
        let tally = Tally::new(16);
        let (allowance, window) = of_the_day(10);
        tally.learn(key(0), window.end, 0, NOON);
        tally.take(key(0), window, &allowance, NOON);
        for holder in 1..1000 {
            tally.learn(key(holder), window.end, 0, NOON);
        }
        assert!(tally.lock().len() <= 17);
        assert_eq!(tally.collect(10).first().unwrap().key, key(0));
    }

    #[test]
    fn telling_goes_on_where_it_left_off() {
        let tally = Tally::new(100);
        let (allowance, window) = of_the_day(10);
        for holder in 0..5 {
            tally.learn(key(holder), window.end, 0, NOON);
            tally.take(key(holder), window, &allowance, NOON);
        }
        let told: Vec<_> = [tally.collect(3), tally.collect(3)].concat();
        let mut holders: Vec<u128> = told.iter().map(|told| told.key.holder).collect();
        holders.sort_unstable();
        assert_eq!(holders, [0, 1, 2, 3, 4]);
    }
}
