//! Lowering `[realm.NAME.limits.LIMIT]` and the cap on failed credentials.

use super::Lowering;
use crate::config::limits::RateAndBurst;
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::Text;
use crate::config::value::Rate;
use doorward_base::limit::Quota;
use doorward_gate::policy::spec::LimitSpec;
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
            let quota = RateAndBurst {
                rate: limit.rate,
                burst: limit.burst,
            };
            let quota = self.quota(&quota, &place);
            let overrides = limit
                .overrides
                .iter()
                .filter_map(|(Text(tenant), rate)| {
                    let place = place.key("overrides").key(tenant.as_str());
                    Some((tenant.clone(), self.quota(rate, &place)?))
                })
                .collect();
            let Some(quota) = quota else { continue };
            lowered.insert(
                name.clone(),
                LimitSpec {
                    name: name.clone(),
                    key: limit.key.0,
                    quota,
                    overrides,
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

    pub(super) fn quota(&mut self, given: &RateAndBurst, path: &KeyPath) -> Option<Quota> {
        let Text(Rate { count, per }) = given.rate;
        let quota = Quota::new(count, per, given.burst.unwrap_or(count));
        self.problems.take(&path.key("rate"), quota)
    }
}
