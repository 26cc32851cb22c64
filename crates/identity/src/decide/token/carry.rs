//! What a token carries at most: never more than the one who learns its secret holds, and of
//! what is named for it what its owner holds. Not here: who may make one (`token`).

use super::CreateInput;
use crate::decide::authority::{Held, Holdings, apply_ceilings, held};
use crate::decide::bounds::check_ceiling;
use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::model::{Ceiling, Grant, Granted, TokenKind};
use crate::settings::UnknownScope;
use doorward_base::{Audience, Permission, SubjectId};
use std::collections::BTreeSet;

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

pub(in crate::decide) fn check_carry(carry: &Carry<'_>) -> Result<(), TokenRefusal> {
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
    for permission in carry.ceiling.permissions.iter().flatten() {
        named.extend(everywhere(carry.ceiling, permission));
    }
    for granted in named {
        carry.caller.may_delegate(&Grant {
            tenant: tenant.cloned(),
            granted,
        })?;
    }
    Ok(())
}

/// A permission on each API that a ceiling names, or on every one.
fn everywhere(ceiling: &Ceiling, permission: &Permission) -> Vec<Granted> {
    let on = |audience: Option<&Audience>| Granted::Permission {
        permission: permission.clone(),
        audience: audience.cloned(),
    };
    match &ceiling.audiences {
        Some(audiences) => audiences.iter().map(|one| on(Some(one))).collect(),
        None => vec![on(None)],
    }
}

/// The ceiling of a token that somebody makes for another: where nothing was named, what
/// its owner holds now and no more, for that is what was found covered. Operators and
/// owners make tokens that follow what the owner will hold. What the maker holds on some APIs
/// alone is left out unless the ceiling names those: a ceiling has one list for all of them,
/// and the owner may be given it on the others later.
pub(super) fn bound_by_maker(carry: &Carry<'_>) -> Ceiling {
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
    permissions.retain(|permission| {
        let mut grants = everywhere(&ceiling, permission).into_iter();
        grants.all(|granted| {
            let tenant = ceiling.tenant.clone();
            carry
                .caller
                .may_delegate(&Grant { tenant, granted })
                .is_ok()
        })
    });
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

/// Keeps of the scopes that are named those that the owner holds, for whatever API, or says
/// which it does not: whoever names one means to use it. An operator may name what is granted
/// later, and a tenant's key is granted what is named.
pub(super) fn keep_held(
    input: &CreateInput<'_>,
    ceiling: &mut Ceiling,
) -> Result<(), TokenRefusal> {
    if matches!(input.caller, ManagementCaller::Operator) || input.kind == TokenKind::Key {
        return Ok(());
    }
    let audiences = ceiling.audiences.as_deref().unwrap_or(input.audiences);
    let tenant = ceiling.tenant.as_ref();
    let everywhere = std::iter::once(None).chain(audiences.iter().map(Some));
    let everything: Vec<_> = everywhere
        .map(|audience| held(&input.holdings, tenant, audience))
        .collect();
    let is_held = |named: &Permission| {
        let mut all = everything.iter().flat_map(Held::all_permissions);
        all.any(|one| one == named)
    };
    let Some(named) = &mut ceiling.permissions else {
        return Ok(());
    };
    match input.unknown_scope {
        UnknownScope::Narrow => named.retain(is_held),
        UnknownScope::Refuse => {
            if let Some(unknown) = named.iter().find(|named| !is_held(named)) {
                return Err(TokenRefusal::InvalidScope(unknown.to_string()));
            }
        }
    }
    Ok(())
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
