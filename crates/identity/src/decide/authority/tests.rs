//! Tests of how grants, ceilings and scopes combine.

use super::super::testing::*;
use super::*;
use crate::model::Granted;

struct Case {
    grants: Vec<Grant>,
    member_of: Vec<TenantId>,
    roles: Vec<RoleDefinition>,
    tenant_roles: Vec<RoleDefinition>,
    crossing: Option<Permission>,
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
            crossing: None,
        }
    }

    fn ask<'a>(&'a self, tenant: Option<&'a TenantId>) -> AuthorityInput<'a> {
        AuthorityInput {
            holdings: Holdings {
                grants: &self.grants,
                member_of: &self.member_of,
                roles: &self.roles,
                tenant_roles: &self.tenant_roles,
                crossing: self.crossing.as_ref(),
            },
            ceilings: &[],
            actors: &[],
            tenant,
            audience: None,
            selected_role: None,
            default_role: None,
            scopes: None,
            unknown_scope: UnknownScope::Refuse,
            default_scopes: DefaultScopes::None,
        }
    }

    fn permissions(&self, tenant: Option<&str>) -> Vec<Permission> {
        let active = tenant.map(super::super::testing::tenant);
        effective(&self.ask(active.as_ref())).unwrap().permissions
    }
}

/// Who administers one tenant would otherwise act in all; in its own it holds what it holds.
#[test]
fn what_opens_other_tenants_is_held_realm_wide() {
    for (grants, crosses) in [
        (vec![has("cross", Some("acme"))], false),
        (vec![has("cross", Some("acme")), has("cross", None)], true),
        (vec![has_role("crosser", Some("acme"))], false),
        (vec![has_role("crosser", None)], true),
        (vec![has_role("own", Some("acme"))], false),
        // A tenant's own role of the name that a realm-wide grant names.
        (
            vec![has_role("own", None), has("cross", Some("acme"))],
            false,
        ),
    ] {
        let mut case = Case::of(&grants, &["acme"]);
        case.roles.push(gives("crosser", &["cross", "read"]));
        case.tenant_roles.push(gives("own", &["cross"]));
        case.crossing = Some(permission("cross"));
        let acme = tenant("acme");
        let (cross, read) = (scopes(&["cross"]), scopes(&["read"]));
        let asking = |scopes| AuthorityInput {
            scopes,
            unknown_scope: UnknownScope::Narrow,
            ..case.ask(Some(&acme))
        };
        let held = effective(&asking(None)).unwrap();
        assert!(
            held.permissions().contains(&permission("cross")),
            "{grants:?}"
        );
        assert_eq!(held.crosses(), crosses, "{grants:?}");
        assert_eq!(effective(&asking(Some(&cross))).unwrap().crosses(), crosses);
        // What it was narrowed to says nothing of it.
        assert!(!effective(&asking(Some(&read))).unwrap().crosses());
        // Nor does it through who acts for it and holds it in a tenant only.
        let local = Case::of(&[has("cross", Some("acme"))], &["acme"]);
        let ceiling = Ceiling::default();
        let actors = [Party {
            holdings: local.ask(None).holdings,
            ceiling: &ceiling,
        }];
        let acted = AuthorityInput {
            actors: &actors,
            ..asking(None)
        };
        assert!(!effective(&acted).unwrap().crosses(), "{grants:?}");
    }
}

/// Everybody would act in all tenants. What everybody holds besides goes along.
#[test]
fn what_everybody_is_given_opens_no_other_tenant() {
    for (grants, crosses) in [
        (vec![has_default("crosser")], false),
        (
            vec![has_default("crosser"), has_role("reader", None)],
            false,
        ),
        (
            vec![has_default("crosser"), has("cross", Some("acme"))],
            false,
        ),
        (vec![has_default("crosser"), has("cross", None)], true),
        (vec![has_default("reader"), has("cross", None)], true),
    ] {
        let mut case = Case::of(&grants, &["acme"]);
        case.roles.push(gives("crosser", &["cross"]));
        case.crossing = Some(permission("cross"));
        let acme = tenant("acme");
        for at in [Some(&acme), None] {
            let held = effective(&case.ask(at)).unwrap();
            assert_eq!(held.crosses(), crosses, "{grants:?} {at:?}");
        }
        let whole = Case {
            crossing: Some(permission("cross")),
            ..Case::of(&[has("cross", None), has("read", None)], &["acme"])
        };
        let ceiling = Ceiling::default();
        let actors = [Party {
            holdings: case.ask(None).holdings,
            ceiling: &ceiling,
        }];
        let acted = AuthorityInput {
            actors: &actors,
            ..whole.ask(Some(&acme))
        };
        assert_eq!(effective(&acted).unwrap().crosses(), crosses, "{grants:?}");
    }
}

