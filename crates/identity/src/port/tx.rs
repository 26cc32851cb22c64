//! The writing half of the port.

use super::{Read, StoreError};
use crate::model::{
    AuditEvent, Change, Grant, HashedPassword, Invitation, KeyRecord, KeyState, Membership,
    NewApiToken, RoleDefinition, Session, Subject, SubjectStatus, Tenant, TokenState,
};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, SessionId, SubjectId, TenantId, Timestamp};

/// Writing one realm, inside one transaction. A method that names a row asserts
/// that exactly that row was changed.
#[async_trait]
pub trait Tx: Read {
    /// Adds a subject. [`StoreError::Conflict`] if its identifier is taken.
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError>;
    /// Disables or enables a subject.
    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        status: SubjectStatus,
    ) -> Result<(), StoreError>;
    /// Marks a user's address as proven.
    async fn mark_email_proven(&mut self, subject: SubjectId) -> Result<(), StoreError>;
    /// Sets or replaces a password hash.
    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError>;

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
    /// Adds an invitation, replacing an earlier one of the same address and tenant.
    async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError>;
    /// Takes an invitation: it is returned once and gone.
    async fn take_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError>;

    /// Adds a grant; says whether it was new.
    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Removes a grant; says whether there was one.
    async fn delete_grant(&mut self, subject: SubjectId, grant: &Grant)
    -> Result<bool, StoreError>;
    /// Defines or redefines a tenant's role.
    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError>;
    /// Grows the epoch of (subject, tenant) by one.
    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
    ) -> Result<Epoch, StoreError>;

    /// Adds an API token.
    async fn insert_api_token(&mut self, token: &NewApiToken) -> Result<(), StoreError>;
    /// Retires or revokes an API token.
    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        state: TokenState,
    ) -> Result<(), StoreError>;
    /// Replaces a token's digest by one under the current digest key.
    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError>;
    /// Revokes every live token of an owner (bound to a tenant, if one is given) and
    /// returns their ids.
    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError>;
    /// Records uses, never moving a time backwards.
    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError>;

    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Ends a session; says whether it was active.
    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError>;
    /// Ends every active session of a subject (bound to a tenant, if one is given)
    /// and returns their ids.
    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// Adds a key.
    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError>;
    /// Moves a key on in its life.
    async fn set_key_state(&mut self, kid: &str, state: KeyState) -> Result<(), StoreError>;
    /// Forgets a key.
    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError>;

    /// Writes an event down.
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError>;
    /// Tells every process what to forget.
    async fn append_change(&mut self, change: Change) -> Result<(), StoreError>;
}
