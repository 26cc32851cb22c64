//! Makes a tenant.

use super::caller::load_manager;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_name;
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Tenant, TenantOrigin};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::{Effect, TenantId};
use std::sync::Arc;

/// A tenant about to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTenant {
    /// Its id.
    pub id: TenantId,
    /// A display name.
    pub name: Option<String>,
}

/// Makes a tenant. Needs `platform.tenants.edit` realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn create_tenant(
    ctx: Context<'_>,
    caller: &Caller,
    new: CreateTenant,
) -> Result<Tenant, Failure<ManageRefusal>> {
    ctx.commit(NewTenant {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        tenant: Tenant {
            id: new.id,
            name: new.name,
            origin: TenantOrigin::Made,
            created_at: ctx.call.now,
        },
    })
    .await
}

struct NewTenant {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    tenant: Tenant,
}

#[async_trait]
impl Work for NewTenant {
    type Done = Tenant;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            tenant: Some(self.tenant.id.clone()),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::TenantCreate)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<Tenant, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand(ManagementPermission::TenantsEdit, None)?;
        check_name(self.tenant.name.as_deref())?;
        if tx.find_tenant(&self.tenant.id).await?.is_some() {
            return Err(ManageRefusal::Exists("this tenant").into());
        }
        tx.insert_tenant(&self.tenant).await?;
        Ok(self.tenant.clone())
    }
}
