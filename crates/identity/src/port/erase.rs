//! Deleting subjects and tenants for good. What is deleted is found by nothing from then
//! on; rows that it owned are taken away by the sweep.

use super::StoreError;
use async_trait::async_trait;
use doorward_base::{SubjectId, TenantId, Timestamp};

/// Reading what was deleted.
#[async_trait]
pub trait EraseRead: Send {
    /// Tenants deleted at or after `since`: what a node must refuse the access tokens of.
    async fn list_deleted_tenants(&mut self, since: Timestamp)
    -> Result<Vec<TenantId>, StoreError>;
}

/// Deleting.
#[async_trait]
pub trait EraseWrite: Send {
    /// Deletes a subject: its addresses, name, metadata and password are gone, and its
    /// id is never given again.
    async fn erase_subject(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError>;
    /// Deletes a tenant; its id is never given again.
    async fn erase_tenant(&mut self, id: &TenantId, at: Timestamp) -> Result<(), StoreError>;
    /// Takes away at most about `limit` rows that deleted subjects and tenants left:
    /// identities, sessions, memberships, grants, and what is personal in tokens and in the
    /// audit log. Returns how many.
    async fn sweep_erased(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Takes away at most about `limit` rows of this deleted subject, as
    /// [`Self::sweep_erased`] does, whoever else was deleted. Returns how many.
    async fn sweep_subject(
        &mut self,
        id: SubjectId,
        at: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;
    /// Takes away at most about `limit` rows of this deleted tenant, as
    /// [`Self::sweep_erased`] does, whatever else was deleted. Returns how many.
    async fn sweep_tenant(
        &mut self,
        id: &TenantId,
        at: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;
}
