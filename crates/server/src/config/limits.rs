//! `[realm.NAME.limits.LIMIT]`: how often, how many at once, how many in a day or month.

use super::text::{FromText, Text};
use super::value::Rate;
use doorward_base::TenantId;
use doorward_base::limit::{Allowance, Period};
use doorward_gate::policy::spec::{LimitKey, OverLimit};
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A limit. It counts one thing: rate, in_flight or quota.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Who shares a bucket.
    pub key: Word<LimitKey>,
    /// How often, for example "100/1m".
    #[serde(default)]
    pub rate: Option<Text<Rate>>,
    /// How many at once, of a rate. Default: the rate's count.
    #[serde(default)]
    pub burst: Option<u32>,
    /// How many requests may be open at the same time, at each process.
    #[serde(default)]
    pub in_flight: Option<u32>,
    /// How many in a day or a month of the calendar (UTC), for example "100000/month".
    #[serde(default)]
    pub quota: Option<Text<Calendar>>,
    /// The day, 1 to 28, on which the month of a quota begins. Default: 1.
    #[serde(default)]
    pub month_from: Option<u8>,
    /// What becomes of requests beyond it: "refuse" with 429, "require_payment" with 402, or
    /// "observe": let through, counted and told. Default: "refuse".
    #[serde(default)]
    pub over: Word<OverLimit>,
    /// Whether it applies to every request of the realm; otherwise to the routes that
    /// name it. Default: false.
    #[serde(default)]
    pub everywhere: bool,
    /// Other amounts for single tenants, by the tenant's id.
    #[serde(default)]
    pub overrides: BTreeMap<Text<TenantId>, Amounts>,
}

/// A rate and how many at once.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateAndBurst {
    /// How often, for example "100/1m".
    pub rate: Text<Rate>,
    /// How many at once. Default: the rate's count.
    #[serde(default)]
    pub burst: Option<u32>,
}

/// An amount for one tenant, of what the limit counts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amounts {
    /// How often, for example "500/1m".
    #[serde(default)]
    pub rate: Option<Text<Rate>>,
    /// How many at once, of a rate. Default: the rate's count.
    #[serde(default)]
    pub burst: Option<u32>,
    /// How many requests may be open at the same time.
    #[serde(default)]
    pub in_flight: Option<u32>,
    /// How many in the period of the limit.
    #[serde(default)]
    pub quota: Option<u64>,
}

/// So many in a period of the calendar, such as "100000/month".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// How many.
    pub most: u64,
    /// Whether in a month; else in a day.
    pub monthly: bool,
}

impl FromText for Calendar {
    const FORM: &'static str = "a quota such as \"5000/day\" or \"100000/month\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not {}", Self::FORM);
        let (most, period) = text.split_once('/').ok_or_else(wrong)?;
        let digits = !most.is_empty() && most.bytes().all(|b| b.is_ascii_digit());
        let most = most.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        let monthly = match period {
            "day" => false,
            "month" => true,
            _ => return Err(wrong()),
        };
        Ok(Self { most, monthly })
    }

    fn instead_of_number(number: i64) -> Option<String> {
        Some(format!("\"{number}/month\""))
    }
}

impl Calendar {
    /// As it is counted, with the month that begins on this day.
    pub(super) fn allowance(
        self,
        from: u8,
    ) -> Result<Allowance, doorward_base::limit::AllowanceError> {
        let period = if self.monthly {
            Period::Month { from }
        } else {
            Period::Day
        };
        Allowance::new(self.most, period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_says_how_many_in_which_period() {
        let month = Calendar {
            most: 100_000,
            monthly: true,
        };
        assert_eq!(Calendar::from_text("100000/month"), Ok(month));
        for bad in ["5", "/day", "5/week", "+5/day", "5/day/day", "x/month"] {
            assert!(Calendar::from_text(bad).is_err(), "{bad}");
        }
    }
}
