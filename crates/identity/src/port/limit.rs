//! What tenants were given of limits, and what is used of quotas.

use super::StoreError;
use crate::model::{QuotaWindow, TenantLimit};
use async_trait::async_trait;
use doorward_base::{TenantId, Timestamp};

/// Reading them.
#[async_trait]
pub trait LimitRead: Send {
    /// What tenants were given, by tenant and limit: of one tenant, or of all.
    async fn list_tenant_limits(
        &mut self,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<TenantLimit>, StoreError>;
    /// How much is used of a quota.
    async fn find_quota_use(&mut self, window: QuotaWindow) -> Result<i64, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait LimitWrite: Send {
    /// Gives a tenant an amount, in place of any before.
    async fn put_tenant_limit(&mut self, given: &TenantLimit) -> Result<(), StoreError>;
    /// Takes it back; says whether there was one.
    async fn delete_tenant_limit(
        &mut self,
        tenant: &TenantId,
        limit: &str,
    ) -> Result<bool, StoreError>;
    /// Adds to what is used of a quota and says how much that is now.
    async fn add_quota_use(&mut self, window: QuotaWindow, more: i64) -> Result<i64, StoreError>;
    /// Removes what ended before `before`, at most `limit` rows; how many.
    async fn prune_quota_use(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
