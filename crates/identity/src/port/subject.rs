//! Subjects and their passwords. A deleted subject is found by nothing.

use super::{Page, StoreError};
use crate::model::{Contact, HashedPassword, Subject, SubjectStatus};
use async_trait::async_trait;
use doorward_base::{Email, Phone, SubjectId, TenantId, Timestamp};

/// Reading them.
#[async_trait]
pub trait SubjectRead: Send {
    /// A subject.
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError>;
    /// The user or service account of an address.
    async fn find_subject_by_email(&mut self, email: &Email)
    -> Result<Option<Subject>, StoreError>;
    /// The user whose confirmed phone number this is.
    async fn find_subject_by_phone(&mut self, phone: &Phone)
    -> Result<Option<Subject>, StoreError>;
    /// An external subject.
    async fn find_external_subject(
        &mut self,
        issuer: &str,
        sub: &str,
    ) -> Result<Option<Subject>, StoreError>;
    /// The service subject that owns a tenant's API keys.
    async fn find_tenant_keys_subject(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<Subject>, StoreError>;
    /// Subjects by id.
    async fn list_subjects(&mut self, page: Page<SubjectId>) -> Result<Vec<Subject>, StoreError>;
    /// A subject's password hash.
    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait SubjectWrite: Send {
    /// Adds a subject. [`StoreError::Conflict`] if its identifier is taken.
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError>;
    /// Disables, bans or enables a subject.
    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        status: SubjectStatus,
    ) -> Result<(), StoreError>;
    /// Replaces how a user is known. [`StoreError::Conflict`] if an address is taken.
    async fn set_contact(&mut self, id: SubjectId, contact: &Contact) -> Result<(), StoreError>;
    /// Replaces everything of a user but its id, its status and when it was made.
    /// [`StoreError::Conflict`] if an address is taken.
    async fn replace_user(&mut self, subject: &Subject) -> Result<(), StoreError>;
    /// Records that a subject signed in.
    async fn touch_sign_in(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError>;
    /// Sets or replaces a password hash.
    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError>;
}
