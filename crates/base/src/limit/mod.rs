//! The generic cell rate algorithm as a pure function, the ports behind which its
//! state lives, and what keeps that state in memory for one node or for several. A
//! quota of "100 a minute, burst 200" has a capacity of 200 that refills at 100 a
//! minute, so at most 300 pass in any one minute.
//!
//! Not here: connections to whatever the nodes share (`outbound`), and which limits
//! apply to a request (the gate).

mod buckets;
mod calendar;
mod in_flight;
mod ledger;
mod local;
mod measure;
mod schedule;
mod shared;
#[cfg(any(test, feature = "testing"))]
mod simulate;
mod slot;
mod tally;

pub use calendar::{Allowance, AllowanceError, Period, Window};
pub use in_flight::{InFlight, Slot as InFlightSlot};
pub use ledger::{Answer, Entry, Ledger, Reply};
pub use local::LocalLimiter;
pub use measure::{Amount, Measure, MeasureKind};
pub use schedule::{Next, Schedule};
pub use shared::{SharedBuckets, Wake};
#[cfg(any(test, feature = "testing"))]
pub use simulate::{Cluster, Outcome, Trouble, flood, simulate};
pub use tally::{Tally, TallyKey, Told};

use crate::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A rate and a capacity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    count: u32,
    per: Duration,
    burst: u32,
}

/// Why a quota was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a limit needs a count and a burst of at least 1 and a period from 1s to 31d, at most one request a microsecond"
)]
pub struct QuotaError;

impl Quota {
    /// `count` requests per `per`, with room for `burst` at once.
    ///
    /// # Errors
    /// [`QuotaError`] for a zero, or a period outside one second to 31 days.
    pub fn new(count: u32, per: Duration, burst: u32) -> Result<Self, QuotaError> {
        let sane = (1..=31 * 86_400).contains(&per.as_secs());
        let quota = Self { count, per, burst };
        if count == 0 || burst == 0 || !sane || quota.interval_micros() == 0 {
            return Err(QuotaError);
        }
        Ok(quota)
    }

    /// Requests per [`Quota::per`].
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The period.
    #[must_use]
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// The capacity.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    fn interval_micros(&self) -> i64 {
        i64::try_from(self.per.as_micros() / u128::from(self.count.max(1))).unwrap_or(i64::MAX)
    }

    fn capacity_micros(&self) -> i64 {
        self.interval_micros().saturating_mul(i64::from(self.burst))
    }
}

/// The state of one key: its theoretical arrival time, in microseconds of the
/// caller's clock. Zero is a key never seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival(pub i64);

impl Arrival {
    /// The state had one request less passed.
    #[must_use]
    pub fn without(self, quota: &Quota) -> Self {
        Self(self.0.saturating_sub(quota.interval_micros()))
    }
}

/// What the limiter says of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether it may pass.
    pub allowed: bool,
    /// How many more may pass at once.
    pub remaining: u32,
    /// If refused, how long until one may pass. Never zero then.
    pub retry_after: Duration,
    /// How long until the whole capacity is back.
    pub reset_after: Duration,
}

