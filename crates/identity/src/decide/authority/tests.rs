//! Tests of how grants, ceilings and scopes combine.

use super::super::testing::*;
use super::*;

struct Case {
    grants: Vec<Grant>,
    member_of: Vec<TenantId>,
    roles: Vec<RoleDefinition>,
    tenant_roles: Vec<RoleDefinition>,
}

impl Case {
    fn of(grants: &[Grant], member_of: &[&str]) -> Self {
        Self {
            grants: grants.to_vec(),
            member_of: member_of.iter().map(|name| tenant(name)).collect(),
            roles: vec![
                gives("admin", &["read", "write", "platform.users.edit"]),
                gives("reader", &["read"]),
            ],
            tenant_roles: Vec::new(),
        }
    }

    fn ask<'a>(&'a self, tenant: Option<&'a TenantId>) -> AuthorityInput<'a> {
        AuthorityInput {
            holdings: Holdings {
                grants: &self.grants,
                member_of: &self.member_of,
                roles: &self.roles,
                tenant_roles: &self.tenant_roles,
            },
            ceilings: &[],
            tenant,
            audience: None,
            selected_role: None,
            default_role: None,
        }
    }

    fn permissions(&self, tenant: Option<&str>) -> Vec<Permission> {
        let active = tenant.map(super::super::testing::tenant);
        effective(&self.ask(active.as_ref())).unwrap().permissions
    }
}

#[test]
fn grants_of_another_tenant_do_not_count() {
    let case = Case::of(
        &[
            has("a", Some("acme")),
            has("g", Some("globex")),
            has("everywhere", None),
        ],
        &["acme", "globex"],
    );
    assert_eq!(
        case.permissions(Some("acme")),
        permissions(&["a", "everywhere"])
    );
    assert_eq!(
        case.permissions(Some("globex")),
        permissions(&["everywhere", "g"])
    );
    assert_eq!(case.permissions(None), permissions(&["everywhere"]));
}

#[test]
fn ending_a_membership_ends_its_grants() {
    let case = Case::of(
        &[has("a", Some("acme")), has_role("admin", Some("acme"))],
        &["globex"],
    );
    let acme = tenant("acme");
    assert_eq!(
        effective(&case.ask(Some(&acme))),
        Err(AuthorityRefusal::Tenant)
    );
    assert_eq!(case.permissions(Some("globex")), permissions(&[]));
    assert_eq!(case.permissions(None), permissions(&[]));
}

#[test]
fn a_permission_on_one_api_counts_for_that_api_only() {
    let (orders, billing) = (audience("https://orders"), audience("https://billing"));
    let mut case = Case::of(&[], &[]);
    case.grants.push(Grant {
        tenant: None,
        granted: Granted::Permission {
            permission: permission("read:orders"),
            audience: Some(orders.clone()),
        },
    });
    for (asked, held) in [
        (Some(&orders), true),
        (Some(&billing), false),
        (None, false),
    ] {
        let input = AuthorityInput {
            audience: asked,
            ..case.ask(None)
        };
        let authority = effective(&input).unwrap();
        assert_eq!(!authority.permissions.is_empty(), held, "{asked:?}");
    }
}

#[test]
fn every_ceiling_takes_something_away_and_none_gives() {
    let case = Case::of(
        &[
            has_role("reader", None),
            has("write", None),
            has("extra", None),
        ],
        &[],
    );
    let (first, second) = (
        up_to(&["read", "write", "unheld"]),
        up_to(&["read", "extra"]),
    );
    let input = AuthorityInput {
        ceilings: &[&first, &second],
        ..case.ask(None)
    };
    let authority = effective(&input).unwrap();
    assert_eq!(authority.permissions, permissions(&["read"]));
    assert_eq!(authority.roles, [role("reader")]);

    let nothing = up_to(&[]);
    let input = AuthorityInput {
        ceilings: &[&nothing],
        ..case.ask(None)
    };
    assert_eq!(effective(&input).unwrap().permissions, []);
}

