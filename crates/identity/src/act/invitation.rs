//! Lists and withdraws invitations.

use super::caller::load_manager;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::{ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, ChallengeKind, Invitation};
use crate::port::{ChallengeFilter, ChallengeKey, ChallengesIn, Extent, Page, Read, Tx};
use async_trait::async_trait;
use doorward_base::{ChallengeId, Effect, TenantId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// The invitations that wait to be taken, by id: within the caller's reach, and of one
/// tenant if one is named. Needs `platform.memberships.edit`.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_invitations(
    ctx: Context<'_>,
    caller: &Caller,
    tenant: Option<TenantId>,
    page: Page<ChallengeId>,
) -> Result<Vec<Invitation>, Failure<ManageRefusal>> {
    ctx.query(Listing {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        tenant,
        page,
    })
    .await
}

/// Withdraws an invitation: its secret takes nothing any more. Needs
/// `platform.memberships.edit` in its tenant.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn withdraw_invitation(
    ctx: Context<'_>,
    caller: &Caller,
    id: ChallengeId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Withdrawal {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        id,
    })
    .await
}

struct Listing {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    tenant: Option<TenantId>,
    page: Page<ChallengeId>,
}

const NEEDED: ManagementPermission = ManagementPermission::MembershipsEdit;

#[async_trait]
impl Query for Listing {
    type Done = Vec<Invitation>;
    type Refusal = ManageRefusal;
    const EXTENT: Extent = Extent::Listing;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let within = match &self.tenant {
            Some(tenant) => {
                manager.demand(NEEDED, Some(tenant))?;
                if tx.find_tenant(tenant).await?.is_none() {
                    return Err(ManageRefusal::NotFound("tenant").into());
                }
                ChallengesIn::Tenants(vec![tenant.clone()])
            }
            None => match manager.reach(NEEDED)? {
                Reach::Realm => ChallengesIn::Realm,
                Reach::Tenants(tenants) => ChallengesIn::Tenants(tenants),
            },
        };
        let filter = ChallengeFilter {
            kind: ChallengeKind::Invitation,
            within,
            now: self.now,
        };
        let found = tx.list_challenges(&filter, self.page).await?;
        Ok(found.iter().filter_map(Invitation::of).collect())
    }
}

struct Withdrawal {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    id: ChallengeId,
}

#[async_trait]
impl Work for Withdrawal {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::InvitationWithdraw);
        let id = json!(self.id.to_string());
        event.detail.insert("invitation".to_owned(), id);
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let reach = manager.reach(NEEDED)?;
        let key = ChallengeKey::Id(self.id);
        let found = tx.find_challenge(&key).await?;
        let found = found.as_ref().and_then(Invitation::of);
        let invitation = found
            .filter(|one| reach.covers(&one.tenant))
            .ok_or(ManageRefusal::NotFound("invitation"))?;
        event.tenant = Some(invitation.tenant);
        tx.take_challenge(&key).await?;
        Ok(())
    }
}
