//! What a subject may do: grants, memberships, roles, ceilings, the active tenant, the
//! audience, the selected role and the requested scopes, combined by one function.
//! Not here: who may manage others (`manage`) and how it is written (`claims`).

use crate::model::{Ceiling, Grant, RoleDefinition};
use crate::settings::{DefaultScopes, UnknownScope};
use doorward_base::principal::LostRole;
use doorward_base::{Audience, Permission, RoleName, Scope, TenantId};
use std::collections::{BTreeMap, BTreeSet};

mod held;
mod tenant;

pub(super) use held::apply_ceilings;
pub use held::{Held, held, held_over_others};
pub use tenant::{Unnamed, active_tenant, tenant_of_session};

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
    /// The permission that lets act in any tenant; without one nothing does. No tenant
    /// gives what is the others', see [`Authority::crosses`].
    pub crossing: Option<&'a Permission>,
}

/// Who acts for a subject: what it holds itself, and the ceiling of what it acts through.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// What it holds.
    pub holdings: Holdings<'a>,
    /// The most that what it acts through may carry.
    pub ceiling: &'a Ceiling,
}

/// One question about authority.
#[derive(Clone, Copy, Debug)]
pub struct AuthorityInput<'a> {
    /// What the subject holds.
    pub holdings: Holdings<'a>,
    /// The ceilings of everything between the subject and this use.
    pub ceilings: &'a [&'a Ceiling],
    /// Who acts for the subject.
    pub actors: &'a [Party<'a>],
    /// The active tenant.
    pub tenant: Option<&'a TenantId>,
    /// The API the answer is for; without one, permissions on one API do not count.
    pub audience: Option<&'a Audience>,
    /// The role the request selects. It must be held, and narrows the authority to its
    /// own.
    pub selected_role: Option<&'a RoleName>,
    /// The role in force when none is selected; only if it is held.
    pub default_role: Option<&'a RoleName>,
    /// The scopes the request asks for, which narrow the authority to themselves. A scope
    /// is the wire name of a permission: it must be held.
    pub scopes: Option<&'a [Scope]>,
    /// What becomes of a scope that is not held.
    pub unknown_scope: UnknownScope,
    /// The scopes when none are asked for.
    pub default_scopes: DefaultScopes,
}

/// What a subject may do in one tenant, for one audience: narrowed by all that narrows it,
/// and rendered from nothing else. Only [`effective`] makes one. Sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Authority {
    permissions: Vec<Permission>,
    roles: Vec<RoleName>,
    role: Option<RoleName>,
    lost_role: Option<LostRole>,
    scopes: Vec<Scope>,
    given_by: Vec<RoleName>,
    crosses: bool,
}

impl Authority {
    /// Effective permissions.
    #[must_use]
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// Roles that may be selected: those that are held whole.
    #[must_use]
    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// The role in force.
    #[must_use]
    pub const fn role(&self) -> Option<&RoleName> {
        self.role.as_ref()
    }

    /// The role that would be in force, if none is because it was narrowed away.
    #[must_use]
    pub const fn lost_role(&self) -> Option<&LostRole> {
        self.lost_role.as_ref()
    }

    /// The granted scopes.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Whether it lets act in any tenant: it has the permission for that, and whoever it is
    /// of holds realm-wide everything that it is. What one tenant gave would else go along.
    #[must_use]
    pub const fn crosses(&self) -> bool {
        self.crosses
    }

    /// Roles of the realm that gave any of it, also those that are not held whole.
    #[must_use]
    pub fn given_by(&self) -> &[RoleName] {
        &self.given_by
    }
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
    /// A requested scope lies outside the authority (RFC 6749 §5.2 `invalid_scope`).
    #[error("a requested scope lies outside the authority")]
    Scope,
}

/// The authority: grants ∩ ceilings ∩ what each actor holds ∩ the selected role ∩ the
/// requested scopes, for the tenant and the audience. Of roles those are left that are
/// held whole when all is narrowed; one without permissions if nothing was narrowed, or
/// what narrows names it.
///
/// # Errors
/// [`AuthorityRefusal`].
pub fn effective(input: &AuthorityInput<'_>) -> Result<Authority, AuthorityRefusal> {
    let granted = granted(&input.holdings, input.ceilings, input)?;
    let own = match input.selected_role {
        Some(selected) => Some(own_of(selected, &granted, input.ceilings)?),
        None => None,
    };
    let mut given_by = of_realm(&granted, &input.holdings, input.ceilings);
    given_by.retain(|role| input.selected_role.is_none_or(|selected| selected == role));
    let in_force = input.selected_role.or(input.default_role);
    let in_force = in_force.filter(|role| granted.roles.contains_key(*role));
    let mut is_named = in_force.is_some_and(|role| allow_role(input.ceilings, role));
    let mut held = granted;
    apply_ceilings(&mut held, input.ceilings);
    let mut permissions: BTreeSet<Permission> = held.all_permissions().cloned().collect();
    let mut roles = held.roles;
    if let Some(own) = &own {
        permissions.retain(|permission| own.contains(permission));
    }
    for actor in input.actors {
        let mut theirs = self::granted(&actor.holdings, &[actor.ceiling], input)?;
        given_by.extend(of_realm(&theirs, &actor.holdings, &[actor.ceiling]));
        is_named &= in_force.is_some_and(|role| {
            theirs.roles.contains_key(role) && allow_role(&[actor.ceiling], role)
        });
        apply_ceilings(&mut theirs, &[actor.ceiling]);
        let theirs_all: BTreeSet<&Permission> = theirs.all_permissions().collect();
        permissions.retain(|permission| theirs_all.contains(permission));
        roles.retain(|role, _| theirs.roles.contains_key(role));
    }
    let scopes = narrow(&mut permissions, input)?;
    let asked = input.scopes.is_some() || own.is_some();
    roles.retain(|role, own| {
        if own.is_empty() {
            !asked || input.selected_role == Some(role)
        } else {
            own.is_subset(&permissions)
        }
    });
    let lost = in_force.filter(|role| !roles.contains_key(*role));
    Ok(Authority {
        crosses: crosses(&permissions, &roles, input),
        lost_role: lost.map(|role| match is_named {
            true => LostRole::Part(role.clone()),
            false => LostRole::Whole,
        }),
        role: in_force.filter(|role| roles.contains_key(*role)).cloned(),
        permissions: permissions.into_iter().collect(),
        roles: roles.into_keys().collect(),
        scopes,
        given_by: given_by.into_iter().collect(),
    })
}

