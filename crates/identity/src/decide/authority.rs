//! What a subject may do: grants, memberships, roles, ceilings, the active tenant, the
//! audience, the selected role and the requested scopes, combined by one function.
//! Not here: who may manage others (`manage`) and how it is written (`claims`).

use crate::model::{Ceiling, Grant, Granted, RoleDefinition};
use crate::settings::{DefaultScopes, UnknownScope};
use doorward_base::{Audience, Permission, RoleName, Scope, TenantId};
use std::collections::{BTreeMap, BTreeSet};

/// Everything a subject holds, as the store knows it now.
#[derive(Clone, Copy, Debug)]
pub struct Holdings<'a> {
    /// Its grants, in every tenant and realm-wide.
    pub grants: &'a [Grant],
    /// The tenants it is a member of. A grant in any other tenant does not count.
    pub member_of: &'a [TenantId],
    /// The roles the realm defines. Their names cannot be redefined by a tenant.
    pub roles: &'a [RoleDefinition],
    /// The roles the active tenant defines for itself.
    pub tenant_roles: &'a [RoleDefinition],
}

/// One question about authority.
#[derive(Clone, Copy, Debug)]
pub struct AuthorityInput<'a> {
    /// What the subject holds.
    pub holdings: Holdings<'a>,
    /// The ceilings of everything between the subject and this use.
    pub ceilings: &'a [&'a Ceiling],
    /// The active tenant.
    pub tenant: Option<&'a TenantId>,
    /// The API the answer is for; without one, permissions on one API do not count.
    pub audience: Option<&'a Audience>,
    /// The role the request selects. It must be held, and narrows the permissions to
    /// its own.
    pub selected_role: Option<&'a RoleName>,
    /// The role in force when none is selected; only if it is held.
    pub default_role: Option<&'a RoleName>,
}

/// What a subject may do in one tenant, for one audience. Sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Authority {
    /// Effective permissions.
    pub permissions: Vec<Permission>,
    /// Roles that may be selected.
    pub roles: Vec<RoleName>,
    /// The role in force.
    pub role: Option<RoleName>,
}

/// Why there is no authority at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityRefusal {
    /// The subject is not a member of the active tenant, or a ceiling names another.
    #[error("the tenant is not the subject's")]
    Tenant,
    /// The selected role is not held.
    #[error("the role is not held")]
    Role,
    /// A ceiling excludes the audience.
    #[error("the audience is excluded")]
    Audience,
}

