//! One key of a shared limit as a node sees it: what it knows of the shared arrival
//! time, what it let through and has not said yet, and what it was granted beforehand.
//! Not here: locks and lists (`shared`), and the rule of the shared side (`ledger`).
//!
//! A key is in one of two modes. In the *open* mode a request passes if the node's own
//! view has room. A refusal makes the key *strict*: now a request passes only out of
//! what the shared side granted this node before, and grants are asked for in the
//! background. A strict key is open again once the view has clearly more room than
//! refills while a grant is held, or half of the capacity. A quota too slow or too small
//! for grants of whole requests stays open; what two nodes let through in the same round
//! trip is debt, which the view then holds.

use super::buckets::Bucket;
use super::ledger::{Answer, Entry};
use super::{Quota, Verdict, micros};

/// An open key is pressing when its unsaid use reaches this part of the room left.
const PRESSING: i64 = 8;
/// No capacity is longer than this, ten years: sums stay far from the end of numbers
/// that a script can count exactly (2^53 microseconds).
const LONGEST: i64 = 315_576_000_000_000;

/// How the node speaks with the others, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long a grant is held without a request, and how much refill it may hold.
    pub(super) hold: i64,
    /// The shortest time between two questions for a grant to one key.
    pub(super) ask_every: i64,
}

/// Whether the node can reach the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// It can.
    Shared,
    /// It cannot, and limits alone.
    Alone,
}

/// When the key has something to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    /// It has not.
    Nothing,
    /// Within the interval.
    Soon,
    /// At once.
    Now,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    #[default]
    Open,
    Strict,
}

/// One key.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The arrival time as this node knows it, by its own clock: use, whether said or
    /// not, and what was granted.
    arrival: i64,
    /// Use that was not said yet; negative if more was given back.
    unsaid: Use,
    /// Use that is being said.
    saying: Use,
    /// Granted and not spent.
    lease: i64,
    /// One request and the capacity, by the quota last seen.
    unit: i64,
    capacity: i64,
    /// When a request last met the strict mode, and when a grant was last asked for.
    used_at: i64,
    asked_at: i64,
    /// Requests since then, and how much to hold because of them.
    demand: u32,
    target: i64,
    /// The life of the shared state that knows what this node knows.
    epoch: i64,
    mode: Mode,
    under_way: bool,
    /// On the list of what is said within the interval, or of what is said next.
    pub(super) listed_soon: bool,
    pub(super) listed_now: bool,
}

/// Use as a map of arrival times: `a` becomes `max(a + delta, until)`.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    delta: i64,
    until: i64,
}

impl Use {
    fn count(&mut self, unit: i64, now: i64) {
        self.delta = (self.delta + unit).min(LONGEST);
        self.until = self.until.max(now) + unit;
    }

    fn uncount(&mut self, back: i64) {
        self.delta -= back;
        self.until -= back;
    }

    /// This use and then the later one.
    fn then(self, later: Self) -> Self {
        Self {
            delta: (self.delta + later.delta).clamp(-LONGEST, LONGEST),
            until: (self.until + later.delta).max(later.until),
        }
    }

    fn after(self, arrival: i64) -> i64 {
        (arrival + self.delta).max(self.until)
    }
}

impl Bucket for Slot {
    fn refilled_at(&self) -> i64 {
        self.arrival
    }
}

impl Slot {
    /// Takes the quota of this request as the key's, and forgets what has refilled.
    pub(super) fn adopt(&mut self, quota: &Quota, now: i64) {
        self.unit = quota.interval_micros().clamp(1, LONGEST);
        self.capacity = quota.capacity_micros().clamp(1, LONGEST);
        self.arrival = self.arrival.clamp(now, now + 2 * self.capacity);
    }

    /// Counts one request and says whether it may pass.
    pub(super) fn check(&mut self, now: i64, pace: &Pace, link: Link) -> Verdict {
        if link == Link::Alone || (self.is_strict() && self.has_recovered(now, pace)) {
            self.mode = Mode::Open;
            self.return_lease();
        }
        if !self.is_strict() {
            if self.over(now) <= 0 {
                self.arrival += self.unit;
                self.unsaid.count(self.unit, now);
                return self.verdict(true, now, pace);
            }
            if link == Link::Alone || self.most_granted(pace) == 0 {
                return self.verdict(false, now, pace);
            }
            self.mode = Mode::Strict;
            self.target = self.unit;
            self.demand = 0;
        }
        self.used_at = now;
        self.demand = self.demand.saturating_add(1);
        let allowed = self.lease >= self.unit;
        if allowed {
            self.lease -= self.unit;
        }
        self.verdict(allowed, now, pace)
    }

    /// Says whether one request would pass, as far as the node knows.
    pub(super) fn peek(&self, now: i64, pace: &Pace) -> Verdict {
        let allowed = self.over(now) <= 0 || self.lease >= self.unit;
        self.verdict(allowed, now, pace)
    }

    /// Uncounts one request.
    pub(super) fn give_back(&mut self, now: i64) {
        let back = self.unit.min(self.arrival - now);
        self.arrival -= back;
        self.unsaid.uncount(back);
    }

    /// How soon there is something to say.
    pub(super) fn need(&self, now: i64, pace: &Pace) -> Need {
        if self.under_way {
            return Need::Nothing;
        }
        if self.is_strict() {
            if self.demand == 0 && self.lease == 0 && self.unsaid.delta == 0 {
                return Need::Nothing;
            }
            let short = 2 * self.lease < self.target && self.over(now) <= 0;
            let may_ask = (now - self.asked_at).abs() >= pace.ask_every;
            return if short && may_ask && self.demand > 0 {
                Need::Now
            } else {
                Need::Soon
            };
        }
        match self.unsaid.delta {
            0 => Need::Nothing,
            back if back < 0 => Need::Now,
            used if used.saturating_mul(PRESSING) >= self.room(now) => Need::Now,
            _ => Need::Soon,
        }
    }

