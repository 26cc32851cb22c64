//! The store on SQLite: one file, one writer thread, readers in place.
//!
//! * Writing: [`writer`]; use-cases that wait are committed together, durably
//!   (`WAL`, `synchronous=FULL`).
//! * Reading: [`reader`]; on the caller's thread, over one snapshot, without waiting
//!   for the writer: a point read costs microseconds. Listings and searches run on threads
//!   of their own ([`searcher`]).
//! * SQL: `area`, which both engines share, every statement bound to one realm by
//!   [`statement`]; here what is done in this engine's own way.
//!
//! Network file systems are not supported: their locks and shared memory do not keep
//! what SQLite's WAL needs. Not here: rules, retention settings, backups.

mod change;
mod dossier;
mod erase;
mod lease;
mod mail;
mod migrate;
mod open;
mod presence;
mod reader;
mod realm;
mod scope;
mod searcher;
mod statement;
#[cfg(test)]
mod tests;
mod tx;
mod watch;
mod writer;

pub use open::OpenError;

use crate::area::change::KEPT;
use crate::engine::InRealm;
use async_trait::async_trait;
use doorward_base::{RealmId, RealmName, Timestamp};
use doorward_identity::model::{ChangeRow, ChangeSeq, ClaimedMail, MailCount};
use doorward_identity::port::{
    AuditWrite as _, Extent, Node, ReadJob, SessionWrite as _, Store, StoreError, WriteJob,
};
use presence::Presence;
use reader::Readers;
use rusqlite::Connection;
use searcher::Searchers;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tx::{Later, Left, RealmTx};
use watch::Watch;
use writer::Writer;

/// A store in one SQLite file. Several processes may open the same file.
///
/// Its methods need a tokio runtime with time enabled.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
    searchers: Searchers,
    watch: Watch,
    created: bool,
}

impl SqliteStore {
    /// Opens the store, makes the file (mode 0600) if there is none, and brings the
    /// schema up to date. Blocks; meant for the start of a process.
    ///
    /// # Errors
    /// [`OpenError`]; an existing file is then as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let opened = open::open(path)?;
        let presence =
            Arc::new(Presence::of(path).map_err(|problem| OpenError::file(path, &problem))?);
        let readers = Arc::new(Readers::new(Arc::clone(&presence)));
        Ok(Self {
            watch: Watch::new(open::reading(path)?, Arc::clone(&presence)),
            searchers: Searchers::new(Arc::clone(&readers)),
            readers,
            writer: Writer::start(opened.conn, presence)
                .map_err(|problem| OpenError::file(path, &problem))?,
            created: opened.created,
        })
    }

    /// Whether this opening made the store's schema: there was none before.
    #[must_use]
    pub const fn created(&self) -> bool {
        self.created
    }
}

impl SqliteStore {
    /// Runs a use-case on a reader, beside whoever writes.
    fn look_up(&self, realm: RealmId, job: &WriteJob) -> Result<Left, StoreError> {
        self.readers.run(|conn| {
            let mut tx = InRealm(RealmTx::light(conn, realm));
            let outcome = tx::run_ready(job(&mut tx));
            tx.0.left(outcome)
        })
    }

    /// Writes what is left, in one short turn; says whether it was still possible.
    async fn append(&self, realm: RealmId, later: Later) -> Result<bool, StoreError> {
        if later.events.is_empty() && later.rotation.is_none() {
            return Ok(true);
        }
        self.writer
            .run(move |conn| {
                let mut tx = InRealm(RealmTx::new(conn, realm));
                if let Some(to) = &later.rotation
                    && !tx::run_ready(tx.rotate_refresh_token(to))?
                {
                    return Ok(false);
                }
                let events = &mut later.events.iter();
                let outcome = events.try_for_each(|event| tx::run_ready(tx.append_audit(event)));
                tx.0.finish(outcome).map(|()| true)
            })
            .await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn open_realm(&self, name: &RealmName) -> Result<RealmId, StoreError> {
        if let Some(id) = self.readers.run(|conn| realm::find(conn, name))? {
            return Ok(id);
        }
        let name = name.clone();
        self.writer.run(move |conn| realm::open(conn, &name)).await
    }

    async fn find_store_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.run(|conn| realm::find_value(conn, name))
    }

