//! How long a token lives, and every way in which it ends.

use super::*;

/// WB-13, X5.
#[test]
fn wb_13_expiry_follows_the_class() {
    use ExpiryRule as E;
    let soon = NOW.plus(DAY);
    let late = NOW.plus(DAY * 100);
    let (any, month) = (None, Some(DAY * 30));
    for (rule, asked, expected) in [
        (E::Policy(DAY), None, Ok(Some(soon))),
        (
            E::Policy(DAY),
            Some(soon),
            Err(TokenRefusal::ExpiryNotChosen),
        ),
        (
            E::Optional {
                ttl: None,
                max: any,
            },
            None,
            Ok(None),
        ),
        (
            E::Optional {
                ttl: None,
                max: any,
            },
            Some(late),
            Ok(Some(late)),
        ),
        (
            E::Optional {
                ttl: None,
                max: month,
            },
            Some(soon),
            Ok(Some(soon)),
        ),
        (
            E::Optional {
                ttl: None,
                max: month,
            },
            Some(late),
            Err(TokenRefusal::ExpiryTooFar),
        ),
        (
            E::Required { max: month },
            None,
            Err(TokenRefusal::ExpiryMissing),
        ),
        (
            E::Required { max: month },
            Some(NOW.plus(DAY * 30)),
            Ok(Some(NOW.plus(DAY * 30))),
        ),
        (
            E::Required { max: any },
            Some(NOW),
            Err(TokenRefusal::ExpiryPast),
        ),
        (
            E::Optional {
                ttl: None,
                max: any,
            },
            Some(NOW.minus(DAY)),
            Err(TokenRefusal::ExpiryPast),
        ),
    ] {
        assert_eq!(expiry(rule, asked, NOW), expected, "{rule:?} {asked:?}");
    }
}

/// Seconds that saturate must not become a token that never ends.
#[test]
fn an_expiry_is_a_date_that_can_be_written() {
    use ExpiryRule as E;
    let years = |n: u32| NOW.plus(DAY * 365 * n);
    for rule in [
        E::Optional {
            ttl: None,
            max: None,
        },
        E::Required { max: None },
        E::Required {
            max: Some(Duration::MAX),
        },
    ] {
        let (last, beyond) = (years(100), years(100).plus(Duration::from_micros(1)));
        assert_eq!(expiry(rule, Some(last), NOW), Ok(Some(last)));
        for asked in [beyond, years(9_000), Timestamp::MAX] {
            assert_eq!(
                expiry(rule, Some(asked), NOW),
                Err(TokenRefusal::ExpiryTooFar),
                "{rule:?}"
            );
        }
        let end = Timestamp::parse("9999-12-30T21:59:59Z").unwrap();
        let late = end.minus(DAY);
        assert_eq!(expiry(rule, Some(end), late), Ok(Some(end)));
        let after = end.plus(Duration::from_secs(1));
        assert_eq!(
            expiry(rule, Some(after), late),
            Err(TokenRefusal::ExpiryTooFar)
        );
    }
}

/// WB-16: old dies, new secret, same expiration date. K19: or dies at the grace's end.
#[test]
fn wb_16_regenerating_keeps_the_expiry_and_kills_the_old() {
    let mut old = token(TokenKind::Personal, &user(1));
    old.expires_at = Some(NOW.plus(DAY));
    let expected = Regenerated {
        old: TokenState::Revoked { at: NOW },
        expires_at: old.expires_at,
    };
    assert_eq!(regenerate(&old, &class(), None, None, NOW), Ok(expected));
    let graceful = TokenClass {
        grace: DAY,
        ..class()
    };
    assert_eq!(
        regenerate(&old, &graceful, None, None, NOW).map(|done| done.old),
        Ok(TokenState::Retiring {
            until: NOW.plus(DAY)
        })
    );
    let free = TokenClass {
        regenerate_keeps_expiry: false,
        ..class()
    };
    let later = Some(NOW.plus(DAY * 9));
    assert_eq!(
        regenerate(&old, &free, later, None, NOW).map(|done| done.expires_at),
        Ok(later)
    );
    assert_eq!(
        regenerate(&old, &class(), later, None, NOW),
        Err(TokenRefusal::ExpiryNotChosen)
    );
}

