//! The store on PostgreSQL 15 or newer: one database, any number of nodes.
//!
//! * Writing: [`run`]; a use-case is one serializable transaction and runs again when it
//!   collides. What only looks a token up and writes an audit row runs in none: look-ups
//!   and audit rows of many requests are gathered into one statement each ([`gather`]).
//! * Reading: one snapshot.
//! * Following: [`feed`]; a connection of its own listens, and asks for the change log,
//!   whose positions grow by commit ([`change`]).
//! * SQL: `area`, which both engines share, every statement bound to one realm by
//!   [`statement`]; here what is done in this engine's own way. Everything lives in the
//!   schema `doorward`.
//!
//! It needs the server itself or a pooler in session mode: it prepares statements,
//! listens and holds locks. Not here: rules, retention settings, backups.

mod audit;
mod change;
mod connect;
mod dossier;
mod erase;
mod feed;
mod gather;
mod lease;
mod mail;
mod migrate;
mod node;
mod open;
mod pool;
mod realm;
mod run;
mod scope;
mod session;
mod shared;
mod statement;
#[cfg(test)]
mod tests;
mod tls;
mod tx;

pub use connect::PostgresSettings;
pub use open::OpenError;

use async_trait::async_trait;
use connect::Connector;
use deadpool_postgres::ClientWrapper;
use doorward_base::{RealmId, RealmName, Timestamp};
use doorward_identity::model::{ChangeRow, ChangeSeq, ClaimedMail, MailCount};
use doorward_identity::port::{Extent, Node, ReadJob, Store, StoreError, WriteJob};
use feed::Listener;
use futures_util::future::BoxFuture;
use scope::Trouble;
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;

/// How often the change log is asked when no notice came.
const POLL: Duration = Duration::from_millis(200);
/// A store in one PostgreSQL database. Its methods need a tokio runtime.
pub struct PostgresStore {
    shared: Arc<Shared>,
    feed: Listener,
    created: bool,
}

impl PostgresStore {
    /// Checks server, rights and schema, and brings the schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]; after [`OpenError::Unreachable`] waiting may help.
    pub async fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let connector = Connector::new(settings)?;
        let created = open::prepare(&connector).await?;
        Ok(Self {
            shared: Arc::new(Shared::new(&connector, settings)?),
            feed: Listener::new(&connector),
            created,
        })
    }

    /// Whether this opening made the store's schema: there was none before.
    #[must_use]
    pub const fn created(&self) -> bool {
        self.created
    }

    /// Where an address leads, without its password, for messages.
    ///
    /// # Errors
    /// [`OpenError::Url`].
    pub fn place(settings: &PostgresSettings) -> Result<String, OpenError> {
        Connector::new(settings).map(|connector| connector.place())
    }

    /// One statement, or a few that need no transaction, on a reserved connection.
    async fn direct<T>(
        &self,
        work: impl for<'c> FnOnce(&'c ClientWrapper) -> BoxFuture<'c, Result<T, Trouble>> + Send,
    ) -> Result<T, StoreError> {
        let leased = self.shared.reserved.get().await?;
        let conn = leased.conn().ok_or_else(gather::closed)?;
        let done = tokio::time::timeout(self.shared.statement_timeout, work(conn))
            .await
            .map_err(|_| Trouble::Lost("PostgreSQL did not answer in time".to_owned()))??;
        leased.is_clean();
        Ok(done)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn open_realm(&self, name: &RealmName) -> Result<RealmId, StoreError> {
        let name = name.clone();
        self.direct(move |conn| Box::pin(async move { realm::open(conn, &name).await }))
            .await
    }

    async fn find_store_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.direct(move |conn| Box::pin(async move { realm::find_value(conn, &name).await }))
            .await
    }

    async fn init_store_value(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.direct(move |conn| {
            Box::pin(async move { realm::init_value(conn, &name, &value).await })
        })
        .await
    }

    async fn run_write(
        &self,
        realm: RealmId,
        extent: Extent,
        job: WriteJob,
    ) -> Result<(), StoreError> {
        run::write(Arc::clone(&self.shared), realm, extent, job).await
    }

    async fn run_read(
        &self,
        realm: RealmId,
        extent: Extent,
        job: ReadJob<'static>,
    ) -> Result<(), StoreError> {
        run::read(&self.shared, realm, extent, job).await
    }

    async fn list_unswept(&self) -> Result<Vec<RealmId>, StoreError> {
        self.direct(|conn| Box::pin(erase::list_unswept(conn)))
            .await
    }

    async fn hear_change(&self) {
        self.feed.hear().await;
    }

    fn poll_interval(&self) -> Duration {
        POLL
    }

    async fn has_changed(&self) -> Result<bool, StoreError> {
        self.feed.has_changed().await
    }

    async fn list_changes(
        &self,
        after: ChangeSeq,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        self.feed.list(after, limit).await
    }

    async fn last_change(&self) -> Result<ChangeSeq, StoreError> {
        self.feed.last().await
    }

    async fn announce(&self, node: &Node) -> Result<Vec<Node>, StoreError> {
        let node = node.clone();
        self.direct(move |conn| Box::pin(async move { node::announce(conn, &node).await }))
            .await
    }

    async fn withdraw(&self, node: &Node) -> Result<(), StoreError> {
        let node = node.clone();
        self.direct(move |conn| Box::pin(async move { node::withdraw(conn, &node).await }))
            .await
    }

    async fn take_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        life: Duration,
    ) -> Result<bool, StoreError> {
        let (job, holder) = (job.to_owned(), *holder);
        self.direct(move |conn| {
            Box::pin(async move { lease::take(conn, &job, holder, life).await })
        })
        .await
    }

    async fn rest_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        rest: Duration,
    ) -> Result<(), StoreError> {
        let (job, holder) = (job.to_owned(), *holder);
        self.direct(move |conn| {
            Box::pin(async move { lease::rest(conn, &job, holder, rest).await })
        })
        .await
    }

    async fn prune_changes(&self, limit: u32) -> Result<u64, StoreError> {
        self.direct(move |conn| Box::pin(async move { change::prune(conn, limit).await }))
            .await
    }

    async fn claim_mail(
        &self,
        now: Timestamp,
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        self.direct(move |conn| Box::pin(async move { mail::claim(conn, now, hold, limit).await }))
            .await
    }

    async fn count_mail(&self) -> Result<MailCount, StoreError> {
        self.direct(|conn| Box::pin(async move { mail::count(conn).await }))
            .await
    }

    async fn close(&self) {
        self.shared.close().await;
        self.feed.close().await;
    }
}
