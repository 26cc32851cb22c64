//! Tenants and memberships. A deleted tenant is found by nothing, and nobody
//! is a member of it.

use super::{Page, StoreError};
use crate::model::{Membership, Tenant};
use async_trait::async_trait;
use doorward_base::{MembershipId, SubjectId, TenantId};

/// Reading them.
#[async_trait]
pub trait TenantRead: Send {
    /// A tenant.
    async fn find_tenant(&mut self, id: &TenantId) -> Result<Option<Tenant>, StoreError>;
    /// Tenants by id.
    async fn list_tenants(&mut self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError>;
    /// A subject's membership of a tenant.
    async fn find_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Option<Membership>, StoreError>;
    /// A subject's memberships, oldest first.
    async fn list_memberships(&mut self, subject: SubjectId)
    -> Result<Vec<Membership>, StoreError>;
    /// The memberships by id of a tenant that is there.
    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        page: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait TenantWrite: Send {
    /// Adds a tenant.
    async fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError>;
    /// Adds a membership.
    async fn insert_membership(&mut self, membership: &Membership) -> Result<(), StoreError>;
    /// Removes a membership; says whether there was one.
    async fn delete_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<bool, StoreError>;
}
