//! What nodes say to the place where a limit is shared, what it answers, and the rule
//! by which it does. Redis runs the same rule as a script (`outbound`); the ledger here
//! is that rule in memory, for simulations. Not here: when a node speaks (`schedule`).

use std::collections::HashMap;

/// What a node says of one key. All lengths are microseconds of the key's arrival time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key.
    pub key: u128,
    /// What the node has let through since it last said so, less what it gives back.
    pub delta: i64,
    /// The backlog that this use alone would have left in a full bucket. Requests at
    /// their moments `t` map an arrival time `a` to `max(a, t) + unit`; any sequence of
    /// them maps it to `max(a + delta, now + lead)`, so that nothing is lost by saying
    /// it late.
    pub lead: i64,
    /// The least backlog there must have been before `delta`: what the node knew before
    /// the shared state was lost. Zero when it was not.
    pub floor: i64,
    /// The capacity.
    pub capacity: i64,
    /// What the node wants granted beforehand; zero for nothing.
    pub want: i64,
    /// One request; grants are multiples of it.
    pub unit: i64,
}

/// What a node is told of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The key.
    pub key: u128,
    /// How far the arrival time now is ahead of the shared clock.
    pub backlog: i64,
    /// What was granted; the backlog holds it already.
    pub granted: i64,
}

/// The answer to one merge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Which life of the shared state answered: another one has forgotten everything.
    pub epoch: i64,
    /// An answer for each entry, in their order.
    pub answers: Vec<Answer>,
}

/// Counts one entry into the shared arrival time and grants what is free. Debt beyond
/// the capacity is kept up to one more capacity, so that what nodes let through at the
/// same moment is paid back.
#[must_use]
pub(super) fn count(arrival: i64, entry: &Entry, now: i64) -> (i64, Answer) {
    let known = match entry.floor {
        0 => arrival,
        floor => arrival.max(now.saturating_add(floor)),
    };
    let full = now.saturating_add(entry.capacity);
    let most = full.saturating_add(entry.capacity);
    let counted = known
        .saturating_add(entry.delta)
        .max(now.saturating_add(entry.lead))
        .clamp(now, most);
    let free = full.saturating_sub(counted).clamp(0, entry.want.max(0));
    let granted = free - free % entry.unit.max(1);
    let kept = counted + granted;
    let answer = Answer {
        key: entry.key,
        backlog: kept - now,
        granted,
    };
    (kept, answer)
}

/// The shared state in memory.
#[derive(Debug, Default)]
pub struct Ledger {
    epoch: i64,
    arrivals: HashMap<u128, i64>,
}

impl Ledger {
    /// A ledger in its first life.
    #[must_use]
    pub fn new() -> Self {
        Self {
            epoch: 1,
            arrivals: HashMap::new(),
        }
    }

    /// Counts a batch at `now`, in microseconds of the shared clock.
    pub fn merge(&mut self, entries: &[Entry], now: i64) -> Reply {
        let answers = entries.iter().map(|entry| {
            let arrival = self.arrivals.entry(entry.key).or_default();
            let (kept, answer) = count(*arrival, entry, now);
            *arrival = kept;
            answer
        });
        Reply {
            answers: answers.collect(),
            epoch: self.epoch,
        }
    }

    /// Forgets everything, as a Redis that was restarted empty.
    pub fn forget(&mut self) {
        self.epoch += 1;
        self.arrivals.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry = Entry {
        key: 1,
        delta: 0,
        lead: 0,
        floor: 0,
        capacity: 100,
        want: 0,
        unit: 10,
    };

    #[test]
    fn use_of_several_nodes_adds_up_and_debt_is_bounded() {
        let mut ledger = Ledger::new();
        let used = |delta| Entry {
            delta,
            lead: delta,
            ..ENTRY
        };
        let mut say = |delta, now| ledger.merge(&[used(delta)], now).answers[0].backlog;
        assert_eq!(say(60, 1000), 60);
        assert_eq!(say(60, 1000), 120);
        assert_eq!(say(500, 1000), 200);
        assert_eq!(say(0, 1050), 150);
        assert_eq!(say(-500, 1050), 0);
        assert_eq!(say(30, 9000), 30);
    }

    #[test]
    fn use_that_is_said_late_counts_as_if_it_had_been_said_at_once() {
        let moments = [1000, 1004, 1006, 1040, 1041, 1043];
        for start in [0, 990, 1001, 1020, 1045, 1090] {
            let at_once = moments.iter().fold(start, |a: i64, t| a.max(*t) + 10);
            let alone = moments.iter().fold(0, |a: i64, t| a.max(*t) + 10);
            let late = Entry {
                delta: 60,
                lead: alone - 1050,
                ..ENTRY
            };
            assert_eq!(count(start, &late, 1050).0, at_once, "{start}");
        }
    }

    #[test]
    fn grants_are_whole_requests_of_what_is_free() {
        let wants = |want| Entry { want, ..ENTRY };
        let granted = |used: i64, want| count(1000 + used, &wants(want), 1000).1.granted;
        assert_eq!(granted(0, 50), 50);
        assert_eq!(granted(75, 50), 20);
        assert_eq!(granted(95, 50), 0);
        assert_eq!(granted(150, 50), 0);
        assert_eq!(count(1000, &wants(50), 1000).1.backlog, 50);
    }

    #[test]
    fn what_nodes_know_restores_what_was_forgotten_once() {
        let mut ledger = Ledger::new();
        let used = Entry {
            delta: 80,
            lead: 80,
            ..ENTRY
        };
        let first = ledger.merge(&[used], 1000);
        ledger.forget();
        let knowing = Entry {
            floor: 80,
            delta: 10,
            ..ENTRY
        };
        let second = ledger.merge(&[knowing], 1000);
        assert_ne!(first.epoch, second.epoch);
        assert_eq!(second.answers[0].backlog, 90);
        assert_eq!(ledger.merge(&[knowing], 1000).answers[0].backlog, 100);
    }
}
