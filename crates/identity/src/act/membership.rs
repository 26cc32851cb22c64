//! Creates and ends memberships.

use super::caller::load_manager;
use super::delete_user::erase;
use super::displace::{check_barred, erase_stand_in};
use super::facts::{Owned, load_owned};
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::{Leaver, ManagementCaller, ManagementPermission};
use crate::decide::proof::stays_home;
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    Address, AuditAction, AuditEvent, Ceiling, Change, Identifier, Membership, Subject,
};
use crate::port::{ChallengesOf, Page, Read, StoreError, TokenFilter, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, MembershipId, SubjectId, TenantId};
use std::sync::Arc;

/// How many tokens of who leaves are looked at.
const LOOKED_AT: u32 = 1000;

/// Makes a subject a member of a tenant. Needs `platform.memberships.edit` realm-wide:
/// a tenant's own administrators invite. Who stands in there for a proven address of the
/// subject is erased; nobody takes the place of one who may not act.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn create_membership(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    tenant: TenantId,
) -> Result<Membership, Failure<ManageRefusal>> {
    ctx.commit(Join {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        membership: Membership {
            id: MembershipId::mint(&*ctx.identity.entropy, ctx.call.now),
            subject,
            tenant,
            created_at: ctx.call.now,
        },
    })
    .await
}

/// Ends a membership and all that is bound to it: tokens, sessions, grants, and the
/// invitations that its subject made there or was sent. Who stands in for an address in
/// that tenant is erased, unless it may not act. Needs
/// `platform.memberships.edit` in the tenant; realm-wide for whoever holds something
/// realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn end_membership(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    tenant: TenantId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Leave {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        tenant,
        by: Leaver::Other,
    })
    .await
}

/// Leaves a tenant: ends the caller's own membership, with all that [`end_membership`] ends.
/// Nobody is kept, whoever brought him in; it takes a session of one's own and no permission.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn leave_tenant(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    tenant: TenantId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Leave {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        tenant,
        by: Leaver::Oneself,
    })
    .await
}

struct Join {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    membership: Membership,
}

#[async_trait]
impl Work for Join {
    type Done = Membership;
    type Refusal = ManageRefusal;

    /// It may erase who stood in for the address in the tenant.
    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: Some(self.membership.subject),
            tenant: Some(self.membership.tenant.clone()),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::MembershipCreate)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<Membership, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand_realm(ManagementPermission::MembershipsEdit)?;
        let Membership {
            subject, tenant, ..
        } = &self.membership;
        // A tenant's key subject belongs to its one tenant.
        let found = tx.find_subject(*subject).await?;
        let found = found
            .filter(|found| !matches!(found.identifier, Identifier::TenantKeys { .. }))
            .ok_or(ManageRefusal::NotFound("subject"))?;
        if tx.find_tenant(tenant).await?.is_none() {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        if tx.find_membership(*subject, tenant).await?.is_some() {
            return Err(ManageRefusal::Exists("this membership").into());
        }
        stays_home(&found, Some(tenant))?;
        if found.identifier.proven_email().is_none()
            && let Some(email) = found.identifier.wide_email()
            && matches!(found.identifier, Identifier::User(_))
            && let Some(other) = tx.find_user_by_email(email, Some(tenant)).await?
            && other.id != *subject
        {
            return Err(ManageRefusal::Exists("this address in the tenant").into());
        }
        if let Some(email) = found.identifier.proven_email() {
            check_barred(tx, email, tenant, self.call.now).await?;
            let actor = self.caller.actor();
            erase_stand_in(tx, email, tenant, actor, &self.call).await?;
        }
        tx.insert_membership(&self.membership).await?;
        tx.bump_epoch(*subject, Some(tenant), self.call.now).await?;
        tx.append_change(Change::Subject(*subject)).await?;
        Ok(self.membership.clone())
    }
}

struct Leave {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    tenant: TenantId,
    by: Leaver,
}

