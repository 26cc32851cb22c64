//! The life of an API token: who may make one for whom, within which bounds, how it is
//! replaced and when it may be used. Not here: secrets and digests (`act`).

use super::authority::{Holdings, apply_ceilings, held};
use super::bounds::{check_ceiling, check_name};
use super::manage::{Belonging, ManagementCaller, ManagementPermission, Reach};
use super::refusal::{ManageRefusal, TokenRefusal};
use crate::model::{Ceiling, Grant, Granted, Identifier, Subject, TokenKind};
use crate::settings::TokenClass;
use doorward_base::{ApiTokenId, Audience, Permission, RoleName, SubjectId, TenantId, Timestamp};
use std::collections::BTreeSet;

mod life;

pub use life::{Regenerated, UseInput, check_rate, class_of, ends_at, expiry, regenerate, usable};

/// A token about to be made.
#[derive(Clone, Copy, Debug)]
pub struct CreateInput<'a> {
    /// Who asks.
    pub caller: &'a ManagementCaller,
    /// The class that holds the kind.
    pub class: &'a TokenClass,
    pub kind: TokenKind,
    /// Who will own it.
    pub owner: &'a Subject,
    /// What the owner holds.
    pub holdings: Holdings<'a>,
    /// The most it may carry.
    pub ceiling: &'a Ceiling,
    /// What it is called.
    pub name: Option<&'a str>,
    /// When it shall stop by itself.
    pub expires_at: Option<Timestamp>,
    /// How many the owner has that are active, not expired and bound to the same tenant,
    /// counted up to the class's limit.
    pub active: u32,
    /// The realm's audiences.
    pub audiences: &'a [Audience],
    /// What every new user of the realm is granted.
    pub default_roles: &'a [RoleName],
    pub now: Timestamp,
}

/// How a token is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// The most it may carry.
    pub ceiling: Ceiling,
}

/// Decides whether it may be made, and how.
///
/// # Errors
/// [`TokenRefusal`].
pub fn create(input: &CreateInput<'_>) -> Result<Made, TokenRefusal> {
    let target = TokenTarget {
        id: None,
        class: input.class,
        kind: input.kind,
        owner: input.owner,
        belonging: Belonging::of(
            input.holdings.member_of,
            input.holdings.grants,
            input.default_roles,
        ),
        tenant: input.ceiling.tenant.as_ref(),
    };
    may_make(input.caller, &target)?;
    if !owner_fits(input.kind, &input.owner.identifier) || !input.class.kinds.contains(&input.kind)
    {
        return Err(TokenRefusal::OwnerKind);
    }
    if !input.owner.status.allows(input.now) {
        return Err(TokenRefusal::OwnerDisabled);
    }
    if let Some(tenant) = &input.ceiling.tenant
        && !input.holdings.member_of.contains(tenant)
    {
        return Err(TokenRefusal::TenantForbidden);
    }
    check_name(input.name)?;
    check_ceiling(input.ceiling)?;
    if let (TokenKind::Key, Identifier::TenantKeys { tenant }) =
        (input.kind, &input.owner.identifier)
        && input.ceiling.tenant.as_ref() != Some(tenant)
    {
        return Err(TokenRefusal::TenantForbidden);
    }
    check_environment(input.class, input.ceiling)?;
    if let Some(audiences) = &input.ceiling.audiences
        && !audiences.iter().all(|one| input.audiences.contains(one))
    {
        return Err(TokenRefusal::Audience);
    }
    let ceiling = carried(&Carry {
        caller: input.caller,
        kind: input.kind,
        owner: input.owner.id,
        holdings: input.holdings,
        ceiling: input.ceiling,
        audiences: input.audiences,
    })?;
    let expires_at = expiry(input.class.expiry, input.expires_at, input.now)?;
    if input.active >= input.class.max_active {
        return Err(TokenRefusal::LimitReached);
    }
    Ok(Made {
        expires_at,
        ceiling,
    })
}

/// Whose token somebody wants to handle.
#[derive(Clone, Copy, Debug)]
pub struct TokenTarget<'a> {
    /// Its id, once it exists.
    pub id: Option<ApiTokenId>,
    pub class: &'a TokenClass,
    pub kind: TokenKind,
    pub owner: &'a Subject,
    /// Whose the owner is.
    pub belonging: Belonging<'a>,
    /// The tenant it is bound to.
    pub tenant: Option<&'a TenantId>,
}

/// Whether the caller may make or regenerate this token, that is, learn its secret. A
/// personal token is its person's alone; an operator may. Nobody makes or learns a token
/// but from a session: a credential must not give itself a successor.
///
/// # Errors
/// [`ManageRefusal`].
pub fn may_make(caller: &ManagementCaller, target: &TokenTarget<'_>) -> Result<(), ManageRefusal> {
    let ManagementCaller::Subject(manager) = caller else {
        return Ok(());
    };
    caller.demand_session()?;
    if target.kind == TokenKind::Personal {
        return if manager.subject == target.owner.id {
            Ok(())
        } else {
            Err(ManageRefusal::NotFound("owner"))
        };
    }
    within_reach(&making_reach(caller, target.class)?, target)
}

