//! Which limits apply where, lowered: each once, the narrower holder first. Not here: the
//! counting (`stage::limit`).

use super::compiled::Limit;
use super::spec::{LimitKey, LimitSpec, MountSpec, RealmSpec, RouteSpec};
use doorward_base::RealmName;
use doorward_base::limit::Measure;
use std::collections::HashSet;
use std::sync::Arc;

/// The place of limits that the configuration names: one bucket per holder, wherever they
/// are named.
const REALM: &str = "realm";

/// Those that apply to every request.
pub(super) fn of_realm(spec: &RealmSpec) -> Vec<Arc<Limit>> {
    in_order(lower(&spec.limits, &spec.name, REALM), &[])
}

/// Those of a route: its own, and the realm's unless it is none of theirs.
pub(super) fn of_route(
    spec: &mut RouteSpec,
    realm: &RealmName,
    everywhere: &[Arc<Limit>],
) -> Arc<[Arc<Limit>]> {
    let own = lower(&std::mem::take(&mut spec.limits), realm, REALM);
    let everywhere = if spec.counted { everywhere } else { &[] };
    in_order(own, everywhere).into()
}

/// Those of a mount; its own are nobody else's. Of the realm's the rates: who used up what his
/// tenant has for the month, or all its places, must not keep the tenant from ending what he does.
pub(super) fn of_mount(
    spec: &mut MountSpec,
    realm: &RealmName,
    everywhere: &[Arc<Limit>],
) -> Arc<[Arc<Limit>]> {
    let own = lower(&std::mem::take(&mut spec.limits), realm, spec.name);
    let is_rate = |limit: &&Arc<Limit>| matches!(limit.measure, Measure::Rate(_));
    let everywhere: Vec<Arc<Limit>> = match spec.counted {
        true => everywhere.iter().filter(is_rate).cloned().collect(),
        false => Vec::new(),
    };
    in_order(own, &everywhere).into()
}

fn lower(specs: &[LimitSpec], realm: &RealmName, place: &str) -> Vec<Arc<Limit>> {
    let limits = specs.iter().map(|spec| {
        Arc::new(Limit {
            name: spec.name.as_str().into(),
            label: format!("{realm}\n{place}\n{}", spec.name),
            key: spec.key,
            measure: spec.measure,
            over: spec.over,
            overrides: spec.overrides.iter().cloned().collect(),
        })
    });
    limits.collect()
}

/// All of them, each once, in the order in which they are counted.
fn in_order(own: Vec<Arc<Limit>>, everywhere: &[Arc<Limit>]) -> Vec<Arc<Limit>> {
    let mut limits: Vec<Arc<Limit>> = everywhere.iter().cloned().chain(own).collect();
    let mut seen = HashSet::new();
    limits.retain(|limit| seen.insert(limit.label.clone()));
    limits.sort_by_key(|limit| (width(limit.key), cost(&limit.measure)));
    limits
}

/// The narrower first: who is over his own limit is told of that, and not of his company's.
const fn width(key: LimitKey) -> u8 {
    match key {
        LimitKey::Credential => 0,
        LimitKey::Subject => 1,
        LimitKey::Address => 2,
        LimitKey::Tenant => 3,
        LimitKey::Realm => 4,
    }
}

/// What is asked of memory alone first.
const fn cost(measure: &Measure) -> u8 {
    match measure {
        Measure::Rate(_) => 0,
        Measure::InFlight(_) => 1,
        Measure::Calendar(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::limit::{Allowance, Period, Quota};
    use std::time::Duration;

    fn names(limits: &[Arc<Limit>]) -> Vec<&str> {
        limits.iter().map(|limit| &*limit.name).collect()
    }

    #[test]
    fn the_narrower_holder_comes_first_and_each_limit_once() {
        let realm: RealmName = "a".parse().unwrap();
        let rate = Quota::new(1, Duration::from_secs(1), 1).unwrap();
        let limit = |name: &str, key| LimitSpec::rate(name, key, rate);
        let day = Measure::Calendar(Allowance::new(1, Period::Day).unwrap());
        let everywhere = lower(
            &[
                limit("all", LimitKey::Realm),
                LimitSpec::new("plan", LimitKey::Tenant, day),
                limit("company", LimitKey::Tenant),
            ],
            &realm,
            REALM,
        );
        let own = [
            limit("company", LimitKey::Tenant),
            LimitSpec::new("open", LimitKey::Tenant, Measure::InFlight(1)),
            limit("address", LimitKey::Address),
            limit("person", LimitKey::Subject),
            limit("key", LimitKey::Credential),
        ];
        let all = in_order(lower(&own, &realm, REALM), &everywhere);
        assert_eq!(
            names(&all),
            ["key", "person", "address", "company", "open", "plan", "all"]
        );
    }

    /// What a mount limits by itself has nothing to do with a limit of that name in the
    /// configuration.
    #[test]
    fn a_limit_of_a_mount_is_its_own() {
        let realm: RealmName = "a".parse().unwrap();
        let rate = Quota::new(1, Duration::from_secs(1), 1).unwrap();
        let spec = [LimitSpec::rate("few", LimitKey::Address, rate)];
        let all = in_order(lower(&spec, &realm, "mount"), &lower(&spec, &realm, REALM));
        assert_eq!(names(&all), ["few", "few"]);
    }
}