    async fn init_store_value(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.writer
            .run(move |conn| realm::init_value(conn, &name, &value))
            .await
    }

    async fn run_write(
        &self,
        realm: RealmId,
        extent: Extent,
        job: WriteJob,
    ) -> Result<(), StoreError> {
        if extent == Extent::OneLookUp
            && let Left::Append(later) = self.look_up(realm, &job)?
            && self.append(realm, later).await?
        {
            return Ok(());
        }
        self.writer
            .run(move |conn| {
                let mut tx = InRealm(RealmTx::new(conn, realm));
                let outcome = tx::run_ready(job(&mut tx));
                tx.0.finish(outcome)
            })
            .await
    }

    async fn run_read(
        &self,
        realm: RealmId,
        extent: Extent,
        job: ReadJob<'static>,
    ) -> Result<(), StoreError> {
        let read = move |conn: &mut Connection| {
            let mut tx = InRealm(RealmTx::new(conn, realm));
            let outcome = tx::run_ready(job(&mut tx));
            tx.0.finish(outcome)
        };
        match extent {
            Extent::Listing => self.searchers.run(read).await,
            Extent::OneLookUp | Extent::Upkeep | Extent::Any => self.readers.run(read),
        }
    }

    async fn has_changed(&self) -> Result<bool, StoreError> {
        self.watch.has_changed()
    }

    async fn list_changes(
        &self,
        after: ChangeSeq,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        self.readers.run(|conn| change::list(conn, after, limit))
    }

    async fn last_change(&self) -> Result<ChangeSeq, StoreError> {
        self.readers.run(|conn| change::last(conn))
    }

    async fn list_unswept(&self) -> Result<Vec<RealmId>, StoreError> {
        self.readers.run(|conn| erase::list_unswept(conn))
    }

    async fn hear_change(&self) {
        std::future::pending::<()>().await;
    }

    fn poll_interval(&self) -> Duration {
        // The question costs microseconds.
        Duration::from_millis(50)
    }

    /// There is nobody to tell. After a write that failed, this says whether the store
    /// takes writes again.
    async fn announce(&self, _: &Node) -> Result<Vec<Node>, StoreError> {
        if self.writer.is_failing() {
            self.writer.run(|conn| realm::try_write(conn)).await?;
        }
        Ok(Vec::new())
    }

    async fn withdraw(&self, _: &Node) -> Result<(), StoreError> {
        Ok(())
    }

    async fn take_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        life: Duration,
    ) -> Result<bool, StoreError> {
        let (job, holder) = (job.to_owned(), *holder);
        self.writer
            .run(move |conn| lease::take(conn, &job, &holder, life))
            .await
    }

    async fn rest_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        rest: Duration,
    ) -> Result<(), StoreError> {
        let (job, holder) = (job.to_owned(), *holder);
        self.writer
            .run(move |conn| lease::rest(conn, &job, &holder, rest))
            .await
    }

    async fn prune_changes(&self, limit: u32) -> Result<u64, StoreError> {
        self.writer
            .run(move |conn| change::prune(conn, KEPT, limit))
            .await
    }

    async fn claim_mail(
        &self,
        now: Timestamp,
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        // Most looks find nothing, and do not hold up the writer.
        if !self.readers.run(|conn| mail::is_due(conn, now))? {
            return Ok(Vec::new());
        }
        self.writer
            .run(move |conn| mail::claim(conn, now, hold, limit))
            .await
    }

    async fn count_mail(&self) -> Result<MailCount, StoreError> {
        self.readers.run(|conn| mail::count(conn))
    }

    async fn close(&self) {
        self.readers.close();
        self.watch.close();
        self.writer.close().await;
    }
}
