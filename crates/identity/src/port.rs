//! What identity asks of a store. Not here: SQL, which the `store` crate has for both
//! engines; one conformance suite holds them to this contract.
//!
//! A use-case is one closure. [`StoreHandle::write`] runs it in a transaction and
//! may run it again (on a serialization failure), so it must depend on nothing but
//! its inputs and the [`Tx`], and await nothing else. It returns a decision; a
//! refusal is a decision too, and commits with its audit row. Only an error rolls
//! back. The answer leaves after the commit.
//!
//! An [`Extent`] says beforehand how much a closure does, so that an engine can serve
//! the frequent small ones together.

#![warn(missing_docs)]

mod api_token;
mod audit;
mod challenge;
mod change;
mod client;
mod dossier;
mod erase;
mod factor;
mod grant;
mod handle;
mod identity;
mod key;
mod limit;
mod mail;
mod notice;
mod session;
mod subject;
mod tenant;
mod webhook;

pub use api_token::{TokenGroup, TokenRead, TokenWrite};
pub use audit::{AuditRead, AuditWrite};
pub use challenge::{
    ChallengeFilter, ChallengeKey, ChallengeRead, ChallengeWrite, ChallengesIn, ChallengesOf,
};
pub use change::ChangeWrite;
pub use client::{ClientRead, ClientWrite};
pub use dossier::DossierRead;
pub use erase::{EraseRead, EraseWrite};
pub use factor::{FactorRead, FactorWrite};
pub use grant::{GrantRead, GrantWrite};
pub use handle::StoreHandle;
pub use identity::{IdentityRead, IdentityWrite};
pub use key::{KeyRead, KeyWrite};
pub use limit::{LimitRead, LimitWrite};
pub use mail::{Letter, MailWrite, Mailer, MailerError};
pub use notice::{NoticeRead, NoticeWrite};
pub use session::{SessionRead, SessionWrite};
pub use subject::{SubjectRead, SubjectWrite};
pub use tenant::{TenantRead, TenantWrite};
pub use webhook::{Courier, CourierError, Parcel, WebhookRead, WebhookWrite};

use crate::model::{ChangeRow, ChangeSeq, ClaimedMail, MailCount};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, RealmId, RealmName, SubjectId, TenantId, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future, as closures over a [`Tx`] return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why the store could not do its part. Nothing of the transaction was kept, unless its
/// commit was under way when an engine that is reached over a network was lost: then it
/// is unknown, and the error is [`StoreError::Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Locked, full, unreachable or closing: nothing half-written, a retry may
    /// help.
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
    /// One [`DossierRead::find_token_dossier`], [`DossierRead::find_session_dossier`] or
    /// [`DossierRead::find_client_dossier`] and, when writing, at most one [`SessionWrite::rotate_refresh_token`] and audit rows after
    /// it, written together. The decision is as of the look-up, which waits for no writer. A
    /// closure that does anything else after all, or whose rotation came too late, is run
    /// again as [`Extent::Any`].
    OneLookUp,
    /// Reads of a page of a listing, or of a search through a log: what nobody at the gate
    /// waits for, kept apart from what somebody does.
    Listing,
    /// Reads that this process itself lives by, such as those of the change feed: they
    /// do not wait behind requests.
    Upkeep,
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenFilter {
    /// All of the realm.
    All,
    /// One owner's.
    Owner(SubjectId),
    /// Those bound to a tenant.
    Tenant(TenantId),
    /// One owner's that are bound to a tenant.
    OwnerIn(SubjectId, TenantId),
    /// Those that somebody made, whoever owns them.
    Maker(SubjectId),
    /// Those that somebody made and that are bound to a tenant.
    MakerIn(SubjectId, TenantId),
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

/// Everything that has all the parts is the sum.
macro_rules! sum {
    ($(#[$doc:meta])* $name:ident = $first:ident $(+ $part:ident)*) => {
        $(#[$doc])*
        pub trait $name: $first $(+ $part)* {}

        impl<T: $first $(+ $part)*> $name for T {}
    };
}

sum! {
    /// Reading one realm. Everything is of the realm the transaction was opened for.
    Read = SubjectRead + IdentityRead + EraseRead + DossierRead + TenantRead + GrantRead
        + TokenRead + SessionRead + ChallengeRead + FactorRead + ClientRead + KeyRead + AuditRead
        + LimitRead + NoticeRead + WebhookRead
}

sum! {
    /// Writing one realm, inside one transaction. A method that names a row asserts that
    /// exactly that row was changed.
    Tx = Read + SubjectWrite + IdentityWrite + EraseWrite + TenantWrite + GrantWrite
        + TokenWrite + SessionWrite + ChallengeWrite + FactorWrite + ClientWrite + KeyWrite
        + MailWrite + AuditWrite + ChangeWrite + LimitWrite + NoticeWrite
        + WebhookWrite
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
    /// The realms in which deleted subjects or tenants, or tokens that ended together, may
    /// have left something.
    async fn list_unswept(&self) -> Result<Vec<RealmId>, StoreError>;
    /// Tells the other nodes of this one and returns those that were heard of lately.
    /// Repeated every few seconds. On an engine that serves one process there are none.
    async fn announce(&self, node: &Node) -> Result<Vec<Node>, StoreError>;
    /// Takes the lease of a job for `life`, unless another holder has it or the job rests.
    /// Times are the store's own.
    async fn take_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        life: Duration,
    ) -> Result<bool, StoreError>;
    /// Gives the lease back; nobody gets it for `rest`.
    async fn rest_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        rest: Duration,
    ) -> Result<(), StoreError>;
    /// Forgets at most `limit` of the entries of the change log that no follower needs
    /// any more; how many.
    async fn prune_changes(&self, limit: u32) -> Result<u64, StoreError>;
    /// Takes at most `limit` mails that are due, of all realms, and leaves them to the
    /// caller for `hold`; the oldest first.
    async fn claim_mail(
        &self,
        now: Timestamp,
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError>;
    /// How many mails there are, in all realms.
    async fn count_mail(&self) -> Result<MailCount, StoreError>;
    /// Takes the announcement back.
    async fn withdraw(&self, node: &Node) -> Result<(), StoreError>;
    /// Finishes waiting work, writes what is buffered, and refuses new work.
    async fn close(&self);
}
