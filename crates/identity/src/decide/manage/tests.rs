//! Tests of who may manage whom.

use super::super::testing::*;
use super::*;
use crate::model::{Address, Ceiling, Contact, Identifier, Mailbox, Metadata, Subject};
use doorward_base::Email;

fn manager(grants: &[Grant], member_of: &[&str]) -> Manager {
    Manager {
        subject: id(1),
        through: Through::SignIn,
        grants: grants.to_vec(),
        member_of: member_of.iter().map(|name| tenant(name)).collect(),
        roles: vec![
            gives("boss", &["platform.grants.edit", "read", "write"]),
            gives("reader", &["read"]),
        ],
        tenant_roles: Vec::new(),
        ceilings: Vec::new(),
    }
}

fn subject(manager: Manager) -> ManagementCaller {
    ManagementCaller::Subject(Box::new(manager))
}

fn caller(grants: &[Grant], member_of: &[&str]) -> ManagementCaller {
    subject(manager(grants, member_of))
}

const EDIT: ManagementPermission = ManagementPermission::UsersEdit;

/// Whoever makes a role of these finds them in one place.
#[test]
fn the_documentation_names_every_permission() {
    let text = include_str!("../../../../../docs/configuration.md");
    for one in ManagementPermission::ALL {
        let row = format!("\n| `{}` |", one.as_str());
        assert!(text.contains(&row), "{}", one.as_str());
    }
}

#[test]
fn a_permission_in_one_tenant_reaches_that_tenant() {
    let admin = caller(&[has(EDIT.as_str(), Some("acme"))], &["acme", "globex"]);
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    assert_eq!(admin.reach(EDIT), Ok(Reach::Tenants(vec![acme.clone()])));
    assert_eq!(admin.demand(EDIT, Some(&acme)), Ok(()));
    assert_eq!(
        admin.demand(EDIT, Some(&globex)),
        Err(ManageRefusal::NotFound("tenant"))
    );
    assert_eq!(admin.demand(EDIT, None), not_realm_wide(&admin));
}

/// Also for who holds it nowhere: a grant in a tenant would not do.
#[test]
fn what_takes_the_whole_realm_says_so() {
    let nobody = caller(&[], &["acme"]);
    assert_eq!(nobody.demand(EDIT, None), not_realm_wide(&nobody));
    assert_eq!(nobody.demand_realm(EDIT), not_realm_wide(&nobody));
    let refusal = nobody.demand_realm(EDIT).unwrap_err();
    let id = nobody.subject().unwrap();
    let fix = format!("--id {id} --permission {}`", EDIT.as_str());
    assert!(refusal.to_string().contains(&fix), "{refusal}");
    let admin = caller(&[has(EDIT.as_str(), None)], &[]);
    assert_eq!(admin.demand_realm(EDIT), Ok(()));
    assert_eq!(ManagementCaller::Operator.demand_realm(EDIT), Ok(()));
}

fn not_realm_wide(caller: &ManagementCaller) -> Result<(), ManageRefusal> {
    Err(ManageRefusal::NotRealmWide {
        needed: EDIT.as_str(),
        caller: caller.subject().unwrap(),
    })
}

#[test]
fn a_permission_dies_with_the_membership() {
    let former = caller(&[has(EDIT.as_str(), Some("acme"))], &["globex"]);
    assert_eq!(
        former.reach(EDIT),
        Err(ManageRefusal::NotPermitted(EDIT.as_str()))
    );
}

#[test]
fn realm_wide_reaches_everything_without_membership() {
    let admin = caller(&[has(EDIT.as_str(), None)], &[]);
    assert_eq!(admin.reach(EDIT), Ok(Reach::Realm));
    assert_eq!(admin.demand(EDIT, Some(&tenant("acme"))), Ok(()));
    assert!(!admin.may(ManagementPermission::TenantsEdit, None));
}