#[async_trait]
impl Work for Leave {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: Some(self.subject),
            tenant: Some(self.tenant.clone()),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::MembershipEnd)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let (subject, tenant) = (self.subject, &self.tenant);
        let (found, owned) = leaves(tx, &manager, self.by, subject, tenant).await?;
        tx.delete_membership(subject, tenant).await?;
        // Grants in the tenant would come back with a later membership.
        tx.delete_grants_in(subject, tenant).await?;
        let now = self.call.now;
        // The change of the subject, and its epoch, tell of all of them.
        tx.revoke_api_tokens_of(subject, Some(tenant), now).await?;
        tx.end_sessions_of(subject, Some(tenant), now).await?;
        // An invitation is the word of a member, and would bring back who was sent away.
        tx.end_challenges(ChallengesOf::Maker { subject, tenant })
            .await?;
        if let Some(email) = found.identifier.email() {
            tx.end_challenges(ChallengesOf::Address {
                address: email.as_str(),
                tenant: Some(tenant),
            })
            .await?;
        }
        tx.bump_epoch(subject, Some(tenant), now).await?;
        tx.append_change(Change::Subject(subject)).await?;
        // Who stands in for an address here alone is nobody without it, and so is who has
        // nothing else. What the realm said of it stays, or the tenant would undo that.
        let stands_in =
            found.identifier.contact().is_some() && found.identifier.home() == Some(tenant);
        let is_nobody = stands_in || self.is_lost(tx, &found, &owned).await?;
        if is_nobody && found.status.allows(now) {
            erase(tx, subject, &self.call).await?;
        }
        Ok(())
    }
}

/// The subject whose membership the caller may end, with what it holds. One out of reach looks
/// like none.
pub(super) async fn leaves(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    by: Leaver,
    subject: SubjectId,
    tenant: &TenantId,
) -> Result<(Subject, Owned), Stop<ManageRefusal>> {
    let reach = manager.reach_of_leaving(by, subject, tenant)?;
    let missing = || ManageRefusal::NotFound("membership");
    let found = tx.find_subject(subject).await?.ok_or_else(missing)?;
    let owned = load_owned(tx, subject).await?;
    // A tenant's key subject is nothing without its tenant.
    let ends = owned.member_of.contains(tenant)
        && !matches!(found.identifier, Identifier::TenantKeys { .. })
        && reach.covers_in(&owned.belonging(), tenant);
    if !ends {
        return Err(missing().into());
    }
    Ok((found, owned))
}

impl Leave {
    /// Whether the tenant was all that a user was: nobody can write to it, it is known at no
    /// other login, and it has, and acts by, nothing elsewhere.
    async fn is_lost(
        &self,
        tx: &mut dyn Read,
        subject: &Subject,
        owned: &Owned,
    ) -> Result<bool, StoreError> {
        let Some(contact) = subject.identifier.contact() else {
            return Ok(false);
        };
        let has_address =
            contact.email.is_some() || contact.phone.as_ref().is_some_and(Address::is_confirmed);
        let is_only_here = owned.member_of == [self.tenant.clone()];
        let is_realms = owned.belonging().is_realms;
        if has_address || is_realms || !is_only_here {
            return Ok(false);
        }
        if !tx.list_identities(subject.id).await?.is_empty() {
            return Ok(false);
        }
        let is_elsewhere = |ceiling: &Ceiling| ceiling.tenant.as_ref() != Some(&self.tenant);
        let now = self.call.now;
        let sessions = tx.list_sessions(subject.id).await?;
        let page = Page {
            after: None,
            limit: LOOKED_AT,
        };
        let filter = TokenFilter::Owner(subject.id);
        let tokens = tx.list_api_tokens(filter, page).await?;
        let mut live = sessions.iter().filter(|one| one.is_live(now));
        let mut usable = tokens.iter().filter(|one| one.is_live(now));
        // Who has too many to look at is somebody.
        let acts = tokens.len() >= LOOKED_AT as usize
            || live.any(|one| is_elsewhere(&one.ceiling))
            || usable.any(|one| is_elsewhere(&one.ceiling));
        Ok(!acts)
    }
}