/// Whether the caller may revoke this token. A credential ends itself and no other.
///
/// # Errors
/// [`ManageRefusal`].
pub fn may_revoke(
    caller: &ManagementCaller,
    target: &TokenTarget<'_>,
) -> Result<(), ManageRefusal> {
    if target.id.is_some_and(|id| caller.is_token(id)) {
        return Ok(());
    }
    caller.demand_session()?;
    if target.kind != TokenKind::Personal {
        return within_reach(&handling_reach(caller, target.class)?, target);
    }
    if caller.subject() == Some(target.owner.id) {
        return Ok(());
    }
    within_reach(&caller.reach(ManagementPermission::UsersEdit)?, target)
}

/// How far the caller may make tokens of this class that are not its own, and so learn
/// their secrets: by the class's permission and no other. In a class without one only
/// operators may.
///
/// # Errors
/// [`ManageRefusal::OperatorsOnly`] or [`ManageRefusal::ClassPermission`].
pub fn making_reach(caller: &ManagementCaller, class: &TokenClass) -> Result<Reach, ManageRefusal> {
    match (caller, &class.create_permission) {
        (ManagementCaller::Operator, _) => Ok(Reach::Realm),
        (ManagementCaller::Subject(_), None) => Err(ManageRefusal::OperatorsOnly),
        (ManagementCaller::Subject(_), Some(needed)) => caller
            .reach_of_any(&[needed.as_str()], "")
            .map_err(|_| ManageRefusal::ClassPermission(needed.to_string())),
    }
}

/// How far the caller may end tokens of this class that are not its own: by
/// `platform.users.service-accounts.access-tokens.edit` or the class's own permission.
///
/// # Errors
/// [`ManageRefusal::NotPermitted`].
pub fn handling_reach(
    caller: &ManagementCaller,
    class: &TokenClass,
) -> Result<Reach, ManageRefusal> {
    let edit = ManagementPermission::AccessTokensEdit.as_str();
    let mut names = vec![edit];
    names.extend(class.create_permission.as_ref().map(Permission::as_str));
    caller.reach_of_any(&names, edit)
}

/// Whether the caller replaces the very token it asks through, and proves that it has its
/// secret: then it learns nothing that it did not know. A JWT made from the token does not
/// prove that.
#[must_use]
pub fn replaces_itself(caller: &ManagementCaller, token: ApiTokenId, proof: Proof) -> bool {
    caller.is_token(token) && proof == Proof::Secret
}

/// How a request names a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// By its id, which is in many logs.
    Id,
    Secret,
}

fn within_reach(reach: &Reach, target: &TokenTarget<'_>) -> Result<(), ManageRefusal> {
    let inside = match target.tenant {
        Some(tenant) => reach.covers_in(&target.belonging, tenant),
        // Bound to no tenant, it is no tenant's.
        None => *reach == Reach::Realm,
    };
    if inside {
        Ok(())
    } else {
        Err(ManageRefusal::NotFound("token"))
    }
}

const fn owner_fits(kind: TokenKind, owner: &Identifier) -> bool {
    match kind {
        TokenKind::Personal => {
            matches!(owner, Identifier::User(_) | Identifier::External { .. })
        }
        TokenKind::Service => matches!(owner, Identifier::Service { .. }),
        TokenKind::Key => matches!(owner, Identifier::TenantKeys { .. }),
    }
}

fn check_environment(class: &TokenClass, ceiling: &Ceiling) -> Result<(), TokenRefusal> {
    let known = class.format.environments();
    let fits = match &ceiling.environment {
        Some(environment) => known.contains(environment),
        None => known.is_empty(),
    };
    if fits {
        Ok(())
    } else {
        Err(TokenRefusal::Environment)
    }
}

/// What a token would carry, and to whom its secret would be told.
#[derive(Clone, Copy, Debug)]
pub struct Carry<'a> {
    /// Who would learn the secret.
    pub caller: &'a ManagementCaller,
    pub kind: TokenKind,
    pub owner: SubjectId,
    /// What the owner holds, with the roles of the ceiling's tenant.
    pub holdings: Holdings<'a>,
    /// The most it may carry.
    pub ceiling: &'a Ceiling,
    /// The realm's audiences.
    pub audiences: &'a [Audience],
}

/// The most that a token will carry: never more than the one who learns its secret holds,
/// not now and not later.
///
/// # Errors
/// [`TokenRefusal::Manage`]; [`TokenRefusal::TenantForbidden`] for somebody else's token
/// that is not bound to one tenant, though its owner is in several.
pub fn carried(carry: &Carry<'_>) -> Result<Ceiling, TokenRefusal> {
    check_carry(carry)?;
    let ceiling = bound_by_maker(carry);
    check_ceiling(&ceiling)?;
    Ok(ceiling)
}

