//! Quotas of the calendar: so many in a day or in a month, by UTC. Not here: the counts
//! (`tally`).

use crate::Timestamp;
use std::time::Duration;

/// The longest month is 31 days.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// After which a quota begins anew.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Period {
    /// Midnight, UTC.
    Day,
    /// Midnight, UTC, of this day of each month, 1 to 28: those that every month has.
    Month {
        /// The day of the month.
        from: u8,
    },
}

/// From when to when a quota holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

/// So many in each period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    most: u64,
    period: Period,
}

/// Why an allowance was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota is at least 1 and at most 10^15, and its month begins on a day from 1 to 28")]
pub struct AllowanceError;

impl Period {
    /// The window that `now` lies in.
    #[must_use]
    pub fn window(self, now: Timestamp) -> Window {
        self.civil(now).unwrap_or_else(|| {
            // Beyond the years that the calendar knows a window is as long as a month may be.
            Window {
                start: now,
                end: now.plus(LONGEST),
            }
        })
    }

    fn civil(self, now: Timestamp) -> Option<Window> {
        let zone = jiff::tz::TimeZone::UTC;
        let moment = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
        let today = zone.to_datetime(moment).date();
        let (first, next) = match self {
            Self::Day => (today, today.tomorrow().ok()?),
            Self::Month { from } => {
                let from = i8::try_from(from.clamp(1, 28)).ok()?;
                let this = jiff::civil::Date::new(today.year(), today.month(), from).ok()?;
                let month = jiff::Span::new().months(1);
                if today < this {
                    (this.checked_sub(month).ok()?, this)
                } else {
                    (this, this.checked_add(month).ok()?)
                }
            }
        };
        let midnight = |date: jiff::civil::Date| {
            let moment = zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
            Some(Timestamp::from_micros(moment.as_microsecond()))
        };
        Some(Window {
            start: midnight(first)?,
            end: midnight(next)?,
        })
    }
}

impl Allowance {
    /// The most that a quota may be: counts of several nodes are added in 64 bits.
    const LARGEST: u64 = 1_000_000_000_000_000;

    /// At most `most` in each `period`.
    ///
    /// # Errors
    /// [`AllowanceError`] for none, more than can be counted, or a day that some months
    /// lack.
    pub fn new(most: u64, period: Period) -> Result<Self, AllowanceError> {
        let sane = match period {
            Period::Day => true,
            Period::Month { from } => (1..=28).contains(&from),
        };
        if most == 0 || most > Self::LARGEST || !sane {
            return Err(AllowanceError);
        }
        Ok(Self { most, period })
    }

    /// How many.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }

    /// In which period.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }

    /// The same period with another number.
    #[must_use]
    pub const fn with(self, most: u64) -> Self {
        Self { most, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(period: Period, now: &str) -> (String, String) {
        let window = period.window(Timestamp::parse(now).unwrap());
        (window.start.to_string(), window.end.to_string())
    }

    fn span(start: &str, end: &str) -> (String, String) {
        let midnight = |date: &str| format!("{date}T00:00:00Z");
        (midnight(start), midnight(end))
    }

    #[test]
    fn a_day_begins_at_midnight_by_utc() {
        let last = window(Period::Day, "2026-12-31T23:59:59.999999Z");
        assert_eq!(last, span("2026-12-31", "2027-01-01"));
        let first = window(Period::Day, "2027-01-01T00:00:00Z");
        assert_eq!(first, span("2027-01-01", "2027-01-02"));
    }

    #[test]
    fn a_month_begins_on_its_day() {
        let month = |from, now| window(Period::Month { from }, now);
        assert_eq!(
            month(1, "2026-11-30T12:00:00Z"),
            span("2026-11-01", "2026-12-01")
        );
        assert_eq!(
            month(15, "2026-01-14T23:59:59Z"),
            span("2025-12-15", "2026-01-15")
        );
        assert_eq!(
            month(15, "2026-01-15T00:00:00Z"),
            span("2026-01-15", "2026-02-15")
        );
        assert_eq!(
            month(28, "2028-02-29T00:00:00Z"),
            span("2028-02-28", "2028-03-28")
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Allowance::new(1, Period::Month { from: 28 }).is_ok());
        assert!(Allowance::new(Allowance::LARGEST, Period::Day).is_ok());
        let wrong = [
            (0, Period::Day),
            (Allowance::LARGEST + 1, Period::Day),
            (1, Period::Month { from: 0 }),
            (1, Period::Month { from: 29 }),
        ];
        for (most, period) in wrong {
            assert_eq!(Allowance::new(most, period), Err(AllowanceError));
        }
    }

    #[test]
    fn a_moment_beyond_the_calendar_has_a_window_too() {
        let far = Timestamp::MAX.minus(LONGEST);
        let window = Period::Day.window(far);
        assert!(window.start <= far && far < window.end);
    }
}
