//! What identity asks of a store. Not here: SQL; each engine writes its own in the
//! `store` crate, and one conformance suite holds them to this contract.
//!
//! A use-case is one closure. [`StoreHandle::write`] runs it in a transaction and
//! may run it again (on a serialization failure), so it must depend on nothing but
//! its inputs and the [`Tx`], and await nothing else. It returns a decision; a
//! refusal is a decision too, and commits with its audit row. Only an error rolls
//! back. The answer leaves after the commit.
//!
//! An [`Extent`] says beforehand how much a closure does, so that an engine can serve
//! the frequent small ones together.

mod handle;

pub use handle::StoreHandle;

use crate::model::{
    ApiToken, AuditEvent, AuditRow, Change, ChangeRow, ChangeSeq, Dossier, Grant, HashedPassword,
    Invitation, KeyRecord, KeyState, Membership, NewApiToken, RoleDefinition, Session, Subject,
    SubjectStatus, Tenant, TokenDossier, TokenState,
};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, ClassName, Email, MembershipId, RealmId, RealmName, SessionId, SubjectId, TenantId,
    Timestamp,
};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future, as closures over a [`Tx`] return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why the store could not do its part. Nothing of the transaction was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Locked, full, unreachable or closing: nothing half-written, a retry may help.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
    /// A unique key is taken. Use-cases look first; this is the race they lost.
    #[error("{0} is taken")]
    Conflict(&'static str),
    /// A row does not have the shape its table promises.
    #[error("table {table}, column {column}, row {row}: {problem}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key, as text.
        row: String,
        /// What is wrong.
        problem: String,
    },
    /// A closure awaited something other than its transaction.
    #[error("a transaction awaited something other than the store")]
    Awaited,
}

/// A slice of a listing: at most `limit` rows after the row `after`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page<K> {
    /// The last key of the page before; `None` begins.
    pub after: Option<K>,
    /// 1 to 1,000 rows.
    pub limit: u32,
}

/// How much a closure does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// One [`Read::find_token_dossier`] and, when writing, one audit row after it. The
    /// decision is as of the look-up. A closure that does anything else after all is
    /// run again as [`Extent::Any`].
    OneLookUp,
    /// Anything. Closures that run at once behave as if one ran after the other.
    Any,
}

/// What an API token is found by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenKey {
    /// The digests of one secret under each live digest key.
    Digests(Vec<TokenDigest>),
    /// Its id.
    Id(ApiTokenId),
}

/// A process that serves, as the others of the same store know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Made anew by each start.
    pub id: [u8; 16],
    /// What messages call it: host and process.
    pub name: String,
    /// What all nodes of a store must agree on, as text that equal terms share.
    pub terms: String,
}

/// Which API tokens to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenFilter {
    /// All of the realm.
    All,
    /// One owner's.
    Owner(SubjectId),
}

/// Which audit rows to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Only about this subject.
    pub subject: Option<SubjectId>,
    /// Only about this tenant.
    pub tenant: Option<TenantId>,
    /// Only this action, by its stable text.
    pub action: Option<String>,
}

/// A digest an API token is found by: the snapshot a node loads before it is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiveDigest {
    /// The token.
    pub id: ApiTokenId,
    /// Its digest.
    pub digest: TokenDigest,
}

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

/// A use-case as the engine runs it: perhaps more than once.
pub type WriteJob =
    Box<dyn for<'t> Fn(&'t mut dyn Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send + Sync>;
/// Reads as the engine runs them.
pub type ReadJob<'j> = Box<
    dyn for<'t> Fn(&'t mut dyn Read) -> BoxFuture<'t, Result<(), StoreError>> + Send + Sync + 'j,
>;

/// A store engine. Callers use [`StoreHandle`].
#[async_trait]
pub trait Store: Send + Sync {
    /// The stable number of a realm, given to it on first sight.
    async fn open_realm(&self, name: &RealmName) -> Result<RealmId, StoreError>;
    /// A value of the whole store (not of a realm), such as the master key's check.
    async fn find_store_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Sets a value of the whole store if it is not set yet; returns the one in force.
    async fn init_store_value(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError>;
    /// Runs a use-case in one transaction and commits it.
    async fn run_write(
        &self,
        realm: RealmId,
        extent: Extent,
        job: WriteJob,
    ) -> Result<(), StoreError>;
    /// Runs reads over one snapshot.
    async fn run_read(
        &self,
        realm: RealmId,
        extent: Extent,
        job: ReadJob<'static>,
    ) -> Result<(), StoreError>;
    /// Returns when the engine hears that somebody committed a change; never, if it
    /// cannot hear. Only a hint: [`Store::has_changed`] is asked at intervals too.
    async fn hear_change(&self);
    /// How often [`Store::has_changed`] should be asked.
    fn poll_interval(&self) -> Duration;
    /// Whether anybody, in any process, may have committed since the last call of
    /// this method. Asks the store itself, so that an answer is a sign of life. Cheap;
    /// false alarms are allowed, misses are not.
    async fn has_changed(&self) -> Result<bool, StoreError>;
    /// Entries of the change log after `after`, in commit order, at most `limit`.
    async fn list_changes(
        &self,
        after: ChangeSeq,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError>;
    /// The last position of the change log.
    async fn last_change(&self) -> Result<ChangeSeq, StoreError>;
    /// Tells the other nodes of this one and returns those that were heard of lately.
    /// Repeated every few seconds. On an engine that serves one process there are none.
    async fn announce(&self, node: &Node) -> Result<Vec<Node>, StoreError>;
    /// Takes the announcement back.
    async fn withdraw(&self, node: &Node) -> Result<(), StoreError>;
    /// Finishes waiting work, writes what is buffered, and refuses new work.
    async fn close(&self);
}