/// An ordinary member would manage the realm.
#[test]
fn what_everybody_is_given_manages_where_one_is_a_member() {
    let everybodys = |member_of: &[&str], more: &[Grant]| {
        let grants: Vec<Grant> = more
            .iter()
            .cloned()
            .chain([has_default("editor")])
            .collect();
        let mut manager = manager(&grants, member_of);
        manager
            .roles
            .push(gives("editor", &[EDIT.as_str(), "read"]));
        manager
    };
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let nowhere = subject(everybodys(&[], &[]));
    assert_eq!(
        nowhere.reach(EDIT),
        Err(ManageRefusal::NotPermitted(EDIT.as_str()))
    );
    let member = subject(everybodys(&["acme"], &[]));
    assert_eq!(member.reach(EDIT), Ok(Reach::Tenants(vec![acme.clone()])));
    assert_eq!(member.demand(EDIT, Some(&acme)), Ok(()));
    assert_eq!(
        member.demand(EDIT, Some(&globex)),
        Err(ManageRefusal::NotFound("tenant"))
    );
    assert_eq!(member.demand_realm(EDIT), not_realm_wide(&member));
    assert!(!member.vouches());
    // Nor is it given on where it does not hold.
    let mut carried = Held::default();
    carried.permissions.insert(permission("read"));
    for (at, covers) in [(Some(&acme), true), (Some(&globex), false), (None, false)] {
        assert_eq!(member.covers(&carried, at, None).is_ok(), covers, "{at:?}");
        let grants = [has("read", None), has_role("editor", None)];
        for granted in grants.map(|grant| grant.granted) {
            assert_eq!(member.holds(&granted, at), covers, "{granted:?} {at:?}");
        }
    }
    // What somebody is given besides counts as ever.
    let admin = subject(everybodys(&["acme"], &[has(EDIT.as_str(), None)]));
    assert_eq!(admin.reach(EDIT), Ok(Reach::Realm));
    // What one may do oneself is another thing.
    let own = everybodys(&[], &[]).acts_in(None);
    assert!(own.roles.contains_key(&role("editor")));
}

/// A token that lies about tells of one tenant; a person by a session sees all of itself.
#[test]
fn a_bound_credential_sees_of_oneself_what_is_there() {
    let bound = Ceiling {
        tenant: Some(tenant("acme")),
        ..Ceiling::default()
    };
    let token = Through::ApiToken(ApiTokenId::from_bytes([9; 16]));
    let there = Reach::Tenants(vec![tenant("acme")]);
    for (through, ceilings, expected) in [
        (Through::SignIn, vec![bound.clone()], Reach::Realm),
        (token, vec![bound.clone()], there.clone()),
        (token, vec![up_to(&["read"]), bound.clone()], there.clone()),
        (token, vec![], Reach::Realm),
        (Through::Other, vec![bound], there),
    ] {
        let asking = Manager {
            through,
            ceilings,
            ..manager(&[], &["acme", "globex"])
        };
        assert_eq!(subject(asking).reach_of_oneself(), expected, "{through:?}");
    }
}

/// Nobody is kept, and nobody else is sent away so.
#[test]
fn everybody_leaves_by_a_session_of_his_own() {
    let acme = tenant("acme");
    let realms = caller(&[has("read", None)], &["acme"]);
    let leaves = |who: &ManagementCaller, whom| who.reach_of_leaving(Leaver::Oneself, whom, &acme);
    assert_eq!(leaves(&realms, id(1)), Ok(Reach::Realm));
    let missing = Err(ManageRefusal::NotFound("membership"));
    assert_eq!(leaves(&realms, id(2)), missing);
    let by_token = subject(Manager {
        through: Through::ApiToken(ApiTokenId::from_bytes([9; 16])),
        ..manager(&[], &["acme"])
    });
    assert_eq!(leaves(&by_token, id(1)), Err(ManageRefusal::SessionNeeded));
    // By somebody else it takes the permission, also of oneself.
    let other = realms.reach_of_leaving(Leaver::Other, id(1), &acme);
    let needed = ManagementPermission::MembershipsEdit.as_str();
    assert_eq!(other, Err(ManageRefusal::NotPermitted(needed)));
}

/// WB-10: one management permission does not stand for another.
#[test]
fn wb_10_service_accounts_edit_does_not_include_their_tokens() {
    let admin = caller(&[has("platform.users.service-accounts.edit", None)], &[]);
    assert!(admin.may(ManagementPermission::ServiceAccountsEdit, None));
    assert!(!admin.may(ManagementPermission::AccessTokensEdit, None));
}

#[test]
fn an_exchanged_token_carries_only_its_scopes() {
    let mut holder = manager(
        &[has(EDIT.as_str(), None), has("platform.audit.read", None)],
        &[],
    );
    holder.ceilings = vec![up_to(&["platform.audit.read"])];
    let narrowed = subject(holder);
    assert!(narrowed.may(ManagementPermission::AuditRead, None));
    assert!(!narrowed.may(EDIT, None));
}

#[test]
fn a_token_bound_to_a_tenant_manages_nothing_elsewhere() {
    let mut holder = manager(&[has(EDIT.as_str(), None)], &["acme"]);
    holder.ceilings = vec![Ceiling {
        tenant: Some(tenant("acme")),
        ..Ceiling::default()
    }];
    let bound = subject(holder);
    assert_eq!(bound.reach(EDIT), Ok(Reach::Tenants(vec![tenant("acme")])));
    assert!(!bound.may(EDIT, Some(&tenant("globex"))));
}

