//! Whether the realm has a tenant, as a gate asks it. Not here: who may see one (`find`).

use super::Context;
use super::work::{Failure, Query, Stop};
use crate::decide::refusal::UseRefusal;
use crate::port::Read;
use async_trait::async_trait;
use doorward_base::TenantId;

/// Whether the realm has this tenant: one that was deleted is none.
///
/// # Errors
/// [`Failure`] of the store; it refuses nothing.
pub async fn has_tenant(ctx: Context<'_>, tenant: &TenantId) -> Result<bool, Failure<UseRefusal>> {
    ctx.query(Find(tenant.clone())).await
}

struct Find(TenantId);

#[async_trait]
impl Query for Find {
    type Done = bool;
    type Refusal = UseRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<bool, Stop<UseRefusal>> {
        Ok(tx.find_tenant(&self.0).await?.is_some())
    }
}