#[test]
fn a_ceiling_on_roles_takes_their_permissions_too() {
    let case = Case::of(
        &[
            has_role("admin", None),
            has_role("reader", None),
            has("extra", None),
        ],
        &[],
    );
    let readers = Ceiling {
        roles: Some(vec![role("reader")]),
        ..Ceiling::default()
    };
    let input = AuthorityInput {
        ceilings: &[&readers],
        ..case.ask(None)
    };
    let authority = effective(&input).unwrap();
    assert_eq!(authority.roles, [role("reader")]);
    assert_eq!(authority.permissions, permissions(&["extra", "read"]));
}

#[test]
fn a_credential_bound_to_a_tenant_works_nowhere_else() {
    let case = Case::of(&[has("everywhere", None)], &["acme", "globex"]);
    let bound = Ceiling {
        tenant: Some(tenant("acme")),
        ..Ceiling::default()
    };
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    for (active, works) in [(Some(&acme), true), (Some(&globex), false), (None, false)] {
        let input = AuthorityInput {
            ceilings: &[&bound],
            ..case.ask(active)
        };
        assert_eq!(effective(&input).is_ok(), works, "{active:?}");
    }
}

#[test]
fn a_ceiling_on_audiences_excludes_the_others() {
    let case = Case::of(&[has("read", None)], &[]);
    let orders = audience("https://orders");
    let only = Ceiling {
        audiences: Some(vec![orders.clone()]),
        ..Ceiling::default()
    };
    for (asked, works) in [
        (Some(&orders), true),
        (Some(&audience("https://billing")), false),
        (None, false),
    ] {
        let input = AuthorityInput {
            ceilings: &[&only],
            audience: asked,
            ..case.ask(None)
        };
        assert_eq!(effective(&input).is_ok(), works, "{asked:?}");
    }
}

#[test]
fn a_selected_role_must_be_held_and_narrows_to_itself() {
    let case = Case::of(
        &[
            has_role("admin", None),
            has_role("reader", None),
            has("extra", None),
        ],
        &[],
    );
    let (reader, stranger, undefined) = (role("reader"), role("owner"), role("ghost"));
    let select = |selected| AuthorityInput {
        selected_role: Some(selected),
        ..case.ask(None)
    };
    let authority = effective(&select(&reader)).unwrap();
    assert_eq!(authority.role, Some(reader.clone()));
    assert_eq!(authority.permissions, permissions(&["read"]));
    assert_eq!(authority.roles, [role("admin"), role("reader")]);
    for bad in [&stranger, &undefined] {
        assert_eq!(effective(&select(bad)), Err(AuthorityRefusal::Role));
    }
}

#[test]
fn a_default_role_counts_only_if_it_is_held() {
    let case = Case::of(&[has_role("reader", None)], &[]);
    for (default, expected) in [("reader", Some(role("reader"))), ("admin", None)] {
        let default = role(default);
        let input = AuthorityInput {
            default_role: Some(&default),
            ..case.ask(None)
        };
        assert_eq!(effective(&input).unwrap().role, expected);
    }
}

/// A tenant's administrator defines roles; none of them may widen what the realm gave.
#[test]
fn a_tenant_cannot_widen_the_realms_roles() {
    let mut case = Case::of(
        &[
            has_role("reader", None),
            has_role("reader", Some("acme")),
            has_role("vip", None),
        ],
        &["acme"],
    );
    case.tenant_roles = vec![
        gives("reader", &["read", "write", "drop"]),
        gives("vip", &["drop"]),
    ];
    assert_eq!(case.permissions(Some("acme")), permissions(&["read"]));
}

#[test]
fn a_tenants_own_role_counts_for_grants_in_it() {
    let mut case = Case::of(&[has_role("picker", Some("acme"))], &["acme"]);
    case.tenant_roles = vec![gives("picker", &["pick"])];
    assert_eq!(case.permissions(Some("acme")), permissions(&["pick"]));
}

