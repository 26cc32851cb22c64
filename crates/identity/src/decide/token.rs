//! The life of an API token: who may make one for whom, within which bounds, how it is
//! replaced and when it may be used. Not here: secrets and digests (`act`).

use super::authority::Holdings;
use super::bounds::{check_ceiling, check_name};
use super::manage::{Belonging, ManagementCaller, ManagementPermission, Reach};
use super::refusal::{ManageRefusal, TokenRefusal};
use crate::model::{Ceiling, Identifier, Subject, TokenKind};
use crate::settings::{TokenClass, UnknownScope};
use doorward_base::{ApiTokenId, Audience, Permission, TenantId, Timestamp};

pub(super) mod carry;
mod hand_over;
mod life;

pub use carry::{Carry, carried, granted_to_key};
pub use hand_over::hand_over;
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
    /// What becomes of a scope that the owner does not hold.
    pub unknown_scope: UnknownScope,
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
        belonging: Belonging::of(input.holdings.member_of, input.holdings.grants),
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
    let mut ceiling = carried(&Carry {
        caller: input.caller,
        kind: input.kind,
        owner: input.owner.id,
        holdings: input.holdings,
        ceiling: input.ceiling,
        audiences: input.audiences,
    })?;
    carry::keep_held(input, &mut ceiling)?;
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

#[cfg(test)]
mod tests;