#[test]
fn nobody_grants_what_it_does_not_hold() {
    let boss = caller(&[has_role("boss", Some("acme"))], &["acme"]);
    for (grant, allowed) in [
        (has("read", Some("acme")), true),
        (has_role("boss", Some("acme")), true),
        (has("drop", Some("acme")), false),
        // The permissions of the role, but not the role itself.
        (has_role("reader", Some("acme")), false),
        (has("read", Some("globex")), false),
        (has("read", None), false),
    ] {
        assert_eq!(boss.may_grant(&grant).is_ok(), allowed, "{grant:?}");
        assert_eq!(ManagementCaller::Operator.may_grant(&grant), Ok(()));
    }
}

#[test]
fn realm_wide_grants_are_the_operators() {
    let platform = caller(&[has("read", None), has("platform.grants.edit", None)], &[]);
    assert_eq!(
        platform.may_grant(&has("read", None)),
        Err(ManageRefusal::RealmWide)
    );
    assert_eq!(platform.may_grant(&has("read", Some("acme"))), Ok(()));
}

/// WB-08: a platform administrator chooses a service account's permissions, among its
/// own.
#[test]
fn wb_08_a_service_account_is_given_what_its_maker_holds_realm_wide() {
    let platform = caller(
        &[has("read", None), has("acme-only", Some("acme"))],
        &["acme"],
    );
    for (grant, allowed) in [
        (has("read", None), true),
        (has("read", Some("acme")), true),
        (has("write", None), false),
        (has("acme-only", None), false),
    ] {
        assert_eq!(platform.may_delegate(&grant).is_ok(), allowed, "{grant:?}");
    }
}

#[test]
fn a_role_that_a_ceiling_cut_cannot_be_granted_whole() {
    let mut holder = manager(&[has_role("boss", Some("acme"))], &["acme"]);
    holder.ceilings = vec![up_to(&["platform.grants.edit", "read"])];
    let cut = subject(holder);
    assert_eq!(
        cut.may_grant(&has_role("boss", Some("acme"))),
        Err(ManageRefusal::NotHeld("boss".into()))
    );
    assert_eq!(cut.may_grant(&has("read", Some("acme"))), Ok(()));
}

/// K8: a role counts by its name too, not by its permissions alone.
#[test]
fn a_token_carries_no_role_that_its_maker_lacks() {
    let carried = Held {
        roles: [(role("reader"), [permission("read")].into())].into(),
        ..Held::default()
    };
    let direct = caller(&[has("read", None)], &[]);
    let refused = Err(ManageRefusal::NotHeld("reader".to_owned()));
    assert_eq!(direct.covers(&carried, None, None), refused);
    let mut reader = caller(&[has_role("reader", None)], &[]);
    if let ManagementCaller::Subject(manager) = &mut reader {
        manager.roles = vec![gives("reader", &["read"])];
    }
    assert_eq!(reader.covers(&carried, None, None), Ok(()));
}

/// A role is what the tenant it is granted in defines.
#[test]
fn a_tenants_role_is_that_tenants() {
    let mut picker = caller(&[has_role("picker", Some("acme"))], &["acme", "globex"]);
    if let ManagementCaller::Subject(manager) = &mut picker {
        manager.tenant_roles = vec![
            (tenant("acme"), vec![gives("picker", &["pick"])]),
            (tenant("globex"), vec![gives("picker", &["drop"])]),
        ];
    }
    let acme = tenant("acme");
    assert!(picker.holds_permission("pick", Some(&acme)));
    assert!(!picker.holds_permission("drop", Some(&acme)));
    assert!(!picker.holds_permission("drop", Some(&tenant("globex"))));
}

