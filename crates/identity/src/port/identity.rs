//! Subjects' identities at logins elsewhere.

use super::StoreError;
use crate::model::LinkedIdentity;
use async_trait::async_trait;
use doorward_base::{IdentityId, ProviderName, SubjectId};

/// Reading them.
#[async_trait]
pub trait IdentityRead: Send {
    /// The identity of this name at a login.
    async fn find_identity(
        &mut self,
        provider: &ProviderName,
        sub: &str,
    ) -> Result<Option<LinkedIdentity>, StoreError>;
    /// A subject's identities, the oldest first.
    async fn list_identities(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<LinkedIdentity>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait IdentityWrite: Send {
    /// Adds one. [`StoreError::Conflict`] if it is linked already.
    async fn insert_identity(&mut self, identity: &LinkedIdentity) -> Result<(), StoreError>;
    /// Removes one.
    async fn delete_identity(&mut self, id: IdentityId) -> Result<(), StoreError>;
}
