//! Grants, the roles tenants define, and epochs.

use super::StoreError;
use crate::model::{Grant, RoleDefinition};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::{SubjectId, TenantId, Timestamp};

/// Reading them.
#[async_trait]
pub trait GrantRead: Send {
    /// A subject's grants in every tenant and realm-wide, sorted.
    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError>;
    /// The roles a tenant defined for itself.
    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError>;
    /// Every (subject, tenant) whose epoch is at or after `since`: no access token that
    /// lives is older than the rest.
    async fn list_epochs(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError>;
    /// Every epoch of these subjects that is not 0.
    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait GrantWrite: Send {
    /// Adds a grant; says whether it was new.
    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes a grant; says whether there was one. A role is removed also where it is held
    /// by default.
    async fn delete_grant(&mut self, subject: SubjectId, grant: &Grant)
    -> Result<bool, StoreError>;
    /// Removes all that a subject was granted in a tenant, by one statement; how many.
    async fn delete_grants_in(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<u64, StoreError>;
    /// Defines or redefines a tenant's role.
    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError>;
    /// Moves the epoch of (subject, tenant) on to `at`, or past the latest epoch of the
    /// subject if that is later: what was issued before any change is older than it.
    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Epoch, StoreError>;
    /// Removes at most `limit` epochs of before `before`, and says how many.
    async fn prune_epochs(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