/// What one party was granted, if its ceilings let it act in this tenant and for this
/// audience at all.
fn granted(
    holdings: &Holdings<'_>,
    ceilings: &[&Ceiling],
    input: &AuthorityInput<'_>,
) -> Result<Held, AuthorityRefusal> {
    if input
        .tenant
        .is_some_and(|tenant| !holdings.member_of.contains(tenant))
    {
        return Err(AuthorityRefusal::Tenant);
    }
    for ceiling in ceilings {
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
    Ok(held(holdings, input.tenant, input.audience))
}

/// Whether what is left lets act in any tenant. It goes there as it is, so that each party
/// must hold all of it realm-wide, and the permission for it not as everybody does.
fn crosses(
    permissions: &BTreeSet<Permission>,
    roles: &BTreeMap<RoleName, BTreeSet<Permission>>,
    input: &AuthorityInput<'_>,
) -> bool {
    let Some(crossing) = input.holdings.crossing else {
        return false;
    };
    let everywhere = |holdings: &Holdings<'_>| {
        let over_others = held_over_others(holdings, None, input.audience);
        let held = held(holdings, None, input.audience);
        let all: BTreeSet<&Permission> = held.all_permissions().collect();
        over_others.all_permissions().any(|one| one == crossing)
            && permissions.iter().all(|one| all.contains(one))
            && roles.keys().all(|role| held.roles.contains_key(role))
    };
    let mut parties = input.actors.iter().map(|actor| &actor.holdings);
    permissions.contains(crossing) && everywhere(&input.holdings) && parties.all(everywhere)
}

/// The realm's own roles among what was granted that no ceiling takes away.
fn of_realm(granted: &Held, holdings: &Holdings<'_>, ceilings: &[&Ceiling]) -> BTreeSet<RoleName> {
    let is_of_realm = |role: &&RoleName| holdings.roles.iter().any(|known| known.role == **role);
    let roles = granted.roles.keys().filter(is_of_realm);
    roles
        .filter(|role| allow_role(ceilings, role))
        .cloned()
        .collect()
}

/// Whether no ceiling takes the role away with all it gives.
fn allow_role(ceilings: &[&Ceiling], role: &RoleName) -> bool {
    let mut lists = ceilings.iter().filter_map(|ceiling| ceiling.roles.as_ref());
    lists.all(|roles| roles.contains(role))
}

/// The permissions of the selected role. It may be selected also where a ceiling leaves
/// but a part of it; then that part is held, and not the role.
fn own_of(
    selected: &RoleName,
    granted: &Held,
    ceilings: &[&Ceiling],
) -> Result<BTreeSet<Permission>, AuthorityRefusal> {
    let own = granted.roles.get(selected).ok_or(AuthorityRefusal::Role)?;
    let is_named = |ceiling: &&Ceiling| ceiling.permissions.is_none() || ceiling.roles.is_some();
    let may = allow_role(ceilings, selected) && (!own.is_empty() || ceilings.iter().all(is_named));
    may.then(|| own.clone()).ok_or(AuthorityRefusal::Role)
}

/// Narrows the permissions to the requested scopes, and says which are granted.
fn narrow(
    permissions: &mut BTreeSet<Permission>,
    input: &AuthorityInput<'_>,
) -> Result<Vec<Scope>, AuthorityRefusal> {
    let Some(requested) = input.scopes else {
        return Ok(match input.default_scopes {
            DefaultScopes::None => Vec::new(),
            DefaultScopes::All => scopes_of(permissions.iter()),
        });
    };
    let is_held = |scope: &&Scope| permissions.contains(scope.as_str());
    let mut scopes: Vec<Scope> = requested.iter().filter(is_held).cloned().collect();
    if scopes.len() < requested.len() && input.unknown_scope == UnknownScope::Refuse {
        return Err(AuthorityRefusal::Scope);
    }
    scopes.sort_unstable();
    scopes.dedup();
    permissions.retain(|permission| {
        let named = |scope: &Scope| scope.as_str().cmp(permission.as_str());
        scopes.binary_search_by(named).is_ok()
    });
    Ok(scopes)
}

/// The wire names of permissions. Both types hold the same texts.
fn scopes_of<'a>(permissions: impl Iterator<Item = &'a Permission>) -> Vec<Scope> {
    permissions
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
