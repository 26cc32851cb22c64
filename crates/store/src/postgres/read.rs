//! The reading half of the store's port, method by method handed to the module that has
//! the SQL.

use super::scope::{Scope, Trouble};
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

/// Asks `$module::$function` in the scope of a transaction.
macro_rules! reading {
    ($tx:ident, $($function:ident)::+($($value:expr),*)) => {{
        let scope = $tx.reading().await?;
        let outcome = $($function)::+(scope, $($value),*).await;
        $tx.done(outcome)
    }};
}

#[async_trait]
impl Read for RealmTx {
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError> {
        reading!(self, subject::find(id))
    }

    async fn find_subject_by_email(
        &mut self,
        email: &Email,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, subject::find_by_email(email))
    }

    async fn find_external_subject(
        &mut self,
        issuer: &str,
        sub: &str,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, subject::find_external(issuer, sub))
    }

    async fn find_tenant_keys_subject(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, subject::find_tenant_keys(tenant))
    }

    async fn list_subjects(&mut self, page: Page<SubjectId>) -> Result<Vec<Subject>, StoreError> {
        reading!(self, subject::list(bounded(page)))
    }

    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError> {
        reading!(self, dossier::find(subject))
    }

    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError> {
        reading!(self, subject::find_password(subject))
    }

    async fn find_tenant(&mut self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        reading!(self, tenant::find(id))
    }

    async fn list_tenants(&mut self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        reading!(self, tenant::list(&bounded(page)))
    }

    async fn find_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Option<Membership>, StoreError> {
        reading!(self, tenant::find_membership(subject, tenant))
    }

    async fn list_memberships(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<Membership>, StoreError> {
        reading!(self, tenant::list_memberships(subject))
    }

    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        page: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError> {
        reading!(self, tenant::list_tenant_memberships(tenant, bounded(page)))
    }

    async fn find_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError> {
        reading!(self, tenant::find_invitation(digest))
    }

    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError> {
        reading!(self, grant::list(subject))
    }

    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError> {
        reading!(self, grant::list_roles(tenant))
    }

    async fn find_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
    ) -> Result<Epoch, StoreError> {
        reading!(self, grant::find_epoch(subject, tenant))
    }

    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        reading!(self, api_token::find(id))
    }

    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(ApiToken, String)>, StoreError> {
        reading!(self, api_token::find_by_digest(digest))
    }

    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError> {
        self.look_up(key).await
    }

    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        reading!(self, api_token::list(filter, bounded(page)))
    }

    async fn count_active_tokens(
        &mut self,
        owner: SubjectId,
        class: &ClassName,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        reading!(self, api_token::count_active(owner, class, now))
    }

    async fn list_live_digests(&mut self, now: Timestamp) -> Result<Vec<LiveDigest>, StoreError> {
        reading!(self, api_token::list_live_digests(now))
    }

    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError> {
        reading!(self, api_token::list_states(ids))
    }

    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        reading!(self, session::list_active_among(ids))
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        reading!(self, session::find(id))
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        reading!(self, session::list(subject))
    }

    async fn list_revoked_since(
        &mut self,
        since: Timestamp,
    ) -> Result<(Vec<ApiTokenId>, Vec<SessionId>), StoreError> {
        reading!(self, revoked_since(since))
    }

    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError> {
        reading!(self, api_token::list_retiring(since))
    }

    async fn list_epochs(
        &mut self,
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        reading!(self, grant::list_epochs())
    }

    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        reading!(self, grant::list_epochs_of(subjects))
    }

    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        reading!(self, key::list())
    }

    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        reading!(self, audit::list(filter, bounded(page)))
    }
}

async fn revoked_since(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<(Vec<ApiTokenId>, Vec<SessionId>), Trouble> {
    let tokens = api_token::list_revoked_since(scope, since).await?;
    Ok((tokens, session::list_ended_since(scope, since).await?))
}
