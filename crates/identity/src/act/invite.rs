//! Invites an address into a tenant. The secret goes to the address and proves it.

use super::caller::load_manager;
use super::challenge::{self, ChallengeTerms, MintError};
use super::placement::check_role;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_list;
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Challenge, ChallengeKind, Grant, Granted, Invitation};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::{ChallengeId, Effect, Email, RoleName, Secret, TenantId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// An invitation about to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invite {
    /// Whom.
    pub email: Email,
    /// Into which tenant.
    pub tenant: TenantId,
    /// The roles granted in the tenant when it is taken.
    pub roles: Vec<RoleName>,
}

/// An invitation that was made.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Its id, by which it is withdrawn.
    pub id: ChallengeId,
    /// What takes it; shown once.
    pub secret: Secret,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}

/// Invites an address into a tenant, replacing an earlier invitation there. Needs
/// `platform.memberships.edit` in the tenant, and the roles themselves.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn invite(
    ctx: Context<'_>,
    caller: &Caller,
    request: Invite,
) -> Result<Invited, Failure<ManageRefusal>> {
    let terms = ChallengeTerms {
        address: Some(request.email.as_str().to_owned()),
        tenant: Some(request.tenant.clone()),
        made_by: caller.subject(),
        payload: Invitation::payload(&request.roles),
        ..ChallengeTerms::default()
    };
    let minted = challenge::mint(ctx, ChallengeKind::Invitation, terms);
    let (challenge, secret) = minted.map_err(|error| match error {
        MintError::Payload => Failure::Refused(ManageRefusal::TooMany("roles")),
        MintError::Prefix => Failure::Internal(error.to_string()),
    })?;
    let (id, expires_at) = (challenge.id, challenge.expires_at);
    ctx.commit(NewInvitation {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        tenant: request.tenant,
        roles: request.roles,
        challenge,
    })
    .await?;
    Ok(Invited {
        id,
        secret,
        expires_at,
    })
}

struct NewInvitation {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    tenant: TenantId,
    roles: Vec<RoleName>,
    challenge: Challenge,
}

#[async_trait]
impl Work for NewInvitation {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::TenantInvite);
        event.tenant = Some(self.tenant.clone());
        let id = json!(self.challenge.id.to_string());
        event.detail.insert("invitation".to_owned(), id);
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let tenant = &self.tenant;
        manager.demand(ManagementPermission::MembershipsEdit, Some(tenant))?;
        if tx.find_tenant(tenant).await?.is_none() {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        check_list("roles", &self.roles)?;
        for role in &self.roles {
            let grant = Grant {
                tenant: Some(tenant.clone()),
                granted: Granted::Role(role.clone()),
            };
            check_role(tx, &settings.roles, &grant).await?;
            manager.may_grant(&grant)?;
        }
        tx.put_challenge(&self.challenge).await?;
        Ok(())
    }
}
