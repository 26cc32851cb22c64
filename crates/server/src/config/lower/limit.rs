//! Lowering `[realm.NAME.limits.LIMIT]` and the cap on failed credentials.

use super::Lowering;
use crate::config::limits::{Amounts, Limit, RateAndBurst};
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::Text;
use crate::config::value::Rate;
use doorward_base::limit::{Allowance, Amount, Measure, Period, Quota};
use doorward_gate::policy::spec::{LimitKey, LimitSpec};
use std::collections::BTreeMap;
use std::time::Duration;

impl Lowering<'_> {
    /// The limits of a realm, by name.
    pub(super) fn limits(&mut self, realm: &Realm, path: &KeyPath) -> BTreeMap<String, LimitSpec> {
        let mut lowered = BTreeMap::new();
        for (name, limit) in &realm.limits {
            let place = path.key("limits").key(name);
            let plain = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if !plain {
                self.wrong(
                    &place,
                    "a limit's name stands in headers: write letters, digits, - and _",
                );
            }
            let measure = self.measure(limit, &place);
            self.check_month(limit, &place);
            let overrides = limit
                .overrides
                .iter()
                .filter_map(|(Text(tenant), amounts)| {
                    let place = place.key("overrides").key(tenant.as_str());
                    let amount = self.amount(limit, amounts, &place)?;
                    Some((tenant.clone(), amount))
                })
                .collect();
            if limit.key.0 == LimitKey::Realm && !limit.overrides.is_empty() {
                self.wrong(
                    &place.key("overrides"),
                    "all tenants share this limit; give it the key \"tenant\"",
                );
            }
            let Some(measure) = measure else { continue };
            lowered.insert(
                name.clone(),
                LimitSpec {
                    over: limit.over.0,
                    overrides,
                    ..LimitSpec::new(name, limit.key.0, measure)
                },
            );
        }
        lowered
    }

    /// How many failed credentials one address may present.
    pub(super) fn failed_credentials(&mut self, realm: &Realm, path: &KeyPath) -> Option<Quota> {
        let given = realm.failed_credentials.unwrap_or(RateAndBurst {
            rate: Text(Rate {
                count: 300,
                per: Duration::from_secs(60),
            }),
            burst: Some(1000),
        });
        self.quota(&given, &path.key("failed_credentials"))
    }

    /// What the limit counts: one thing.
    fn measure(&mut self, limit: &Limit, path: &KeyPath) -> Option<Measure> {
        if limit.burst.is_some() && limit.rate.is_none() {
            self.wrong(&path.key("burst"), "belongs to a rate, and there is none");
        }
        match (limit.rate, limit.in_flight, limit.quota) {
            (Some(rate), None, None) => {
                let given = RateAndBurst {
                    rate,
                    burst: limit.burst,
                };
                self.quota(&given, path).map(Measure::Rate)
            }
            (None, Some(most), None) => {
                let place = path.key("in_flight");
                self.at_least_one(most, &place).map(Measure::InFlight)
            }
            (None, None, Some(Text(calendar))) => {
                if limit.key.0 == LimitKey::Address {
                    self.wrong(
                        &path.key("key"),
                        "a quota is written down, and addresses are not: key it by credential, \
                         subject, tenant or realm",
                    );
                }
                let allowance = calendar.allowance(limit.month_from.unwrap_or(1));
                let place = path.key("quota");
                self.problems.take(&place, allowance).map(Measure::Calendar)
            }
            _ => {
                self.wrong(path, "a limit has one of rate, in_flight and quota");
                None
            }
        }
    }

    fn check_month(&mut self, limit: &Limit, path: &KeyPath) {
        let monthly = limit.quota.is_some_and(|Text(calendar)| calendar.monthly);
        if limit.month_from.is_some() && !monthly {
            self.wrong(
                &path.key("month_from"),
                "belongs to a quota of a month, and there is none",
            );
        }
    }

    /// An amount of what the limit counts.
    fn amount(&mut self, limit: &Limit, given: &Amounts, path: &KeyPath) -> Option<Amount> {
        let fits = match (given.rate, given.in_flight, given.quota) {
            (Some(_), None, None) => limit.rate.is_some(),
            (None, Some(_), None) => limit.in_flight.is_some() && given.burst.is_none(),
            (None, None, Some(_)) => limit.quota.is_some() && given.burst.is_none(),
            _ => false,
        };
        if !fits {
            self.wrong(path, "says one amount of what the limit counts");
            return None;
        }
        if let Some(rate) = given.rate {
            let given = RateAndBurst {
                rate,
                burst: given.burst,
            };
            return self.quota(&given, path).map(Amount::Rate);
        }
        if let Some(most) = given.in_flight {
            let place = path.key("in_flight");
            return self.at_least_one(most, &place).map(Amount::InFlight);
        }
        let most = given.quota?;
        let allowance = Allowance::new(most, Period::Day);
        self.problems.take(&path.key("quota"), allowance)?;
        Some(Amount::Calendar(most))
    }

    fn at_least_one(&mut self, most: u32, path: &KeyPath) -> Option<u32> {
        if most == 0 {
            self.wrong(path, "must be at least 1");
            return None;
        }
        Some(most)
    }

    pub(super) fn quota(&mut self, given: &RateAndBurst, path: &KeyPath) -> Option<Quota> {
        let Text(Rate { count, per }) = given.rate;
        let quota = Quota::new(count, per, given.burst.unwrap_or(count));
        self.problems.take(&path.key("rate"), quota)
    }
}
