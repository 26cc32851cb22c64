//! Grants a role or permission, and takes it away.

use super::caller::load_manager;
use super::facts::load_member_of;
use super::placement::check_role;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementPermission;
use crate::decide::proof::stays_home;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change, Grant, Granted};
use crate::port::{ChallengesOf, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, SubjectId};
use serde_json::json;
use std::sync::Arc;

/// Grants a role or permission; says whether it was new. Needs `platform.grants.edit`
/// in the tenant, and what is granted; realm-wide needs an operator.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn add_grant(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    grant: Grant,
) -> Result<bool, Failure<ManageRefusal>> {
    run(ctx, caller, subject, grant, AuditAction::GrantAdd).await
}

/// Takes a role or permission away; says whether it was there. What is pending for its
/// holder's address in that tenant ends with it. Needs what [`add_grant`] needs.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn remove_grant(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    grant: Grant,
) -> Result<bool, Failure<ManageRefusal>> {
    run(ctx, caller, subject, grant, AuditAction::GrantRemove).await
}

async fn run(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    grant: Grant,
    action: AuditAction,
) -> Result<bool, Failure<ManageRefusal>> {
    ctx.commit(ChangeGrant {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        grant,
        action,
    })
    .await
}

struct ChangeGrant {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    grant: Grant,
    action: AuditAction,
}

#[async_trait]
impl Work for ChangeGrant {
    type Done = bool;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        if self.action == AuditAction::GrantAdd {
            Effect::Begins
        } else {
            Effect::Ends
        }
    }

    fn event(&self) -> AuditEvent {
        let mut event = self.call.event(self.caller.actor(), self.action);
        event.subject = Some(self.subject);
        event.tenant.clone_from(&self.grant.tenant);
        let (what, name, audience) = match &self.grant.granted {
            Granted::Role(role) | Granted::Default(role) => ("role", role.as_str(), None),
            Granted::Permission {
                permission,
                audience,
            } => ("permission", permission.as_str(), audience.as_ref()),
        };
        event.detail.insert(what.to_owned(), json!(name));
        if let Some(audience) = audience {
            let audience = json!(audience.as_str());
            event.detail.insert("audience".to_owned(), audience);
        }
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<bool, Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let tenant = self.grant.tenant.as_ref();
        manager.demand(ManagementPermission::GrantsEdit, tenant)?;
        let found = tx.find_subject(self.subject).await?;
        let found = found.ok_or(ManageRefusal::NotFound("subject"))?;
        let member_of = load_member_of(tx, self.subject).await?;
        if tenant.is_some_and(|tenant| !member_of.contains(tenant)) {
            return Err(ManageRefusal::NotFound("subject").into());
        }
        manager.may_grant(&self.grant)?;
        let changed = if self.action == AuditAction::GrantAdd {
            check_role(tx, &settings.roles, &self.grant).await?;
            stays_home(&found, tenant)?;
            self.check_audience()?;
            tx.insert_grant(self.subject, &self.grant, self.call.now)
                .await?
        } else {
            tx.delete_grant(self.subject, &self.grant).await?
        };
        if changed && self.action == AuditAction::GrantRemove {
            // An invitation would bring back what was taken away. None is realm-wide.
            if let (Some(tenant), Some(email)) = (tenant, found.identifier.email()) {
                tx.end_challenges(ChallengesOf::Address {
                    address: email.as_str(),
                    tenant: Some(tenant),
                })
                .await?;
            }
        }
        if changed {
            tx.bump_epoch(self.subject, tenant, self.call.now).await?;
            tx.append_change(Change::Subject(self.subject)).await?;
        }
        Ok(changed)
    }
}

impl ChangeGrant {
    /// Every name of an API that there is not would be one more grant, which each use of
    /// what its subject has would read.
    fn check_audience(&self) -> Result<(), ManageRefusal> {
        match &self.grant.granted {
            Granted::Permission {
                audience: Some(audience),
                ..
            } if !self.realm.settings.tokens.audiences.contains(audience) => {
                Err(ManageRefusal::Invalid("the audience"))
            }
            Granted::Permission { .. } | Granted::Role(_) | Granted::Default(_) => Ok(()),
        }
    }
}