/// Who lost its role by narrowing is not who never had one: it is told apart, and how.
#[test]
fn a_role_that_is_narrowed_away_is_told() {
    let case = Case::of(&[has_role("admin", None), has_role("reader", None)], &[]);
    let (admin, reader) = (role("admin"), role("reader"));
    let part = Some(LostRole::Part(admin.clone()));
    let only = |names: &[&str]| Ceiling {
        roles: Some(names.iter().map(|name| role(name)).collect()),
        ..Ceiling::default()
    };
    let (reads, readers, both) = (
        up_to(&["read"]),
        only(&["reader"]),
        only(&["admin", "reader"]),
    );
    let read = scopes(&["read"]);
    let whole = || AuthorityInput {
        default_role: Some(&admin),
        ..case.ask(None)
    };
    let lost = |input: &AuthorityInput<'_>| effective(input).unwrap().lost_role().cloned();
    assert_eq!(lost(&whole()), None);
    let narrowed = AuthorityInput {
        scopes: Some(&read),
        ..whole()
    };
    assert_eq!(lost(&narrowed), part);
    for (ceilings, expected) in [
        (vec![&reads], part.clone()),
        (vec![&both, &reads], part.clone()),
        (vec![&readers], Some(LostRole::Whole)),
        (vec![&reads, &readers], Some(LostRole::Whole)),
    ] {
        let input = AuthorityInput {
            ceilings: &ceilings,
            ..whole()
        };
        assert_eq!(lost(&input), expected, "{ceilings:?}");
        let selecting = AuthorityInput {
            selected_role: Some(&reader),
            ..input
        };
        assert_eq!(lost(&selecting), None, "{ceilings:?}");
    }
    // A role that was never held was not lost.
    let never = AuthorityInput {
        default_role: Some(&role("boss")),
        ..whole()
    };
    assert_eq!(lost(&never), None);
    // Who acts for it and is not in the role has not its rows either.
    let free = Ceiling::default();
    for (grants, ceiling, expected) in [
        (vec![has("read", None)], &free, Some(LostRole::Whole)),
        (vec![has_role("admin", None)], &reads, part),
        (
            vec![has_role("admin", None)],
            &readers,
            Some(LostRole::Whole),
        ),
    ] {
        let theirs = Case::of(&grants, &[]);
        let actors = [Party {
            holdings: theirs.ask(None).holdings,
            ceiling,
        }];
        let acted = AuthorityInput {
            actors: &actors,
            ..whole()
        };
        assert_eq!(lost(&acted), expected, "{grants:?}");
    }
}