impl Verdict {
    /// `Retry-After` (RFC 9110 §10.2.3): whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        seconds_up(self.retry_after).max(1)
    }

    /// Whole seconds until the capacity is back, rounded up.
    #[must_use]
    pub fn reset_after_seconds(&self) -> u64 {
        seconds_up(self.reset_after)
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Decides one request: the state to keep (unchanged by a refusal) and the verdict.
/// A state from the future, left by a clock that was set back, counts as a full
/// bucket used up, not as a longer ban.
#[must_use]
pub fn decide(state: Arrival, quota: &Quota, now: Timestamp) -> (Arrival, Verdict) {
    let (now, interval, capacity) = (
        now.as_micros(),
        quota.interval_micros(),
        quota.capacity_micros(),
    );
    let arrival = state.0.clamp(now, now.saturating_add(capacity));
    let next = arrival.saturating_add(interval);
    let over = next.saturating_sub(now.saturating_add(capacity));
    let (kept, allowed) = if over <= 0 {
        (next, true)
    } else {
        (arrival, false)
    };
    let free = now.saturating_add(capacity).saturating_sub(kept);
    let verdict = Verdict {
        allowed,
        remaining: u32::try_from(free / interval.max(1)).unwrap_or(0),
        retry_after: micros(over),
        reset_after: micros(kept.saturating_sub(now)),
    };
    (Arrival(kept), verdict)
}

/// A length of time; none for what is negative.
fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A keyed limiter. The key is a 128-bit hash of realm, limit and holder under a
/// secret, so that a check allocates nothing and nobody can choose keys that collide.
pub trait Limiter: Send + Sync {
    /// Counts one request against the key and says whether it may pass.
    fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict;

    /// Says whether one request would pass, without counting it.
    fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict;

    /// Uncounts one that was counted: another limit refused it, or it turned out not to be
    /// what the limit is about.
    fn give_back(&self, key: u128, quota: Quota, now: Timestamp);
}

/// A verdict that may take a round trip.
pub type Taken<'t> = Pin<Box<dyn Future<Output = Verdict> + Send + 't>>;

/// A limiter that counts before it answers, on all nodes together: for what is rare
/// and must not be exceeded by being asked in parallel, such as guesses at a password.
pub trait StrictLimiter: Limiter {
    /// Counts one against the key if it may pass. The verdict takes at most one round
    /// trip, of bounded length; without an answer this node decides alone.
    fn take(&self, key: u128, quota: Quota, now: Timestamp) -> Taken<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000 + millis * 1000)
    }

    #[test]
    fn a_minute_of_flood_admits_the_burst_and_the_refill() {
        let quota = Quota::new(100, Duration::from_secs(60), 200).unwrap();
        let mut state = Arrival::default();
        let admitted = (0..60_000)
            .filter(|&millis| {
                let (kept, verdict) = decide(state, &quota, at(millis));
                state = kept;
                verdict.allowed
            })
            .count();
        assert_eq!(admitted, 299);
    }

    #[test]
    fn a_refusal_says_when_and_then_it_passes() {
        let quota = Quota::new(1, Duration::from_secs(10), 1).unwrap();
        let (state, first) = decide(Arrival::default(), &quota, at(0));
        assert!(first.allowed);
        assert_eq!(first.reset_after_seconds(), 10);
        let (state, second) = decide(state, &quota, at(400));
        assert!(!second.allowed);
        assert_eq!(second.retry_after, Duration::from_millis(9600));
        assert_eq!(second.retry_after_seconds(), 10);
        assert_eq!(second.reset_after_seconds(), 10, "of 9.6 s");
        assert!(decide(state, &quota, at(10_000)).1.allowed);
    }

    #[test]
    fn a_clock_set_back_does_not_ban_for_long() {
        let quota = Quota::new(1, Duration::from_secs(1), 2).unwrap();
        let (state, _) = decide(Arrival::default(), &quota, at(3_600_000));
        let (_, verdict) = decide(state, &quota, at(0));
        assert_eq!(verdict.retry_after, Duration::from_secs(1));
    }

    #[test]
    fn a_quota_says_what_it_was_made_of() {
        let quota = Quota::new(7, Duration::from_secs(60), 11).unwrap();
        let said = (quota.count(), quota.per(), quota.burst());
        assert_eq!(said, (7, Duration::from_secs(60), 11));
    }

    #[test]
    fn what_remains_is_counted_in_requests() {
        let quota = Quota::new(1, Duration::from_secs(10), 4).unwrap();
        let mut state = Arrival::default();
        for remaining in [3, 2, 1, 0, 0] {
            let (kept, verdict) = decide(state, &quota, at(0));
            state = kept;
            assert_eq!(verdict.remaining, remaining);
        }
        // Half a request that is back is none.
        assert_eq!(decide(state, &quota, at(15_000)).1.remaining, 0);
        assert_eq!(decide(state, &quota, at(20_000)).1.remaining, 1);
    }

    #[test]
    fn a_request_that_is_given_back_may_be_made_again() {
        let quota = Quota::new(1, Duration::from_secs(10), 1).unwrap();
        let (state, _) = decide(Arrival::default(), &quota, at(0));
        assert!(!decide(state, &quota, at(1)).1.allowed);
        assert!(decide(state.without(&quota), &quota, at(1)).1.allowed);
        let first = Quota::new(1, Duration::from_secs(1), 1).unwrap();
        assert_eq!(Arrival(3_000_000).without(&first), Arrival(2_000_000));
    }

    #[test]
    fn nonsense_quotas_are_refused() {
        assert_eq!(Quota::new(0, Duration::from_secs(1), 1), Err(QuotaError));
        assert_eq!(Quota::new(1, Duration::ZERO, 1), Err(QuotaError));
        assert_eq!(Quota::new(1, Duration::from_secs(1), 0), Err(QuotaError));
        assert_eq!(
            Quota::new(u32::MAX, Duration::from_secs(1), 1),
            Err(QuotaError)
        );
    }
}
