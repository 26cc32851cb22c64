//! When somebody is told that an API token will stop by itself: 30, 7 and 1 days before.
//! Moments are beginnings of days (UTC), so that all that stops on one day is told of
//! together, and a day early rather than late. Not here: whom it is told, and how (`act`).

use super::authority::Held;
use super::manage::ManagementPermission;
use crate::model::TokenKind;
use crate::settings::TokenClass;
use doorward_base::{Permission, TenantId, Timestamp};

/// How many days before its end a token is told of, the most first.
pub const DAYS: [u8; 3] = [30, 7, 1];

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// When a token that stops at `end` is told of so many days before.
fn moment(end: Timestamp, days: u8) -> Timestamp {
    let day = end.as_micros().div_euclid(DAY) - i64::from(days);
    Timestamp::from_micros(day.saturating_mul(DAY))
}

/// When a token that stops at `end` is told of next after `after`.
#[must_use]
pub fn next(end: Timestamp, after: Timestamp) -> Option<Timestamp> {
    let moments = DAYS.iter().map(|days| moment(end, *days));
    moments.into_iter().find(|at| *at > after)
}

/// When a new token is told of first. A person's own token is his affair, and one of no
/// tenant has nobody to be told.
#[must_use]
pub fn first(
    kind: TokenKind,
    tenant: Option<&TenantId>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let is_tenants = kind != TokenKind::Personal && tenant.is_some();
    expires_at
        .filter(|_| is_tenants)
        .and_then(|end| next(end, now))
}

/// Which notice is due at `now`: the last one whose moment has come. What was missed is not
/// told any more, and of what has stopped there is nothing left to say.
#[must_use]
pub fn due(end: Timestamp, now: Timestamp) -> Option<u8> {
    let fewest_first = DAYS.iter().rev();
    let come = fewest_first.copied().find(|days| moment(end, *days) <= now);
    come.filter(|_| now < end)
}

/// Whether who holds this in a tenant is told of its tokens: whoever may replace or end them.
#[must_use]
pub fn is_told(held: &Held, classes: &[TokenClass]) -> bool {
    let edit = ManagementPermission::AccessTokensEdit.as_str();
    let own = classes
        .iter()
        .filter_map(|class| class.create_permission.as_ref());
    let names: Vec<&str> = own.map(Permission::as_str).chain([edit]).collect();
    held.all_permissions()
        .any(|one| names.contains(&one.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn at(day: i64, seconds: i64) -> Timestamp {
        Timestamp::from_seconds(day * 86_400 + seconds)
    }

    #[test]
    fn fl_48_a_token_is_told_of_30_7_and_1_days_before_and_never_late() {
        for seconds in [0, 1, 12 * HOUR, 24 * HOUR - 1] {
            let end = at(1000, seconds);
            let mut told = Vec::new();
            let mut now = at(900, 5);
            while let Some(moment) = next(end, now) {
                assert_eq!(due(end, moment), Some(DAYS[told.len()]));
                told.push(moment);
                now = moment;
            }
            assert_eq!(told, [at(970, 0), at(993, 0), at(999, 0)]);
        }
    }

    #[test]
    fn fl_48_what_was_missed_is_not_told_later() {
        let end = at(1000, HOUR);
        assert_eq!(due(end, at(969, 24 * HOUR - 1)), None);
        assert_eq!(due(end, at(992, 0)), Some(30));
        assert_eq!(due(end, at(998, 23 * HOUR)), Some(7));
        assert_eq!(due(end, at(1000, 0)), Some(1));
        assert_eq!(due(end, end), None);
        // Made when only a day is left: no notice of what its maker has just chosen.
        assert_eq!(next(end, at(999, 1)), None);
        assert_eq!(next(end, at(995, 0)), Some(at(999, 0)));
    }

    #[test]
    fn a_persons_token_and_one_of_no_tenant_are_not_told_of() {
        let acme: TenantId = "acme".parse().unwrap();
        let end = Some(at(1000, 0));
        let first = |kind, tenant| first(kind, tenant, end, at(900, 0));
        assert_eq!(first(TokenKind::Key, Some(&acme)), Some(at(970, 0)));
        assert_eq!(first(TokenKind::Service, Some(&acme)), Some(at(970, 0)));
        assert_eq!(first(TokenKind::Personal, Some(&acme)), None);
        assert_eq!(first(TokenKind::Service, None), None);
    }
}