/// What one tenant gave would go along into all others.
#[test]
fn who_carries_what_a_tenant_gave_stays_there() {
    let wide = [has("cross", None), has("read", None)];
    for (in_tenant, crosses) in [
        (None, true),
        // What is held realm-wide as well was not the tenant's to give.
        (Some(has("read", Some("acme"))), true),
        (Some(has("write", Some("acme"))), false),
        (Some(has_role("reader", Some("acme"))), false),
        (Some(has_role("none", Some("acme"))), false),
        (Some(has_role("own", Some("acme"))), false),
        (Some(has("write", Some("globex"))), true),
    ] {
        let grants: Vec<Grant> = wide.iter().cloned().chain(in_tenant.clone()).collect();
        let mut case = Case::of(&grants, &["acme", "globex"]);
        case.roles.push(gives("reader", &["read"]));
        case.roles.push(gives("none", &[]));
        case.tenant_roles.push(gives("own", &["read"]));
        case.crossing = Some(permission("cross"));
        let acme = tenant("acme");
        assert_eq!(
            effective(&case.ask(Some(&acme))).unwrap().crosses(),
            crosses,
            "{in_tenant:?}"
        );
        // Narrowed to what is held realm-wide, or without a tenant, nothing of it goes along.
        let cross = scopes(&["cross"]);
        let narrowed = AuthorityInput {
            scopes: Some(&cross),
            ..case.ask(Some(&acme))
        };
        assert!(effective(&narrowed).unwrap().crosses(), "{in_tenant:?}");
        assert!(effective(&case.ask(None)).unwrap().crosses());
        // Nor does it through who acts for it and has it of the tenant.
        let whole = Case::of(
            &[has("cross", None), has("read", None), has("write", None)],
            &["acme"],
        );
        let whole = Case {
            crossing: Some(permission("cross")),
            ..whole
        };
        let ceiling = Ceiling::default();
        let actors = [Party {
            holdings: case.ask(None).holdings,
            ceiling: &ceiling,
        }];
        let acted = AuthorityInput {
            actors: &actors,
            ..whole.ask(Some(&acme))
        };
        let carries_it = in_tenant == Some(has("write", Some("acme")));
        assert_eq!(
            effective(&acted).unwrap().crosses(),
            !carries_it,
            "{in_tenant:?}"
        );
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
    // What is left is not the other role.
    assert_eq!(authority.roles, [role("reader")]);
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
        assert_eq!(effective(&input).unwrap().role(), expected.as_ref());
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
            Err(AuthorityRefusal::Scope),
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
            Err(AuthorityRefusal::Scope),
            &held[..],
        ),
    ] {
        let grants: Vec<_> = held.iter().map(|name| has(name, None)).collect();
        let case = Case::of(&grants, &[]);
        let asked = asked.map(|names| scopes(&names));
        let input = AuthorityInput {
            scopes: asked.as_deref(),
            unknown_scope: unknown,
            default_scopes: default,
            ..case.ask(None)
        };
        let answer = effective(&input);
        let granted = granted.map(|names| scopes(&names));
        assert_eq!(answer.clone().map(|held| held.scopes), granted, "{asked:?}");
        if let Ok(authority) = answer {
            assert_eq!(authority.permissions, permissions(left), "{asked:?}");
        }
    }
}

/// X8: what is narrowed to less than a role does not hold the role.
#[test]
fn a_role_is_held_whole_or_not_at_all() {
    let mut case = Case::of(
        &[
            has_role("admin", None),
            has_role("reader", None),
            has_role("guest", None),
        ],
        &[],
    );
    case.roles.push(gives("guest", &[]));
    let all = ["read", "write", "platform.users.edit"];
    let named = |roles: &[&str], permissions: &[&str]| Ceiling {
        roles: Some(roles.iter().map(|name| role(name)).collect()),
        ..up_to(permissions)
    };
    let whole: &[&str] = &["admin", "guest", "reader"];
    for (ceiling, asked, held) in [
        (None, None, whole),
        (None, Some(&all[..]), &["admin", "reader"]),
        (None, Some(&["read"]), &["reader"]),
        (None, Some(&["write"]), &[]),
        (None, Some(&[]), &[]),
        (Some(up_to(&all)), None, &["admin", "reader"]),
        (Some(up_to(&["read", "write"])), None, &["reader"]),
        (Some(up_to(&[])), None, &[]),
        (Some(named(&["guest"], &[])), None, &["guest"]),
        (
            Some(named(&["guest", "admin"], &["read"])),
            None,
            &["guest"],
        ),
        (Some(named(&["guest"], &[])), Some(&[]), &[]),
    ] {
        let scopes = asked.map(scopes);
        let ceilings: Vec<&Ceiling> = ceiling.iter().collect();
        let input = AuthorityInput {
            ceilings: &ceilings,
            scopes: scopes.as_deref(),
            ..case.ask(None)
        };
        let authority = effective(&input).unwrap();
        let held: Vec<_> = held.iter().map(|name| role(name)).collect();
        assert_eq!(authority.roles, held, "{ceiling:?} {asked:?}");
    }
}