#[test]
fn the_active_tenant_is_the_bound_one_else_the_asked_one_else_the_only_one() {
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let both = [acme.clone(), globex.clone()];
    let one = [acme.clone()];
    let refused = Err(AuthorityRefusal::Tenant);
    for (asked, bound, member_of, expected) in [
        (None, None, &one[..], Ok(Some(acme.clone()))),
        (None, None, &both[..], Ok(None)),
        (None, None, &[][..], Ok(None)),
        (Some(&globex), None, &both[..], Ok(Some(globex.clone()))),
        (Some(&globex), None, &one[..], refused.clone()),
        (None, Some(&acme), &both[..], Ok(Some(acme.clone()))),
        (Some(&acme), Some(&acme), &both[..], Ok(Some(acme.clone()))),
        (Some(&globex), Some(&acme), &both[..], refused.clone()),
        (None, Some(&globex), &one[..], refused.clone()),
    ] {
        assert_eq!(
            active_tenant(asked, bound, member_of),
            expected,
            "{asked:?} {bound:?}"
        );
    }
}

#[test]
fn scopes_narrow_and_never_grant() {
    use DefaultScopes as D;
    use UnknownScope as U;
    let held = ["read", "write"];
    for (asked, unknown, default, granted, left) in [
        (None, U::Refuse, D::None, Ok(vec![]), &held[..]),
        (
            None,
            U::Refuse,
            D::All,
            Ok(vec!["read", "write"]),
            &held[..],
        ),
        (
            Some(vec!["read"]),
            U::Refuse,
            D::All,
            Ok(vec!["read"]),
            &["read"][..],
        ),
        (Some(vec![]), U::Refuse, D::All, Ok(vec![]), &[][..]),
        (
            Some(vec!["read", "drop"]),
            U::Refuse,
            D::None,
            Err(ScopeRefusal),
            &held[..],
        ),
        (
            Some(vec!["read", "drop"]),
            U::Narrow,
            D::None,
            Ok(vec!["read"]),
            &["read"][..],
        ),
        (Some(vec!["drop"]), U::Narrow, D::All, Ok(vec![]), &[][..]),
        (
            Some(vec!["READ"]),
            U::Refuse,
            D::None,
            Err(ScopeRefusal),
            &held[..],
        ),
    ] {
        let mut authority = Authority {
            permissions: permissions(&held),
            ..Authority::default()
        };
        let asked = asked.map(|names| scopes(&names));
        let answer = narrow(&mut authority, asked.as_deref(), unknown, default);
        assert_eq!(answer, granted.map(|names| scopes(&names)), "{asked:?}");
        assert_eq!(authority.permissions, permissions(left), "{asked:?}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn names() -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(vec!["a", "b", "c", "d", "e"], 0..=5)
    }

    proptest! {
        /// Whatever the ceilings and scopes: the result is within each of them.
        #[test]
        fn the_result_lies_within_every_bound(granted in names(), ceiling in names(), second in names(), asked in names()) {
            let grants: Vec<_> = granted.iter().map(|name| has(name, None)).collect();
            let case = Case::of(&grants, &[]);
            let (first, second) = (up_to(&ceiling), up_to(&second));
            let input = AuthorityInput { ceilings: &[&first, &second], ..case.ask(None) };
            let mut authority = effective(&input).unwrap();
            let granted_scopes = narrow(
                &mut authority, Some(&scopes(&asked)), UnknownScope::Narrow, DefaultScopes::All,
            ).unwrap();
            for permission in &authority.permissions {
                let name = permission.as_str();
                prop_assert!(granted.contains(&name) && ceiling.contains(&name) && asked.contains(&name));
                prop_assert!(second.permissions.as_ref().unwrap().contains(permission));
            }
            prop_assert_eq!(scopes_of(&authority.permissions), granted_scopes);
        }
    }
}
