//! What a token may carry, and where it is bound.

use super::*;

/// X5: what is granted to the owner later was not the maker's to give.
#[test]
fn a_token_made_for_another_carries_what_was_covered_and_no_more() {
    let grants = [has("read", None), has_role("clerk", None)];
    let on_api = Grant {
        tenant: None,
        granted: Granted::Permission {
            permission: permission("pay"),
            audience: Some(audience("https://api")),
        },
    };
    let grants = [&grants[..], std::slice::from_ref(&on_api)].concat();
    let roles = [gives("clerk", &["write"])];
    let named = Ceiling {
        permissions: Some(permissions(&["read"])),
        ..Ceiling::default()
    };
    let [makes, reads, writes] = [TOKENS_EDIT, "read", "write"].map(|name| has(name, None));
    let maker = subject_caller(1, &[makes, reads, writes, on_api], &[], &[]);
    let there = Ceiling {
        audiences: Some(vec![audience("https://api")]),
        ..Ceiling::default()
    };
    let fixed = |names: &[&str], roles: &[&str]| Ceiling {
        permissions: Some(permissions(names)),
        roles: Some(roles.iter().map(|name| role(name)).collect()),
        ..Ceiling::default()
    };
    for (caller, owner, ceiling, expected) in [
        // What it holds on one API alone is not carried to others, where the owner may be
        // given it.
        (
            &maker,
            id(2),
            Ceiling::default(),
            fixed(&["read", "write"], &["clerk"]),
        ),
        (
            &maker,
            id(2),
            there.clone(),
            Ceiling {
                audiences: there.audiences.clone(),
                ..fixed(&["pay", "read", "write"], &["clerk"])
            },
        ),
        // A role that is not held whole is not the role.
        (&maker, id(2), named.clone(), fixed(&["read"], &[])),
        (&maker, id(1), Ceiling::default(), Ceiling::default()),
        (
            &ManagementCaller::Operator,
            id(2),
            Ceiling::default(),
            Ceiling::default(),
        ),
    ] {
        let bound = bound_by_maker(&Carry {
            caller,
            kind: TokenKind::Service,
            owner,
            holdings: Holdings {
                grants: &grants,
                member_of: &[],
                roles: &roles,
                tenant_roles: &[],
                crossing: None,
            },
            ceiling: &ceiling,
            audiences: &[audience("https://api")],
        });
        assert_eq!(bound, expected, "{caller:?} {owner}");
    }
}

#[test]
fn a_token_is_bound_only_to_a_tenant_of_its_owner() {
    let mut case = Case::new(ManagementCaller::Operator, TokenKind::Service, service(2));
    case.member_of = vec![tenant("acme")];
    case.ceiling.tenant = Some(tenant("globex"));
    assert_eq!(case.code(), "tenant_forbidden");
}

/// K8: who mints a credential learns its secret, so it gives nothing the maker lacks.
#[test]
fn k8_a_token_never_carries_more_than_its_maker_holds() {
    let admin = || subject_caller(1, &[has(TOKENS_EDIT, None), has("read", None)], &[], &[]);
    for (held, ceiling, code) in [
        (vec!["read"], None, "ok"),
        (vec!["read", "drop"], None, "insufficient_permission"),
        (vec!["read", "drop"], Some(vec!["read"]), "ok"),
        (
            vec!["read", "drop"],
            Some(vec!["drop"]),
            "insufficient_permission",
        ),
        // Nor what its owner may be given later.
        (vec![], Some(vec!["drop"]), "insufficient_permission"),
        (vec![], Some(vec!["read"]), "invalid_scope"),
    ] {
        let mut case = Case::new(admin(), TokenKind::Service, service(2));
        case.grants = held.iter().map(|name| has(name, None)).collect();
        case.ceiling.permissions = ceiling.as_ref().map(|names| permissions(names));
        assert_eq!(case.code(), code, "{held:?} {ceiling:?}");
    }
}

/// A person's narrow token must not give birth to a wide one.
#[test]
fn a_narrowed_credential_makes_only_narrower_ones() {
    let narrow = up_to(&["read"]);
    for (ceiling, code) in [
        (Ceiling::default(), "insufficient_permission"),
        (up_to(&["read", "write"]), "insufficient_permission"),
        (up_to(&["read"]), "ok"),
        (up_to(&[]), "ok"),
    ] {
        let caller = subject_caller(
            1,
            &[has("read", None), has("write", None)],
            &[],
            std::slice::from_ref(&narrow),
        );
        let mut case = Case::new(caller, TokenKind::Personal, user(1));
        case.grants = vec![has("read", None), has("write", None)];
        case.ceiling = ceiling;
        assert_eq!(case.code(), code, "{:?}", case.ceiling);
    }
}