    /// What the key has to say, if anything; it is then under way until
    /// [`Slot::apply`] or [`Slot::fail`].
    pub(super) fn say(&mut self, key: u128, epoch: i64, now: i64, pace: &Pace) -> Option<Entry> {
        if self.under_way {
            return None;
        }
        if (now - self.used_at).abs() >= pace.hold {
            self.return_lease();
        }
        let mut want = 0;
        if self.is_strict() && self.demand > 0 {
            // Twice what was asked of this node since, so that a steady client is
            // never without; what is held already counts.
            let expected = i64::from(self.demand).saturating_mul(2).saturating_add(1);
            self.target = expected.min(self.most_granted(pace)).max(1) * self.unit;
            want = (self.target - self.lease).max(0);
            self.demand = 0;
            self.asked_at = now;
        }
        if want == 0 && self.unsaid.delta == 0 {
            return None;
        }
        let floor = self.floor(epoch, now);
        self.saying = std::mem::take(&mut self.unsaid);
        self.under_way = true;
        Some(Entry {
            key,
            delta: self.saying.delta,
            lead: (self.saying.until - now).max(0),
            floor,
            capacity: self.capacity,
            want,
            unit: self.unit,
        })
    }

    /// Takes the answer to [`Slot::say`] in.
    pub(super) fn apply(&mut self, answer: &Answer, heard: Heard, now: i64) {
        self.saying = Use::default();
        self.under_way = false;
        if self.is_strict() {
            self.lease += answer.granted;
        } else {
            // Granted to a key that is open again: given back with the next merge.
            self.unsaid.uncount(answer.granted);
        }
        self.learn(answer, heard, now);
    }

    /// The answer to [`Slot::say`] will not come. What it said is said again: it may
    /// count twice, and never not at all.
    pub(super) fn fail(&mut self) {
        self.under_way = false;
        let said = std::mem::take(&mut self.saying);
        self.unsaid = said.then(self.unsaid);
    }

    /// A question for one request now, beside whatever is under way.
    pub(super) fn ask(&self, key: u128, epoch: i64, now: i64) -> Entry {
        Entry {
            key,
            delta: 0,
            lead: 0,
            floor: self.floor(epoch, now),
            capacity: self.capacity,
            want: self.unit,
            unit: self.unit,
        }
    }

    /// Takes the answer to [`Slot::ask`] in.
    pub(super) fn take(&mut self, answer: &Answer, heard: Heard, now: i64, pace: &Pace) -> Verdict {
        // Whoever has forgotten grants what this node knows to be used up.
        let forgotten = heard == Heard::Reborn && self.over(now) > 0;
        self.learn(answer, heard, now);
        self.verdict(answer.granted >= self.unit && !forgotten, now, pace)
    }

    fn learn(&mut self, answer: &Answer, heard: Heard, now: i64) {
        let since = self.saying.then(self.unsaid);
        let told = since.after(now.saturating_add(answer.backlog));
        match heard {
            Heard::Known(epoch) => {
                self.arrival = told;
                self.epoch = epoch;
            }
            // Whoever answered has forgotten what this node knows, and is told it with
            // the next merge.
            Heard::Reborn => self.arrival = told.max(self.arrival + answer.granted),
        }
        self.arrival = self.arrival.clamp(now, now + 2 * self.capacity);
    }

    /// Gives back what was granted and not spent.
    fn return_lease(&mut self) {
        let back = std::mem::take(&mut self.lease);
        self.arrival -= back;
        self.unsaid.uncount(back);
    }

    /// The backlog to restore if the shared side does not know this node's use.
    fn floor(&self, epoch: i64, now: i64) -> i64 {
        if self.epoch == epoch {
            return 0;
        }
        (self.arrival - self.unsaid.delta - self.saying.delta - now).clamp(0, 2 * self.capacity)
    }

    fn is_strict(&self) -> bool {
        self.mode == Mode::Strict
    }

    /// The most requests a node holds: what refills while it may, and no more than a
    /// quarter of the capacity.
    fn most_granted(&self, pace: &Pace) -> i64 {
        pace.hold.min(self.capacity / 4) / self.unit
    }

    fn has_recovered(&self, now: i64, pace: &Pace) -> bool {
        let clear = (2 * self.most_granted(pace) + 1) * self.unit;
        self.room(now) >= clear.min(self.capacity / 2)
    }

    fn room(&self, now: i64) -> i64 {
        now + self.capacity - self.arrival.max(now)
    }

    fn over(&self, now: i64) -> i64 {
        self.unit - self.room(now)
    }

    fn verdict(&self, allowed: bool, now: i64, pace: &Pace) -> Verdict {
        let left = self.room(now).max(0) + self.lease;
        let (remaining, retry_after) = if allowed {
            (u32::try_from(left / self.unit).unwrap_or(u32::MAX), 0)
        } else {
            (0, self.over(now).max(pace.ask_every))
        };
        Verdict {
            allowed,
            remaining,
            retry_after: micros(retry_after),
            reset_after: micros(self.arrival - now),
        }
    }
}

/// Who answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// The shared state of the life that the entry was made for.
    Known(i64),
    /// Another life.
    Reborn,
}