/// A ceiling that names permissions means those, and no role that gives none of them.
#[test]
fn a_role_without_permissions_is_selected_where_no_ceiling_names_others() {
    let mut case = Case::of(&[has_role("guest", None), has_role("reader", None)], &[]);
    case.roles.push(gives("guest", &[]));
    let named = |roles: &[&str], ceiling: Ceiling| Ceiling {
        roles: Some(roles.iter().map(|name| role(name)).collect()),
        ..ceiling
    };
    for (ceiling, guest, reader) in [
        (Ceiling::default(), true, true),
        (named(&["guest"], Ceiling::default()), true, false),
        (named(&["guest", "reader"], up_to(&["read"])), true, true),
        (up_to(&["read"]), false, true),
    ] {
        for (selected, expected) in [("guest", guest), ("reader", reader)] {
            let selected = role(selected);
            let input = AuthorityInput {
                ceilings: &[&ceiling],
                selected_role: Some(&selected),
                ..case.ask(None)
            };
            let refusal = effective(&input).err();
            let expected = (!expected).then_some(AuthorityRefusal::Role);
            assert_eq!(refusal, expected, "{selected} {ceiling:?}");
        }
    }
}

/// So that a role that gives something else by now is noticed by all that it gave to.
#[test]
fn what_gave_something_are_the_realms_roles_of_every_party() {
    let mut case = Case::of(
        &[
            has_role("admin", None),
            has_role("reader", None),
            has_role("picker", Some("acme")),
        ],
        &["acme"],
    );
    case.tenant_roles = vec![gives("picker", &["pick"])];
    let (acme, reader) = (tenant("acme"), role("reader"));
    let readers = Ceiling {
        roles: Some(vec![reader.clone()]),
        ..Ceiling::default()
    };
    let reading = up_to(&["read"]);
    let whoever = Ceiling::default();
    let clerk = Case {
        roles: vec![gives("clerk", &["read"])],
        ..Case::of(&[has_role("clerk", None)], &["acme"])
    };
    let clerks = [Party {
        holdings: clerk.ask(None).holdings,
        ceiling: &whoever,
    }];
    for (ceilings, selected_role, actors, expected) in [
        (&[][..], None, &[][..], &["admin", "reader"][..]),
        // Also one that is not held whole.
        (&[&reading], None, &[], &["admin", "reader"]),
        (&[&readers], None, &[], &["reader"]),
        (&[], Some(&reader), &[], &["reader"]),
        (&[], Some(&reader), &clerks, &["clerk", "reader"]),
    ] {
        let input = AuthorityInput {
            ceilings,
            selected_role,
            actors,
            ..case.ask(Some(&acme))
        };
        let authority = effective(&input).unwrap();
        let expected: Vec<_> = expected.iter().map(|name| role(name)).collect();
        assert_eq!(authority.given_by(), expected, "{ceilings:?}");
    }
}

