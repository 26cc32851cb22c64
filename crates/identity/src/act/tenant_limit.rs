//! Gives a tenant an amount of a limit in place of what the configuration says. Who limits
//! the tenants is the realm: a tenant's own administrators have no say in it.

use super::caller::load_manager;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change, TenantLimit};
use crate::port::{Extent, Tx};
use async_trait::async_trait;
use doorward_base::limit::Amount;
use doorward_base::{Effect, TenantId};
use serde_json::json;
use std::sync::Arc;

/// Gives a tenant an amount, or takes it back. Needs `platform.tenants.edit` realm-wide.
/// Every process goes by it within a second.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`]; taking back what was not given is not found.
pub async fn set_tenant_limit(
    ctx: Context<'_>,
    caller: &Caller,
    tenant: TenantId,
    limit: String,
    amount: Option<Amount>,
) -> Result<Option<TenantLimit>, Failure<ManageRefusal>> {
    ctx.commit(Setting {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        tenant,
        limit,
        amount,
    })
    .await
}

/// What a tenant was given. Needs `platform.tenants.edit` realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_tenant_limits(
    ctx: Context<'_>,
    caller: &Caller,
    tenant: TenantId,
) -> Result<Vec<TenantLimit>, Failure<ManageRefusal>> {
    let (realm, caller, now) = (ctx.realm(), caller.clone(), ctx.call.now);
    let asked = ctx
        .identity
        .store
        .read_as(ctx.realm.id, Extent::Listing, move |tx| {
            let (realm, caller, tenant) = (Arc::clone(&realm), caller.clone(), tenant.clone());
            Box::pin(async move {
                let manager = load_manager(tx, &realm.settings, &caller, now).await?;
                let Some(manager) = manager else {
                    return Ok(Err(ManageRefusal::CallerDead));
                };
                if let Err(refusal) = manager.demand_realm(ManagementPermission::TenantsEdit) {
                    return Ok(Err(refusal));
                }
                if tx.find_tenant(&tenant).await?.is_none() {
                    return Ok(Err(ManageRefusal::NotFound("tenant")));
                }
                Ok(Ok(tx.list_tenant_limits(Some(&tenant)).await?))
            })
        });
    asked
        .await
        .map_err(Failure::Store)?
        .map_err(Failure::Refused)
}

struct Setting {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    tenant: TenantId,
    limit: String,
    amount: Option<Amount>,
}

#[async_trait]
impl Work for Setting {
    type Done = Option<TenantLimit>;
    type Refusal = ManageRefusal;

    /// Less than before ends what was let through: the answer says that it does.
    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::TenantLimit);
        event.tenant = Some(self.tenant.clone());
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Option<TenantLimit>, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand_realm(ManagementPermission::TenantsEdit)?;
        let known = self.realm.settings.limits.get(&self.limit);
        let kind = *known.ok_or(ManageRefusal::NotFound("limit"))?;
        if tx.find_tenant(&self.tenant).await?.is_none() {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        event.detail.insert("limit".to_owned(), json!(self.limit));
        let Some(amount) = self.amount else {
            if !tx.delete_tenant_limit(&self.tenant, &self.limit).await? {
                return Err(ManageRefusal::NotFound("amount").into());
            }
            tx.append_change(Change::Limits).await?;
            return Ok(None);
        };
        if amount.kind() != kind {
            return Err(ManageRefusal::OtherMeasure.into());
        }
        let given = TenantLimit {
            tenant: self.tenant.clone(),
            limit: self.limit.clone(),
            amount,
            changed_at: self.call.now,
        };
        tx.put_tenant_limit(&given).await?;
        tx.append_change(Change::Limits).await?;
        Ok(Some(given))
    }
}
