//! What a subject holds, by its grants alone. Not here: what narrows it (`authority`), but for
//! ceilings.

use super::Holdings;
use crate::model::{Ceiling, Grant, Granted};
use doorward_base::{Audience, Permission, RoleName, TenantId};
use std::collections::{BTreeMap, BTreeSet};

/// What is held: the roles that are held whole with their permissions, and the
/// permissions held beside them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// Roles and what each gives.
    pub roles: BTreeMap<RoleName, BTreeSet<Permission>>,
    /// Permissions granted by themselves, and what ceilings left of roles.
    pub permissions: BTreeSet<Permission>,
}

impl Held {
    /// Every permission, by role or directly.
    pub fn all_permissions(&self) -> impl Iterator<Item = &Permission> {
        self.roles.values().flatten().chain(&self.permissions)
    }
}

/// What a subject holds in `tenant` (or realm-wide, without one) for `audience`.
/// Realm-wide grants count everywhere; grants in a tenant count there, while the
/// subject is a member.
#[must_use]
pub fn held(
    holdings: &Holdings<'_>,
    tenant: Option<&TenantId>,
    audience: Option<&Audience>,
) -> Held {
    sum(holdings, holdings.grants.iter(), tenant, audience)
}

/// As [`held`], of what reaches further than to act: to manage others, to make what acts for
/// them, to act in any tenant. What everybody is given says nothing of that in the whole
/// realm, and is held so only in the tenants that the subject is a member of.
#[must_use]
pub fn held_over_others(
    holdings: &Holdings<'_>,
    tenant: Option<&TenantId>,
    audience: Option<&Audience>,
) -> Held {
    let is_member = tenant.is_some_and(|tenant| holdings.member_of.contains(tenant));
    let counting = |grant: &&Grant| is_member || !grant.granted.is_default();
    let counting = holdings.grants.iter().filter(counting);
    sum(holdings, counting, tenant, audience)
}

fn sum<'a>(
    holdings: &Holdings<'_>,
    grants: impl Iterator<Item = &'a Grant>,
    tenant: Option<&TenantId>,
    audience: Option<&Audience>,
) -> Held {
    let mut held = Held::default();
    for grant in grants {
        let counts = grant.tenant.as_ref().is_none_or(|granted_in| {
            tenant == Some(granted_in) && holdings.member_of.contains(granted_in)
        });
        if !counts {
            continue;
        }
        match &grant.granted {
            Granted::Role(role) | Granted::Default(role) => {
                // A tenant's own role never stands for a realm-wide grant, and never
                // replaces the realm's role of the same name: either would let a
                // tenant widen what the realm gave.
                let own = holdings
                    .tenant_roles
                    .iter()
                    .filter(|_| grant.tenant.is_some());
                let definition = holdings
                    .roles
                    .iter()
                    .chain(own)
                    .find(|definition| definition.role == *role);
                if let Some(definition) = definition {
                    held.roles
                        .entry(role.clone())
                        .or_default()
                        .extend(definition.permissions.iter().cloned());
                }
            }
            Granted::Permission {
                permission,
                audience: only_for,
            } => {
                if only_for.is_none() || only_for.as_ref() == audience {
                    held.permissions.insert(permission.clone());
                }
            }
        }
    }
    held
}

/// Takes away what any ceiling does not allow. A ceiling on roles takes a role's
/// permissions with it; one on permissions takes a role of which it does not allow all,
/// and leaves what it allows of it.
pub(in crate::decide) fn apply_ceilings(held: &mut Held, ceilings: &[&Ceiling]) {
    for ceiling in ceilings {
        if let Some(roles) = &ceiling.roles {
            held.roles.retain(|role, _| roles.contains(role));
        }
        let Some(allowed) = &ceiling.permissions else {
            continue;
        };
        let is_named = ceiling.roles.is_some();
        for (role, own) in std::mem::take(&mut held.roles) {
            let is_whole = if own.is_empty() {
                is_named
            } else {
                own.iter().all(|permission| allowed.contains(permission))
            };
            if is_whole {
                held.roles.insert(role, own);
            } else {
                held.permissions.extend(own);
            }
        }
        held.permissions
            .retain(|permission| allowed.contains(permission));
    }
}