#[test]
fn a_selected_role_of_which_a_part_is_left_is_not_in_force() {
    let case = Case::of(&[has_role("admin", None), has_role("reader", None)], &[]);
    let (admin, read) = (role("admin"), scopes(&["read"]));
    let ceiling = Ceiling {
        roles: Some(vec![admin.clone()]),
        ..up_to(&["read"])
    };
    for (ceilings, asked) in [(&[&ceiling][..], None), (&[], Some(&read[..]))] {
        let input = AuthorityInput {
            ceilings,
            scopes: asked,
            selected_role: Some(&admin),
            ..case.ask(None)
        };
        let authority = effective(&input).unwrap();
        assert_eq!(authority.permissions, permissions(&["read"]));
        assert_eq!(authority.role, None);
        assert!(!authority.roles.contains(&admin), "{asked:?}");
    }
    // Nor is one selected that a ceiling took away.
    let readers = Ceiling {
        roles: Some(vec![role("reader")]),
        ..Ceiling::default()
    };
    let input = AuthorityInput {
        ceilings: &[&readers],
        selected_role: Some(&admin),
        ..case.ask(None)
    };
    assert_eq!(effective(&input), Err(AuthorityRefusal::Role));
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn names() -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(vec!["a", "b", "c", "d", "e"], 0..=5)
    }

    /// Some of the roles, of which one gives nothing.
    fn roles() -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(vec!["ab", "bcd", "e", "none"], 0..=4)
    }

    fn ceiling() -> impl Strategy<Value = Ceiling> {
        let listed = |names: Vec<&'static str>| names.iter().map(|name| role(name)).collect();
        let parts = (proptest::option::of(names()), proptest::option::of(roles()));
        parts.prop_map(move |(permissions, roles)| Ceiling {
            roles: roles.map(listed),
            permissions: permissions.map(|names| super::permissions(&names)),
            ..Ceiling::default()
        })
    }

    fn case(permissions: &[&'static str], held: &[&'static str]) -> Case {
        let grants = permissions.iter().map(|name| has(name, None));
        let grants: Vec<_> = grants
            .chain(held.iter().map(|name| has_role(name, None)))
            .collect();
        let mut case = Case::of(&grants, &[]);
        case.roles = vec![
            gives("ab", &["a", "b"]),
            gives("bcd", &["b", "c", "d"]),
            gives("e", &["e"]),
            gives("none", &[]),
        ];
        case
    }

    fn within<T: Ord>(narrow: &[T], wide: &[T]) -> bool {
        narrow.iter().all(|one| wide.binary_search(one).is_ok())
    }

    proptest! {
        /// Whatever narrows, narrows: a ceiling, one more ceiling, scopes, a selected role
        /// and an actor each leave a part of what was there, of permissions, scopes and
        /// roles alike; and no role is left of which a permission is missing.
        #[test]
        fn each_narrowing_leaves_a_part(
            granted in (names(), roles()),
            ceilings in (ceiling(), ceiling()),
            asked in proptest::option::of(names()),
            selected in proptest::option::of(proptest::sample::select(vec!["ab", "bcd", "e", "none"])),
            acts in proptest::option::of((names(), roles())),
            default in proptest::sample::select(vec!["ab", "e", "none"]),
        ) {
            let case = case(&granted.0, &granted.1);
            let actor = acts.map(|acts| self::case(&acts.0, &acts.1));
            let open = Ceiling::default();
            let default = role(default);
            let actors: Vec<Party<'_>> = actor.iter().map(|actor| Party {
                holdings: actor.ask(None).holdings,
                ceiling: &open,
            }).collect();
            let both = [&ceilings.0, &ceilings.1];
            let scopes = asked.map(|names| scopes(&names));
            let selected = selected.map(role);
            let plain = AuthorityInput {
                unknown_scope: UnknownScope::Narrow,
                default_scopes: DefaultScopes::All,
                default_role: Some(&default),
                ..case.ask(None)
            };
            let steps = [
                plain,
                AuthorityInput { ceilings: &both[..1], ..plain },
                AuthorityInput { ceilings: &both, ..plain },
                AuthorityInput { ceilings: &both, actors: &actors, ..plain },
                AuthorityInput { ceilings: &both, actors: &actors, selected_role: selected.as_ref(), ..plain },
                AuthorityInput {
                    ceilings: &both,
                    actors: &actors,
                    scopes: scopes.as_deref(),
                    selected_role: selected.as_ref(),
                    ..plain
                },
            ];
            let plainly = effective(&plain).unwrap();
            let mut wide: Option<Authority> = None;
            for step in &steps {
                let Ok(narrow) = effective(step) else { continue };
                prop_assert_eq!(&scopes_of(narrow.permissions.iter()), &narrow.scopes);
                prop_assert!(narrow.role.iter().all(|role| narrow.roles.contains(role)));
                // Nothing makes of who was in a role one who never had any.
                let in_force = step.selected_role.or(step.default_role);
                let was_held = step.selected_role.is_some() || plainly.role.is_some();
                match (&narrow.role, &narrow.lost_role) {
                    (Some(role), None) => prop_assert_eq!(Some(role), in_force),
                    (None, Some(LostRole::Part(role))) => prop_assert_eq!(Some(role), in_force),
                    (None, Some(LostRole::Whole)) => {}
                    (None, None) => prop_assert!(!was_held),
                    (Some(_), Some(_)) => prop_assert!(false, "both in force and lost"),
                }
                for definition in case.roles.iter().filter(|of| narrow.roles.contains(&of.role)) {
                    prop_assert!(within(&definition.permissions, &narrow.permissions));
                }
                if let Some(wide) = &wide {
                    prop_assert!(within(&narrow.permissions, &wide.permissions));
                    prop_assert!(within(&narrow.scopes, &wide.scopes));
                    prop_assert!(within(&narrow.roles, &wide.roles));
                }
                wide = Some(narrow);
            }
        }
    }
}
