//! The reading half of the port.

use super::{AuditFilter, LiveDigest, Page, StoreError, TokenFilter, TokenKey};
use crate::model::{
    ApiToken, AuditRow, Dossier, Grant, HashedPassword, Invitation, KeyRecord, Membership,
    RoleDefinition, Session, Subject, Tenant, TokenDossier, TokenState,
};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, ClassName, Email, MembershipId, SessionId, SubjectId, TenantId, Timestamp,
};

/// Reading one realm. Everything is of the realm the transaction was opened for.
#[async_trait]
pub trait Read: Send {
    /// A subject.
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError>;
    /// The user or service account of an address.
    async fn find_subject_by_email(&mut self, email: &Email)
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
    /// A subject with all that gives it authority.
    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError>;
    /// A subject's password hash.
    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError>;

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
    /// A tenant's memberships by id.
    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        page: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError>;

    /// An invitation that waits to be taken, expired or not.
    async fn find_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError>;

    /// A subject's grants in every tenant and realm-wide, sorted.
    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError>;
    /// The roles a tenant defined for itself.
    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError>;
    /// The epoch of (subject, tenant). It is 0 until something changes.
    async fn find_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
    ) -> Result<Epoch, StoreError>;

    /// An API token.
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError>;
    /// An API token by a digest of its secret, with the id of the digest key used.
    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(ApiToken, String)>, StoreError>;
    /// An API token with its owner's dossier.
    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError>;
    /// API tokens by id, revoked and expired ones included.
    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError>;
    /// How many tokens of a class an owner has that are active and not expired.
    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError>;
    /// Every digest that may still authenticate at `now`.
    async fn list_live_digests(&mut self, now: Timestamp) -> Result<Vec<LiveDigest>, StoreError>;

    /// Where these tokens are in their lives; one that does not exist is left out.
    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError>;
    /// Which of these sessions have not ended.
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError>;

    /// A session.
    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// A subject's sessions that have not ended, newest first, at most 1,000.
    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError>;
    /// API tokens revoked and sessions ended since `since`: what a node must refuse
    /// the access tokens of. Replaced tokens whose time is over are in
    /// [`Read::list_retiring`].
    async fn list_revoked_since(
        &mut self,
        since: Timestamp,
    ) -> Result<(Vec<ApiTokenId>, Vec<SessionId>), StoreError>;
    /// API tokens that were replaced, with the time each stops, for the times at or
    /// after `since`: from that moment on a node must refuse their access tokens too.
    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError>;
    /// Every (subject, tenant) whose epoch is not 0.
    async fn list_epochs(
        &mut self,
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError>;

    /// Every epoch of these subjects that is not 0.
    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError>;

    /// The realm's keys, oldest first.
    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError>;
    /// Audit rows, newest first; `page.after` is a row's number.
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError>;
}