pub(super) fn check_carry(carry: &Carry<'_>) -> Result<(), TokenRefusal> {
    let ManagementCaller::Subject(manager) = carry.caller else {
        return Ok(());
    };
    if manager.subject == carry.owner {
        for outer in &manager.ceilings {
            within(carry.ceiling, outer)?;
        }
        return Ok(());
    }
    let tenant = carry.ceiling.tenant.as_ref();
    if tenant.is_none() && !carry.holdings.member_of.is_empty() {
        return Err(TokenRefusal::TenantForbidden);
    }
    covers_named(carry)?;
    for audience in std::iter::once(None).chain(carry.audiences.iter().map(Some)) {
        let mut carried = held(&carry.holdings, tenant, audience);
        apply_ceilings(&mut carried, &[carry.ceiling]);
        carry.caller.covers(&carried, tenant, audience)?;
    }
    // A tenant's key is granted what its ceiling names.
    if carry.kind == TokenKind::Key {
        for granted in granted_to_key(carry.ceiling) {
            carry.caller.may_grant(&Grant {
                tenant: tenant.cloned(),
                granted,
            })?;
        }
    }
    Ok(())
}

/// Checks that whoever makes a token for another holds all that is named for it, also what
/// the owner does not hold yet: it would be carried once the owner is given it.
fn covers_named(carry: &Carry<'_>) -> Result<(), ManageRefusal> {
    let tenant = carry.ceiling.tenant.as_ref();
    let roles = carry.ceiling.roles.iter().flatten();
    let mut named: Vec<Granted> = roles.cloned().map(Granted::Role).collect();
    let audiences: Vec<Option<&Audience>> = match &carry.ceiling.audiences {
        Some(audiences) => audiences.iter().map(Some).collect(),
        None => vec![None],
    };
    for permission in carry.ceiling.permissions.iter().flatten() {
        named.extend(audiences.iter().map(|audience| Granted::Permission {
            permission: permission.clone(),
            audience: audience.cloned(),
        }));
    }
    for granted in named {
        carry.caller.may_delegate(&Grant {
            tenant: tenant.cloned(),
            granted,
        })?;
    }
    Ok(())
}

/// The ceiling of a token that somebody makes for another: where nothing was named, what
/// its owner holds now and no more, for that is what was found covered. Operators and
/// owners make tokens that follow what the owner will hold.
fn bound_by_maker(carry: &Carry<'_>) -> Ceiling {
    let mut ceiling = carry.ceiling.clone();
    let by_other = match carry.caller {
        ManagementCaller::Operator => false,
        ManagementCaller::Subject(manager) => manager.subject != carry.owner,
    };
    if !by_other {
        return ceiling;
    }
    let (mut roles, mut permissions) = (BTreeSet::new(), BTreeSet::new());
    for audience in std::iter::once(None).chain(carry.audiences.iter().map(Some)) {
        let mut carried = held(&carry.holdings, ceiling.tenant.as_ref(), audience);
        apply_ceilings(&mut carried, &[carry.ceiling]);
        permissions.extend(carried.all_permissions().cloned());
        roles.extend(carried.roles.into_keys());
    }
    let permissions = permissions.into_iter().collect();
    ceiling.permissions.get_or_insert(permissions);
    ceiling.roles.get_or_insert(roles.into_iter().collect());
    ceiling
}

/// What a tenant's key subject must hold for a key of this ceiling to carry it.
#[must_use]
pub fn granted_to_key(ceiling: &Ceiling) -> Vec<Granted> {
    let roles = ceiling.roles.iter().flatten().cloned().map(Granted::Role);
    let permissions = ceiling.permissions.iter().flatten();
    let permissions = permissions.map(|permission| Granted::Permission {
        permission: permission.clone(),
        audience: None,
    });
    roles.chain(permissions).collect()
}

fn within(inner: &Ceiling, outer: &Ceiling) -> Result<(), ManageRefusal> {
    fn subset<T: PartialEq>(inner: Option<&[T]>, outer: Option<&[T]>) -> bool {
        outer.is_none_or(|outer| {
            inner.is_some_and(|inner| inner.iter().all(|one| outer.contains(one)))
        })
    }
    let fits = subset(inner.permissions.as_deref(), outer.permissions.as_deref())
        && subset(inner.roles.as_deref(), outer.roles.as_deref())
        && subset(inner.audiences.as_deref(), outer.audiences.as_deref())
        && (outer.tenant.is_none() || inner.tenant == outer.tenant)
        && (outer.environment.is_none() || inner.environment == outer.environment);
    if fits {
        Ok(())
    } else {
        Err(ManageRefusal::NotHeld(
            "all that the token would carry".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests;