/// A scope that its owner could not use is refused or left out, as the realm says: by its
/// owner, and by who makes it for its owner and holds it itself.
#[test]
fn a_token_names_no_scope_that_its_owner_does_not_hold() {
    let grants = [has("read", None), has("write", Some("acme"))];
    let itself = || subject_caller(1, &grants, &["acme"], &[]);
    let maker = || {
        let held = [
            has(TOKENS_EDIT, None),
            has("read", None),
            has("write", None),
        ];
        subject_caller(9, &held, &[], &[])
    };
    let makers = [
        (itself(), TokenKind::Personal, user(1)),
        (maker(), TokenKind::Service, service(2)),
    ];
    for (caller, kind, owner) in makers {
        for (bound, named, lacks) in [
            (Some("acme"), &["read", "write"][..], None),
            (Some("acme"), &["read", "drop"], Some("drop")),
            (Some("globex"), &["read", "write"], Some("write")),
            (Some("globex"), &["read"], None),
        ] {
            let mut case = Case::new(caller.clone(), kind, owner.clone());
            case.grants = grants.to_vec();
            case.member_of = vec![tenant("acme"), tenant("globex")];
            case.ceiling = up_to(named);
            case.ceiling.tenant = bound.map(tenant);
            if kind == TokenKind::Service && lacks == Some("drop") {
                // Its maker may not even name it.
                assert_eq!(case.code(), "insufficient_permission");
                continue;
            }
            let refused = lacks.map(|name| TokenRefusal::InvalidScope(name.to_owned()));
            assert_eq!(case.decide().err(), refused, "{bound:?} {named:?}");
            case.unknown_scope = UnknownScope::Narrow;
            let kept: Vec<&str> = named
                .iter()
                .copied()
                .filter(|one| Some(*one) != lacks)
                .collect();
            assert_eq!(
                case.made().unwrap().ceiling.permissions,
                up_to(&kept).permissions
            );
        }
    }
    // Whoever has the store may name what is granted later.
    let mut case = Case::new(ManagementCaller::Operator, TokenKind::Personal, user(1));
    case.ceiling = up_to(&["drop"]);
    assert_eq!(case.made().unwrap().ceiling, case.ceiling);
}

/// What is held for one API can be named, unless the token is for others alone.
#[test]
fn a_scope_for_one_api_can_be_named() {
    let api = audience("https://api");
    let grants = [Grant {
        tenant: None,
        granted: Granted::Permission {
            permission: permission("read"),
            audience: Some(api.clone()),
        },
    }];
    let caller = subject_caller(1, &grants, &[], &[]);
    let mut case = Case::new(caller, TokenKind::Personal, user(1));
    case.grants = grants.to_vec();
    case.ceiling = up_to(&["read"]);
    assert_eq!(case.code(), "ok");
    case.ceiling.audiences = Some(vec![api]);
    assert_eq!(case.code(), "ok");
    case.ceiling.audiences = Some(vec![]);
    assert_eq!(case.code(), "invalid_scope");
}

/// A key is granted what its ceiling names: its maker must hold that in the tenant.
#[test]
fn a_tenants_key_gets_nothing_its_maker_lacks() {
    for (held, asked, code) in [
        (vec!["read"], vec!["read"], "ok"),
        (
            vec!["read"],
            vec!["read", "write"],
            "insufficient_permission",
        ),
        (vec![], vec![], "ok"),
    ] {
        let mut grants = vec![has(TOKENS_EDIT, Some("acme"))];
        grants.extend(held.iter().map(|name| has(name, Some("acme"))));
        let mut case = Case::new(
            subject_caller(1, &grants, &["acme"], &[]),
            TokenKind::Key,
            key_owner(2, "acme"),
        );
        case.class = keys();
        case.member_of = vec![tenant("acme")];
        case.ceiling = up_to(&asked);
        case.ceiling.tenant = Some(tenant("acme"));
        case.ceiling.environment = Some(Environment::new("live").unwrap());
        assert_eq!(case.code(), code, "{held:?} {asked:?}");
    }
}

/// A key is granted it on every API, also one that is for one of them.
#[test]
fn a_tenants_key_takes_what_its_maker_holds_on_every_api() {
    let api = audience("https://api");
    for (held_on, code) in [(None, "ok"), (Some(api.clone()), "insufficient_permission")] {
        let read = Grant {
            tenant: Some(tenant("acme")),
            granted: Granted::Permission {
                permission: permission("read"),
                audience: held_on.clone(),
            },
        };
        let grants = [has(TOKENS_EDIT, Some("acme")), read];
        let maker = subject_caller(1, &grants, &["acme"], &[]);
        let mut case = Case::new(maker, TokenKind::Key, key_owner(2, "acme"));
        case.class = keys();
        case.member_of = vec![tenant("acme")];
        case.ceiling = Ceiling {
            tenant: Some(tenant("acme")),
            audiences: Some(vec![api.clone()]),
            environment: Some(Environment::new("live").unwrap()),
            ..up_to(&["read"])
        };
        assert_eq!(case.code(), code, "{held_on:?}");
    }
}

/// Bound to no tenant, or to another than its owner's, it would be nobody's key.
#[test]
fn a_key_is_bound_to_its_own_tenant() {
    for (member_of, bound, expected) in [
        (vec!["acme"], Some("acme"), Ok(None)),
        (vec![], None, Err(TokenRefusal::TenantForbidden)),
        (vec!["acme"], None, Err(TokenRefusal::TenantForbidden)),
        (
            vec!["acme", "globex"],
            Some("globex"),
            Err(TokenRefusal::TenantForbidden),
        ),
    ] {
        let owner = key_owner(2, "acme");
        let mut case = Case::new(ManagementCaller::Operator, TokenKind::Key, owner);
        case.class = keys();
        case.member_of = member_of.iter().map(|name| tenant(name)).collect();
        case.ceiling.environment = Some(Environment::new("live").unwrap());
        case.ceiling.tenant = bound.map(tenant);
        assert_eq!(case.decide(), expected, "{member_of:?} {bound:?}");
    }
}
