//! What a limit counts, and how much of it there is for somebody who was given another
//! amount. Not here: who is counted (the gate), and the counting (`local`, `shared`,
//! `tally`, `in_flight`).

use super::Quota;
use super::calendar::Allowance;

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Requests in a time that passes evenly.
    Rate(Quota),
    /// Requests that have begun and not ended; never zero.
    InFlight(u32),
    /// Requests in a day or a month of the calendar.
    Calendar(Allowance),
}

/// How much of a measure somebody is given in place of what the configuration says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    /// Another rate and burst.
    Rate(Quota),
    /// So many at once.
    InFlight(u32),
    /// So many in the period that the configuration says.
    Calendar(u64),
}

/// Which kind of measure it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MeasureKind {
    /// [`Measure::Rate`].
    Rate,
    /// [`Measure::InFlight`].
    InFlight,
    /// [`Measure::Calendar`].
    Calendar,
}

crate::words!(MeasureKind { Rate = "rate", InFlight = "in_flight", Calendar = "quota" });

impl Measure {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> MeasureKind {
        match self {
            Self::Rate(_) => MeasureKind::Rate,
            Self::InFlight(_) => MeasureKind::InFlight,
            Self::Calendar(_) => MeasureKind::Calendar,
        }
    }

    /// The same measure with this amount; as it is where the amount is of another kind.
    #[must_use]
    pub const fn with(self, amount: Amount) -> Self {
        match (self, amount) {
            (Self::Rate(_), Amount::Rate(quota)) => Self::Rate(quota),
            (Self::InFlight(_), Amount::InFlight(most)) => Self::InFlight(most),
            (Self::Calendar(allowance), Amount::Calendar(most)) => {
                Self::Calendar(allowance.with(most))
            }
            _ => self,
        }
    }
}

impl Amount {
    /// The kind of the measures that it fits.
    #[must_use]
    pub const fn kind(&self) -> MeasureKind {
        match self {
            Self::Rate(_) => MeasureKind::Rate,
            Self::InFlight(_) => MeasureKind::InFlight,
            Self::Calendar(_) => MeasureKind::Calendar,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Period;
    use std::time::Duration;

    #[test]
    fn an_amount_changes_the_measure_of_its_own_kind_alone() {
        let rate = |count| Quota::new(count, Duration::from_secs(60), count).unwrap();
        let day = |most| Measure::Calendar(Allowance::new(most, Period::Day).unwrap());
        let measures = [Measure::Rate(rate(1)), Measure::InFlight(1), day(1)];
        let amounts = [
            (Amount::Rate(rate(9)), Measure::Rate(rate(9))),
            (Amount::InFlight(9), Measure::InFlight(9)),
            (Amount::Calendar(9), day(9)),
        ];
        for measure in measures {
            for (amount, changed) in amounts {
                let fits = amount.kind() == measure.kind();
                let expected = if fits { changed } else { measure };
                assert_eq!(measure.with(amount), expected);
            }
        }
    }
}
