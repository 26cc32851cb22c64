//! Invites an address into a tenant. The secret goes to the address and proves it.

use super::caller::load_manager;
use super::keyring::DigestKind;
use super::placement::check_role;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_list;
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Grant, Granted, Invitation};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{Effect, Email, RoleName, Secret, TenantId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How long an invitation can be taken.
const LIFE: Duration = Duration::from_secs(7 * 86_400);

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
    let format = TokenFormat::new("invite_", Vec::new(), TokenBody::Checked)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    let secret = format.mint(None, &*ctx.identity.entropy);
    let expires_at = ctx.call.now.plus(LIFE);
    let invitation = Invitation {
        digest: ctx
            .realm
            .keyring()
            .digest(DigestKind::Invitation, &secret)
            .0,
        email: request.email,
        tenant: request.tenant,
        roles: request.roles,
        created_at: ctx.call.now,
        expires_at,
    };
    ctx.commit(NewInvitation {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        invitation,
    })
    .await?;
    Ok(Invited { secret, expires_at })
}

struct NewInvitation {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    invitation: Invitation,
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
        event.tenant = Some(self.invitation.tenant.clone());
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
        let tenant = &self.invitation.tenant;
        manager.demand(ManagementPermission::MembershipsEdit, Some(tenant))?;
        if tx.find_tenant(tenant).await?.is_none() {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        check_list("roles", &self.invitation.roles)?;
        for role in &self.invitation.roles {
            let grant = Grant {
                tenant: Some(tenant.clone()),
                granted: Granted::Role(role.clone()),
            };
            check_role(tx, &settings.roles, &grant).await?;
            manager.may_grant(&grant)?;
        }
        tx.put_invitation(&self.invitation).await?;
        Ok(())
    }
}
