//! One realm inside one transaction: the store's port, method by method handed to
//! the module that has the SQL. Not here: beginning and committing (`writer`,
//! `reader`); the reading half (`read`).

use super::scope::Scope;
use super::{api_token, audit, change, grant, key, session, subject, tenant};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, RealmId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{
    AuditEvent, Change, Grant, HashedPassword, Invitation, KeyRecord, KeyState, Membership,
    NewApiToken, RoleDefinition, Session, Subject, SubjectStatus, Tenant, TokenState,
};
use doorward_identity::port::{BoxFuture, StoreError, Tx};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A realm inside a transaction. Readers get it as `dyn Read`.
pub(super) struct RealmTx<'c> {
    /// Exclusive, because a connection may move between threads but not be shared.
    conn: &'c mut Connection,
    realm: RealmId,
    /// The first storage failure. After one nothing more is done, whatever the
    /// use-case makes of the error.
    failure: Option<StoreError>,
}

impl<'c> RealmTx<'c> {
    pub(super) const fn new(conn: &'c mut Connection, realm: RealmId) -> Self {
        Self {
            conn,
            realm,
            failure: None,
        }
    }

    /// What became of it.
    pub(super) fn finish(self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        self.failure.map_or(outcome, Err)
    }

    /// Does one thing with the realm's rows.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(Scope<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let outcome = work(Scope::new(self.conn, self.realm));
        if let Err(failure @ StoreError::Unavailable(_)) = &outcome {
            self.failure = Some(failure.clone());
        }
        outcome
    }
}

/// Runs a use-case's future, which on this engine never has to wait.
pub(super) fn run_ready(future: BoxFuture<'_, Result<(), StoreError>>) -> Result<(), StoreError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(StoreError::Awaited),
    }
}

/// Turns a panic into an error, so that the connection and its thread live on.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // Whatever the panic left half-done is rolled back by the caller.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Unavailable(
            "the code of a transaction panicked".to_owned(),
        ))
    })
}

#[async_trait]
impl Tx for RealmTx<'_> {
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError> {
        self.with(|scope| subject::insert(scope, subject))
    }

    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        status: SubjectStatus,
    ) -> Result<(), StoreError> {
        self.with(|scope| subject::set_status(scope, id, status))
    }

    async fn mark_email_proven(&mut self, subject: SubjectId) -> Result<(), StoreError> {
        self.with(|scope| subject::mark_email_proven(scope, subject))
    }

    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError> {
        self.with(|scope| subject::set_password(scope, subject, password))
    }

    async fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        self.with(|scope| tenant::insert(scope, tenant))
    }

    async fn insert_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        self.with(|scope| tenant::insert_membership(scope, membership))
    }

    async fn delete_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<bool, StoreError> {
        self.with(|scope| tenant::delete_membership(scope, subject, tenant))
    }

    async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        self.with(|scope| tenant::put_invitation(scope, invitation))
    }

    async fn take_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError> {
        self.with(|scope| tenant::take_invitation(scope, digest))
    }

    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.with(|scope| grant::insert(scope, subject, grant, at))
    }

    async fn delete_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
    ) -> Result<bool, StoreError> {
        self.with(|scope| grant::delete(scope, subject, grant))
    }

    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError> {
        self.with(|scope| grant::put_role(scope, tenant, role))
    }

    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
    ) -> Result<Epoch, StoreError> {
        self.with(|scope| grant::bump_epoch(scope, subject, tenant))
    }

    async fn insert_api_token(&mut self, token: &NewApiToken) -> Result<(), StoreError> {
        self.with(|scope| api_token::insert(scope, token))
    }

    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        state: TokenState,
    ) -> Result<(), StoreError> {
        self.with(|scope| api_token::set_state(scope, id, state))
    }

    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError> {
        self.with(|scope| api_token::rekey(scope, id, digest, digest_key))
    }

    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError> {
        self.with(|scope| api_token::revoke_of(scope, owner, tenant, at))
    }

    async fn touch_api_tokens(
        &mut self,
        uses: &[(ApiTokenId, Timestamp)],
    ) -> Result<(), StoreError> {
        self.with(|scope| api_token::touch(scope, uses))
    }

    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.with(|scope| session::insert(scope, session))
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.with(|scope| session::end(scope, id, at))
    }

    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.with(|scope| session::end_of(scope, subject, tenant, at))
    }

    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        self.with(|scope| key::insert(scope, key))
    }

    async fn set_key_state(&mut self, kid: &str, state: KeyState) -> Result<(), StoreError> {
        self.with(|scope| key::set_state(scope, kid, state))
    }

    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError> {
        self.with(|scope| key::delete(scope, kid))
    }

    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.with(|scope| audit::append(scope, event))
    }

    async fn append_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.with(|scope| change::append(scope, change))
    }
}
