//! The reading half of the store's port, for readers and writers alike, method by
//! method handed to the module that has the SQL.

use super::tx::RealmTx;
use super::{api_token, audit, dossier, grant, key, session, subject, tenant};
use crate::row::bounded;
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, ClassName, Email, MembershipId, SessionId, SubjectId, TenantId, Timestamp,
};
use doorward_identity::model::{
    ApiToken, AuditRow, Dossier, Grant, HashedPassword, Invitation, KeyRecord, Membership,
    RoleDefinition, Session, Subject, Tenant, TokenDossier, TokenState,
};
use doorward_identity::port::{
    AuditFilter, LiveDigest, Page, Read, StoreError, TokenFilter, TokenKey,
};

#[async_trait]
impl Read for RealmTx<'_> {
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| subject::find(scope, id))
    }

    async fn find_subject_by_email(
        &mut self,
        email: &Email,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| subject::find_by_email(scope, email))
    }

    async fn find_external_subject(
        &mut self,
        issuer: &str,
        sub: &str,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| subject::find_external(scope, issuer, sub))
    }

    async fn find_tenant_keys_subject(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| subject::find_tenant_keys(scope, tenant))
    }

    async fn list_subjects(&mut self, page: Page<SubjectId>) -> Result<Vec<Subject>, StoreError> {
        self.with(|scope| subject::list(scope, bounded(page)))
    }

    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError> {
        self.with(|scope| dossier::find(scope, subject))
    }

    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError> {
        self.with(|scope| subject::find_password(scope, subject))
    }

    async fn find_tenant(&mut self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.with(|scope| tenant::find(scope, id))
    }

    async fn list_tenants(&mut self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        self.with(|scope| tenant::list(scope, &bounded(page)))
    }

    async fn find_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Option<Membership>, StoreError> {
        self.with(|scope| tenant::find_membership(scope, subject, tenant))
    }

    async fn list_memberships(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<Membership>, StoreError> {
        self.with(|scope| tenant::list_memberships(scope, subject))
    }

    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        page: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError> {
        self.with(|scope| tenant::list_tenant_memberships(scope, tenant, bounded(page)))
    }

    async fn find_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError> {
        self.with(|scope| tenant::find_invitation(scope, digest))
    }

    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError> {
        self.with(|scope| grant::list(scope, subject))
    }

    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError> {
        self.with(|scope| grant::list_roles(scope, tenant))
    }

    async fn find_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
    ) -> Result<Epoch, StoreError> {
        self.with(|scope| grant::find_epoch(scope, subject, tenant))
    }

    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        self.with(|scope| api_token::find(scope, id))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(ApiToken, String)>, StoreError> {
        self.with(|scope| api_token::find_by_digest(scope, digest))
    }

    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError> {
        self.with(|scope| dossier::find_token(scope, key))
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        self.with(|scope| api_token::list(scope, filter, bounded(page)))
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        self.with(|scope| api_token::count_active(scope, owner, class, now))
    }

    async fn list_live_digests(&mut self, now: Timestamp) -> Result<Vec<LiveDigest>, StoreError> {
        self.with(|scope| api_token::list_live_digests(scope, now))
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        self.with(|scope| api_token::list_states(scope, ids))
    }

    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        self.with(|scope| session::list_active_among(scope, ids))
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.with(|scope| session::find(scope, id))
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        self.with(|scope| session::list(scope, subject))
    }

    async fn list_revoked_since(
        &mut self,
        since: Timestamp,
    ) -> Result<(Vec<ApiTokenId>, Vec<SessionId>), StoreError> {
        self.with(|scope| {
            let tokens = api_token::list_revoked_since(scope, since)?;
            Ok((tokens, session::list_ended_since(scope, since)?))
        })
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        self.with(|scope| api_token::list_retiring(scope, since))
    }

    async fn list_epochs(
        &mut self,
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        self.with(grant::list_epochs)
    }

    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        self.with(|scope| {
            let mut epochs = Vec::new();
            for &subject in subjects {
                epochs.extend(grant::list_epochs_of(scope, subject)?);
            }
            Ok(epochs)
        })
    }

    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        self.with(key::list)
    }

    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.with(|scope| audit::list(scope, filter, bounded(page)))
    }
}