#[test]
fn a_dead_token_is_not_revived_by_regenerating() {
    let live = token(TokenKind::Personal, &user(1));
    for (state, expires_at) in [
        (TokenState::Revoked { at: NOW }, None),
        (
            TokenState::Retiring {
                until: NOW.plus(DAY),
            },
            None,
        ),
        (TokenState::Active, Some(NOW)),
    ] {
        let dead = ApiToken {
            state,
            expires_at,
            ..live.clone()
        };
        assert_eq!(
            regenerate(&dead, &class(), None, None, NOW),
            Err(TokenRefusal::Dead)
        );
    }
}

/// WB-06, WB-15, K6, K11, K19.
#[test]
fn wb_15_every_way_a_token_is_dead() {
    let owner = user(1);
    let live = token(TokenKind::Personal, &owner);
    let decide =
        |token: &ApiToken, owner: Option<&Subject>, member_of: &[TenantId], via: &Presentation| {
            let classes = [class()];
            let input = UseInput {
                token,
                owner,
                member_of,
                classes: &classes,
                via,
                now: NOW,
            };
            usable(&input).map(|_| ())
        };
    let exchange = Presentation::Exchange;
    assert_eq!(decide(&live, Some(&owner), &[], &exchange), Ok(()));
    assert_eq!(
        decide(&live, Some(&owner), &[], &Presentation::Basic),
        Ok(())
    );
    assert_eq!(
        decide(&live, Some(&owner), &[], &Presentation::Bearer),
        Err(UseRefusal::Presentation)
    );
    assert_eq!(
        decide(&live, None, &[], &exchange),
        Err(UseRefusal::OwnerDisabled)
    );
    let mut disabled = owner.clone();
    disabled.status = SubjectStatus::Disabled { at: NOW };
    assert_eq!(
        decide(&live, Some(&disabled), &[], &exchange),
        Err(UseRefusal::OwnerDisabled)
    );

    let states = [
        (TokenState::Revoked { at: NOW }, Err(UseRefusal::Revoked)),
        (
            TokenState::Retiring { until: NOW },
            Err(UseRefusal::Revoked),
        ),
        (
            TokenState::Retiring {
                until: NOW.plus(DAY),
            },
            Ok(()),
        ),
    ];
    for (state, expected) in states {
        let changed = ApiToken {
            state,
            ..live.clone()
        };
        assert_eq!(
            decide(&changed, Some(&owner), &[], &exchange),
            expected,
            "{state:?}"
        );
    }
    let expired = ApiToken {
        expires_at: Some(NOW),
        ..live.clone()
    };
    assert_eq!(
        decide(&expired, Some(&owner), &[], &exchange),
        Err(UseRefusal::Expired)
    );
    let renamed = ApiToken {
        class: ClassName::new("gone").unwrap(),
        ..live.clone()
    };
    assert_eq!(
        decide(&renamed, Some(&owner), &[], &exchange),
        Err(UseRefusal::ClassUnknown)
    );

    let mut bound = live;
    bound.ceiling.tenant = Some(tenant("acme"));
    assert_eq!(
        decide(&bound, Some(&owner), &[tenant("acme")], &exchange),
        Ok(())
    );
    assert_eq!(
        decide(&bound, Some(&owner), &[tenant("globex")], &exchange),
        Err(UseRefusal::MembershipEnded)
    );
}

#[test]
fn a_retiring_token_ends_at_the_earlier_of_grace_and_expiry() {
    let mut old = token(TokenKind::Personal, &user(1));
    old.state = TokenState::Retiring {
        until: NOW.plus(DAY),
    };
    assert_eq!(ends_at(&old), Some(NOW.plus(DAY)));
    old.expires_at = Some(NOW.plus(DAY / 2));
    assert_eq!(ends_at(&old), Some(NOW.plus(DAY / 2)));
}