/// What was held, before ceilings: the roles with their permissions, and the
/// permissions granted directly.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// Roles and what each gives.
    pub roles: BTreeMap<RoleName, BTreeSet<Permission>>,
    /// Permissions granted by themselves.
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
    let mut held = Held::default();
    for grant in holdings.grants {
        let counts = grant.tenant.as_ref().is_none_or(|granted_in| {
            tenant == Some(granted_in) && holdings.member_of.contains(granted_in)
        });
        if !counts {
            continue;
        }
        match &grant.granted {
            Granted::Role(role) => {
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

/// Effective authority: grants ∩ ceilings ∩ selected role, for the tenant and the
/// audience. Requested scopes narrow it further: [`narrow`].
///
/// # Errors
/// [`AuthorityRefusal`].
pub fn effective(input: &AuthorityInput<'_>) -> Result<Authority, AuthorityRefusal> {
    if input
        .tenant
        .is_some_and(|tenant| !input.holdings.member_of.contains(tenant))
    {
        return Err(AuthorityRefusal::Tenant);
    }
    for ceiling in input.ceilings {
        if ceiling.tenant.is_some() && ceiling.tenant.as_ref() != input.tenant {
            return Err(AuthorityRefusal::Tenant);
        }
        if let Some(audiences) = &ceiling.audiences
            && !input
                .audience
                .is_some_and(|audience| audiences.contains(audience))
        {
            return Err(AuthorityRefusal::Audience);
        }
    }
    let mut held = held(&input.holdings, input.tenant, input.audience);
    apply_ceilings(&mut held, input.ceilings);
    let roles: Vec<RoleName> = held.roles.keys().cloned().collect();
    let (role, permissions) = match input.selected_role {
        Some(selected) => {
            let own = held.roles.remove(selected).ok_or(AuthorityRefusal::Role)?;
            (Some(selected.clone()), own)
        }
        None => (
            input
                .default_role
                .filter(|role| held.roles.contains_key(*role))
                .cloned(),
            held.all_permissions().cloned().collect(),
        ),
    };
    Ok(Authority {
        permissions: permissions.into_iter().collect(),
        roles,
        role,
    })
}

/// Takes away what any ceiling does not allow. A ceiling on roles takes a role's
/// permissions with it.
pub(super) fn apply_ceilings(held: &mut Held, ceilings: &[&Ceiling]) {
    for ceiling in ceilings {
        if let Some(roles) = &ceiling.roles {
            held.roles.retain(|role, _| roles.contains(role));
        }
        if let Some(allowed) = &ceiling.permissions {
            held.permissions
                .retain(|permission| allowed.contains(permission));
            for permissions in held.roles.values_mut() {
                permissions.retain(|permission| allowed.contains(permission));
            }
        }
    }
}

/// Leaves of an authority what another has too: what somebody may do while the other acts
/// for them.
pub fn intersect(authority: &mut Authority, with: &Authority) {
    authority
        .permissions
        .retain(|permission| with.permissions.binary_search(permission).is_ok());
    authority
        .roles
        .retain(|role| with.roles.binary_search(role).is_ok());
    authority.role = authority
        .role
        .take()
        .filter(|role| with.roles.binary_search(role).is_ok());
}

/// The tenant a new token is fixed to: the one its ceiling names, else the requested
/// one, else the only one there is.
///
/// # Errors
/// [`AuthorityRefusal::Tenant`] when the request names a tenant that is not the
/// ceiling's or not the subject's.
pub fn active_tenant(
    requested: Option<&TenantId>,
    bound: Option<&TenantId>,
    member_of: &[TenantId],
) -> Result<Option<TenantId>, AuthorityRefusal> {
    match (bound, requested) {
        (Some(bound), Some(requested)) if bound != requested => Err(AuthorityRefusal::Tenant),
        (Some(tenant), _) | (None, Some(tenant)) => {
            if member_of.contains(tenant) {
                Ok(Some(tenant.clone()))
            } else {
                Err(AuthorityRefusal::Tenant)
            }
        }
        (None, None) => Ok(match member_of {
            [only] => Some(only.clone()),
            _ => None,
        }),
    }
}

/// A requested scope lies outside the authority (RFC 6749 §5.2 `invalid_scope`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a requested scope lies outside the authority")]
pub struct ScopeRefusal;

/// Grants scopes and narrows the authority's permissions to them. A scope is the wire
/// name of a permission: it must be held. Without a request the permissions stay and
/// the scopes are as `default` says.
///
/// # Errors
/// [`ScopeRefusal`] when a requested scope is not held and the realm refuses.
pub fn narrow(
    authority: &mut Authority,
    requested: Option<&[Scope]>,
    unknown: UnknownScope,
    default: DefaultScopes,
) -> Result<Vec<Scope>, ScopeRefusal> {
    let Some(requested) = requested else {
        return Ok(match default {
            DefaultScopes::None => Vec::new(),
            DefaultScopes::All => scopes_of(&authority.permissions),
        });
    };
    let is_held = |scope: &Scope| {
        authority
            .permissions
            .iter()
            .any(|permission| permission.as_str() == scope.as_str())
    };
    let (mut scopes, outside): (Vec<_>, Vec<_>) = requested.iter().cloned().partition(is_held);
    if !outside.is_empty() && unknown == UnknownScope::Refuse {
        return Err(ScopeRefusal);
    }
    scopes.sort_unstable();
    scopes.dedup();
    authority.permissions.retain(|permission| {
        scopes
            .iter()
            .any(|scope| scope.as_str() == permission.as_str())
    });
    Ok(scopes)
}

/// The wire names of permissions. Both types hold the same texts.
#[must_use]
pub fn scopes_of(permissions: &[Permission]) -> Vec<Scope> {
    permissions
        .iter()
        .filter_map(|permission| Scope::new(permission.as_str()).ok())
        .collect()
}

/// The permissions that scopes name.
#[must_use]
pub fn permissions_of(scopes: &[Scope]) -> Vec<Permission> {
    scopes
        .iter()
        .filter_map(|scope| Permission::new(scope.as_str()).ok())
        .collect()
}

#[cfg(test)]
mod tests;
