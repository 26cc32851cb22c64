//! Decisions on both sides of their line: each of these was once wrong in a mutation that
//! no other test noticed.

use super::authority::{Holdings, permissions_of};
use super::manage::{ManagementCaller, Manager, Through};
use super::refusal::{ManageRefusal, Reason as _, UseRefusal};
use super::testing::{audience, gives, has, has_role, id, permissions, role, scopes, tenant};
use super::token::carry::{Carry, check_carry};
use crate::model::{Ceiling, Grant, TokenKind};
use doorward_base::Environment;
use std::collections::HashSet;

fn manager(grants: Vec<Grant>, member_of: &[&str]) -> Manager {
    Manager {
        subject: id(1),
        through: Through::SignIn,
        grants,
        member_of: member_of.iter().map(|name| tenant(name)).collect(),
        roles: vec![gives("reader", &["read"])],
        tenant_roles: Vec::new(),
        ceilings: Vec::new(),
    }
}

fn caller(manager: Manager) -> ManagementCaller {
    ManagementCaller::Subject(Box::new(manager))
}

/// K8, for roles: the permissions of a role are not the role.
#[test]
fn k8_a_role_is_given_only_by_who_has_it() {
    let reader = manager(vec![has_role("reader", None)], &[]);
    let carried = reader.holds_in(None, None);
    assert!(carried.roles.contains_key(&role("reader")));
    assert_eq!(caller(reader).covers(&carried, None, None), Ok(()));
    let only_reads = caller(manager(vec![has("read", None)], &[]));
    assert_eq!(
        only_reads.covers(&carried, None, None),
        Err(ManageRefusal::NotHeld("reader".to_owned()))
    );
}

/// What a role means in one tenant says nothing of another.
#[test]
fn a_tenants_own_role_counts_in_that_tenant() {
    let grants = ["acme", "globex"].map(|name| has_role("picker", Some(name)));
    let mut both = manager(grants.to_vec(), &["acme", "globex"]);
    both.tenant_roles = vec![
        (tenant("acme"), vec![gives("picker", &["pick"])]),
        (tenant("globex"), vec![gives("picker", &["drop"])]),
    ];
    for (of, expected) in [("acme", "pick"), ("globex", "drop")] {
        let held = both.holds_in(Some(&tenant(of)), None);
        let names: Vec<_> = held.all_permissions().cloned().collect();
        assert_eq!(names, permissions(&[expected]), "{of}");
    }
}

/// Whatever binds a credential binds what it makes.
#[test]
fn a_bound_credential_makes_only_what_is_bound_alike() {
    let of = |tenant_name: Option<&str>, environment: Option<&str>| Ceiling {
        tenant: tenant_name.map(tenant),
        environment: environment.map(|name| Environment::new(name).unwrap()),
        ..Ceiling::default()
    };
    let (acme, globex, free) = (Some("acme"), Some("globex"), None);
    let (live, test) = (Some("live"), Some("test"));
    for (outer, inner, fits) in [
        (of(acme, free), of(acme, free), true),
        (of(acme, free), of(globex, free), false),
        (of(acme, free), of(free, free), false),
        (of(free, free), of(acme, free), true),
        (of(free, live), of(free, live), true),
        (of(free, live), of(free, test), false),
        (of(free, live), of(free, free), false),
        (of(free, free), of(free, live), true),
        (of(acme, live), of(acme, test), false),
        (of(acme, live), of(globex, live), false),
    ] {
        let mut narrowed = manager(Vec::new(), &["acme", "globex"]);
        narrowed.ceilings = vec![outer.clone()];
        let member_of = [tenant("acme"), tenant("globex")];
        let carried = check_carry(&Carry {
            caller: &caller(narrowed),
            kind: TokenKind::Personal,
            owner: id(1),
            holdings: Holdings {
                grants: &[],
                member_of: &member_of,
                roles: &[],
                tenant_roles: &[],
                crossing: None,
            },
            ceiling: &inner,
            audiences: &[audience("https://api")],
        });
        assert_eq!(carried.is_ok(), fits, "{outer:?} {inner:?}");
    }
}

#[test]
fn scopes_name_permissions() {
    let named = permissions_of(&scopes(&["read", "write"]));
    assert_eq!(named, permissions(&["read", "write"]));
}

/// A trace says which check refused: each has a name of its own.
#[test]
fn the_checks_of_a_use_have_names_of_their_own() {
    let all = [
        UseRefusal::Malformed,
        UseRefusal::Unknown,
        UseRefusal::Revoked,
        UseRefusal::Expired,
        UseRefusal::OwnerDisabled,
        UseRefusal::ClassUnknown,
        UseRefusal::Presentation,
        UseRefusal::MembershipEnded,
        UseRefusal::TenantForbidden,
        UseRefusal::RoleNotAllowed,
        UseRefusal::AudienceForbidden,
        UseRefusal::InvalidScope,
        UseRefusal::DurationInvalid,
        UseRefusal::Actor,
    ];
    let names: HashSet<&str> = all.iter().map(|refusal| refusal.row().0).collect();
    assert_eq!(names.len(), all.len());
    assert!(names.contains("membership_ended") && !names.contains(""));
}
