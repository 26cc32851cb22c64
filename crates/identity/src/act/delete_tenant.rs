//! Deletes a tenant for good. Its memberships, and what is bound to it, are dead at once,
//! because it is found by nothing; rows go in pieces (`sweep`). Its id is never
//! given again: access tokens that carry it may live on for a while, and what it owned in
//! other systems is known by it.

use super::caller::load_manager;
use super::delete_user::SWEEP;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::erase::may_delete_tenant;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::{Effect, TenantId};
use std::sync::Arc;

/// Deletes a tenant. Needs `platform.tenants.edit` realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn delete_tenant(
    ctx: Context<'_>,
    caller: &Caller,
    tenant: TenantId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Deletion {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        tenant,
    })
    .await
}

struct Deletion {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    tenant: TenantId,
}

#[async_trait]
impl Work for Deletion {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            tenant: Some(self.tenant.clone()),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::TenantDelete)
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
        may_delete_tenant(&manager)?;
        if tx.find_tenant(&self.tenant).await?.is_none() {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        let keys = tx.find_tenant_keys_subject(&self.tenant).await?;
        tx.erase_tenant(&self.tenant, self.call.now).await?;
        if let Some(keys) = keys {
            tx.erase_subject(keys.id, self.call.now).await?;
            tx.sweep_subject(keys.id, self.call.now, SWEEP).await?;
        }
        tx.sweep_tenant(&self.tenant, self.call.now, SWEEP).await?;
        tx.append_change(Change::Tenants).await?;
        Ok(())
    }
}
