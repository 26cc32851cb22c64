//! Subjects and their passwords. A deleted subject is found by nothing.

use super::{Page, StoreError};
use crate::model::{Contact, HashedPassword, Metadata, Subject, SubjectStatus};
use async_trait::async_trait;
use doorward_base::{Email, Phone, SubjectId, TenantId, Timestamp};

/// Reading them.
#[async_trait]
pub trait SubjectRead: Send {
    /// A subject.
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError>;
    /// The user of an address in a tenant: who stands in for it there, else whose it is in
    /// the whole realm; without a tenant the latter alone.
    async fn find_user_by_email(
        &mut self,
        email: &Email,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Subject>, StoreError>;
    /// The service account of an address, in the same way.
    async fn find_service_by_email(
        &mut self,
        email: &Email,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Subject>, StoreError>;
    /// At most so many users and service accounts of an address, wherever it counts; what
    /// is the whole realm's comes first.
    async fn list_subjects_by_email(
        &mut self,
        email: &Email,
        limit: u32,
    ) -> Result<Vec<Subject>, StoreError>;
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
    /// Replaces what a user says about itself.
    async fn set_user_metadata(
        &mut self,
        id: SubjectId,
        metadata: &Metadata,
    ) -> Result<(), StoreError>;
    /// Records that a subject signed in.
    async fn touch_sign_in(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError>;
    /// Sets or replaces a password hash.
    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError>;
}
