//! The writing half of the store's port, method by method handed to the module that has
//! the SQL. Audit rows and changes are gathered and written with the commit.

use super::tx::RealmTx;
use super::{api_token, grant, key, session, subject, tenant};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{
    AuditEvent, Change, Grant, HashedPassword, Invitation, KeyRecord, KeyState, Membership,
    NewApiToken, RoleDefinition, Session, Subject, SubjectStatus, Tenant, TokenState,
};
use doorward_identity::port::{StoreError, Tx};

/// Does `$module::$function` in the scope of a transaction that writes.
macro_rules! writing {
    ($tx:ident, $module:ident::$function:ident($($value:expr),*)) => {{
        let scope = $tx.writing().await?;
        let outcome = $module::$function(scope, $($value),*).await;
        $tx.done(outcome)
    }};
}

#[async_trait]
impl Tx for RealmTx {
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError> {
        writing!(self, subject::insert(subject))
    }

    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        status: SubjectStatus,
    ) -> Result<(), StoreError> {
        writing!(self, subject::set_status(id, status))
    }

    async fn mark_email_proven(&mut self, subject: SubjectId) -> Result<(), StoreError> {
        writing!(self, subject::mark_email_proven(subject))
    }

    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError> {
        writing!(self, subject::set_password(subject, password))
    }

    async fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        writing!(self, tenant::insert(tenant))
    }

    async fn insert_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        writing!(self, tenant::insert_membership(membership))
    }

    async fn delete_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<bool, StoreError> {
        writing!(self, tenant::delete_membership(subject, tenant))
    }

    async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        writing!(self, tenant::put_invitation(invitation))
    }

    async fn take_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError> {
        writing!(self, tenant::take_invitation(digest))
    }

    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, grant::insert(subject, grant, at))
    }

    async fn delete_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
    ) -> Result<bool, StoreError> {
        writing!(self, grant::delete(subject, grant))
    }

    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError> {
        writing!(self, grant::put_role(tenant, role))
    }

    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
    ) -> Result<Epoch, StoreError> {
        writing!(self, grant::bump_epoch(subject, tenant))
    }

    async fn insert_api_token(&mut self, token: &NewApiToken) -> Result<(), StoreError> {
        writing!(self, api_token::insert(token))
    }

    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        state: TokenState,
    ) -> Result<(), StoreError> {
        writing!(self, api_token::set_state(id, state))
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        writing!(self, api_token::rekey(id, digest, digest_key))
    }

    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        writing!(self, api_token::revoke_of(owner, tenant, at))
    }

    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        writing!(self, api_token::touch(uses))
    }

    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        writing!(self, session::insert(session))
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        writing!(self, session::end(id, at))
    }

    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        writing!(self, session::end_of(subject, tenant, at))
    }

    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        writing!(self, key::insert(key))
    }

    async fn set_key_state(&mut self, kid: &str, state: KeyState) -> Result<(), StoreError> {
        writing!(self, key::set_state(kid, state))
    }

    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError> {
        writing!(self, key::delete(kid))
    }

    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.push_audit(event)
    }

    async fn append_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.push_change(change)
    }
}