#[test]
fn a_tenant_sees_who_its_members_are_and_no_more() {
    let whole = Subject {
        name: Some("Ada".to_owned()),
        user_metadata: Metadata::from_iter([("a".to_owned(), true.into())]),
        app_metadata: Metadata::from_iter([("b".to_owned(), true.into())]),
        last_sign_in_at: Some(NOW),
        ..super::super::testing::subject(
            1,
            Identifier::User(Contact {
                email: Some(Address::said("ada@example.org".parse().unwrap()).into()),
                phone: Some(Address::said("+15550100".parse().unwrap())),
                anonymous: false,
            }),
        )
    };
    assert_eq!(Reach::Realm.sees(whole.clone()), whole);
    let email = Address::said("ada@example.org".parse().unwrap());
    let expected = Subject {
        name: Some("Ada".to_owned()),
        ..super::super::testing::subject(1, Identifier::user(email))
    };
    let acme = Reach::Tenants(vec![tenant("acme")]);
    assert_eq!(acme.sees(whole), expected);
    assert_eq!(acme.sees(service(2)), service(2));
    // Where an address counts is not told to another tenant.
    let said: Email = "ada@example.org".parse().unwrap();
    let inside = |home: &str| {
        let email = Mailbox::In(tenant(home), said.clone());
        let email = Some(email);
        let user = Identifier::User(Contact {
            email,
            ..Contact::default()
        });
        let service = Identifier::Service {
            email: said.clone(),
            home: Some(tenant(home)),
        };
        [user, service].map(|one| super::super::testing::subject(3, one))
    };
    for (home, told) in [("acme", true), ("globex", false)] {
        for subject in inside(home) {
            let seen = acme.sees(subject.clone());
            assert_eq!(seen.identifier.home().is_some(), told, "{seen:?}");
            assert_eq!(seen.identifier.email(), Some(&said));
            assert_eq!(Reach::Realm.sees(subject.clone()), subject);
        }
    }
}

#[test]
fn a_permission_on_one_api_does_not_grant_it_on_all() {
    let orders = audience("https://orders");
    let on_orders = Granted::Permission {
        permission: permission("read:orders"),
        audience: Some(orders),
    };
    let holder = caller(
        &[Grant {
            tenant: None,
            granted: on_orders.clone(),
        }],
        &[],
    );
    assert!(holder.holds(&on_orders, None));
    let everywhere = Granted::Permission {
        permission: permission("read:orders"),
        audience: None,
    };
    assert!(!holder.holds(&everywhere, None));
}

#[test]
fn what_touches_a_whole_subject_needs_all_its_tenants() {
    let reach = Reach::Tenants(vec![tenant("acme"), tenant("globex")]);
    for (member_of, as_member, whole) in [
        (vec![tenant("acme")], true, true),
        (vec![tenant("acme"), tenant("globex")], true, true),
        (vec![tenant("acme"), tenant("other")], true, false),
        (vec![tenant("other")], false, false),
        // Somebody without a tenant belongs to the realm.
        (vec![], false, false),
    ] {
        assert_eq!(reach.covers_member(&member_of), as_member, "{member_of:?}");
        let belonging = Belonging::of(&member_of, &[]);
        assert_eq!(reach.covers_whole(&belonging), whole, "{member_of:?}");
        assert!(Reach::Realm.covers_whole(&belonging));
    }
}

#[test]
fn who_holds_anything_realm_wide_is_no_tenants() {
    let (acme, reach) = (tenant("acme"), Reach::Tenants(vec![tenant("acme")]));
    let member_of = [acme.clone()];
    for (grants, is_tenants) in [
        (vec![], true),
        (vec![has("read", Some("acme"))], true),
        (vec![has_default("user")], true),
        // The same role, given by somebody.
        (vec![has_role("user", None)], false),
        (vec![has("user", None)], false),
        (vec![has_role("boss", None)], false),
    ] {
        let belonging = Belonging::of(&member_of, &grants);
        assert_eq!(reach.covers_whole(&belonging), is_tenants, "{grants:?}");
        assert_eq!(reach.covers_in(&belonging, &acme), is_tenants, "{grants:?}");
        assert!(Reach::Realm.covers_whole(&belonging) && Reach::Realm.covers_in(&belonging, &acme));
    }
    let plain = Belonging::of(&member_of, &[]);
    assert!(!reach.covers_in(&plain, &tenant("globex")));
}

#[test]
fn only_the_realm_vouches_for_an_address() {
    let acme = has(EDIT.as_str(), Some("acme"));
    assert!(ManagementCaller::Operator.vouches());
    assert!(caller(&[has(EDIT.as_str(), None)], &[]).vouches());
    assert!(!caller(&[acme], &["acme"]).vouches());
    // Whoever found a token seats nobody by its word.
    let mut found = manager(&[has(EDIT.as_str(), None)], &[]);
    found.through = Through::ApiToken(ApiTokenId::from_bytes([1; 16]));
    assert!(!ManagementCaller::Subject(Box::new(found)).vouches());
}

#[test]
fn names_are_distinct_permissions() {
    let names: std::collections::HashSet<_> = ManagementPermission::ALL
        .iter()
        .map(|one| permission(one.as_str()))
        .collect();
    assert_eq!(names.len(), ManagementPermission::ALL.len());
}
