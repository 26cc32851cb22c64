//! Tenants in files of SQLite, one for each: no statement sees another tenant's rows, because
//! they are not in its database.
//!
//! `schema.db` in a realm's directory has the steps of its schema ([`book`]); `tenants/` has a
//! file for each tenant, opened when it is called ([`shelf`], [`tenant`]) and brought to the
//! schema then ([`upkeep`]). A piece of work runs on a thread that may block ([`run`]), behind
//! SQLite's authorizer ([`authorize`]) and limits ([`open`]).
//!
//! Several processes may use the directory. Network file systems are not supported: their
//! locks and shared memory do not keep what SQLite's WAL needs. Not here: what a caller's SQL
//! may say (`sql`).

mod authorize;
mod book;
mod brake;
mod error;
mod file;
mod function;
#[cfg(test)]
mod hole;
mod kind;
mod line;
mod model;
mod name;
mod open;
mod own;
mod pattern;
mod run;
mod settings;
mod shelf;
mod spill;
mod step;
mod tenant;
#[cfg(test)]
mod tests;
mod turns;
mod upkeep;
mod weight;

pub use file::BroughtUp;
#[cfg(test)]
pub(crate) use hole::Hole;
pub use settings::{OpenError, OpenFiles, Room, SqliteSettings};

use crate::caller::{Caller, Rights};
use crate::engine::{Bounds, Engine, Flavour, ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use crate::schema::Schema;
use authorize::Purpose;
use book::Book;
use brake::{Brake, Waiter};
use doorward_base::{Clock, TenantId, Timestamp};
use doorward_surface::target::BoxFuture;
use file::Round;
use run::Job;
use shelf::Shelf;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tenant::Tenant;
use turns::Turns;

/// The tenants of one realm in a directory. Its methods need a tokio runtime with time.
pub struct SqliteRows {
    realm: Arc<Realm>,
    round: tokio::sync::Mutex<Round>,
}

/// Opens a realm's directory with the usual settings, for whoever may not block.
///
/// # Errors
/// [`FaultKind::Unavailable`] where it cannot be used; its details say why, for operators.
pub async fn open(
    directory: &Path,
    tenant_column: &str,
    room: Room,
    open_files: OpenFiles,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Engine>, Fault> {
    let directory = directory.to_owned();
    let settings = SqliteSettings {
        tenant_column: tenant_column.to_owned(),
        room,
        open_files,
        ..SqliteSettings::default()
    };
    let opened =
        tokio::task::spawn_blocking(move || SqliteRows::open(&directory, settings, clock)).await;
    match opened {
        Ok(Ok(rows)) => Ok(Arc::new(rows)),
        Ok(Err(problem)) => Err(Fault::new(FaultKind::Unavailable).details(problem.to_string())),
        Err(_) => Err(Fault::new(FaultKind::Internal)),
    }
}

/// What threads that block share with the engine.
struct Realm {
    tenants: PathBuf,
    settings: SqliteSettings,
    clock: Arc<dyn Clock>,
    book: Book,
    shelf: Shelf,
    threads: Arc<Turns>,
    /// When unused files were last looked for.
    swept: AtomicI64,
}

impl SqliteRows {
    /// Opens the directory, and makes it (mode 0700) where there is none. Blocks; meant for
    /// the start of a process.
    ///
    /// # Errors
    /// [`OpenError`] where the directory or its `schema.db` cannot be used.
    pub fn open(
        directory: &Path,
        settings: SqliteSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        settings.check(directory)?;
        let tenants = directory.join("tenants");
        settings::make_directory(&tenants)?;
        let now = clock.now();
        let book = Book::open(directory, &settings, now)?;
        let realm = Realm {
            shelf: Shelf::new(tenants.clone(), &settings),
            threads: Turns::new(settings.threads()),
            swept: AtomicI64::new(now.as_micros()),
            tenants,
            settings,
            clock,
            book,
        };
        Ok(Self {
            realm: Arc::new(realm),
            round: tokio::sync::Mutex::default(),
        })
    }

    /// How many tenants' files are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.realm.shelf.open()
    }

    async fn run_work(
        &self,
        caller: &Caller,
        work: Work,
        bounds: Bounds,
    ) -> Result<Vec<ResultSet>, Fault> {
        let purpose = permit(caller.rights(), &work)?;
        if work.statements.is_empty() {
            return Ok(Vec::new());
        }
        let brake = Brake::within(bounds.time);
        let tenant = self.realm.shelf.tenant(caller.tenant());
        #[cfg(test)]
        let tenant = self.realm.shelf.handed_out(tenant);
        let version = self.realm.book.latest().version();
        let lane = brake.wait(tenant.lane(purpose, version)).await?;
        let realm = Arc::clone(&self.realm);
        let _waiter = Waiter(Arc::clone(&brake));
        let asker = caller.clone();
        self.block(&brake, Some(caller.tenant()), move |brake| {
            let outcome = realm.serve(&tenant, purpose, (&asker, &work, bounds), brake);
            drop(lane);
            outcome
        })
        .await
    }

    /// Does it on a thread that may block; there are only so many of them. `whose` work it is
    /// says when its turn comes; without, it is the realm's own.
    async fn block<T: Send + 'static>(
        &self,
        brake: &Arc<Brake>,
        whose: Option<&TenantId>,
        work: impl FnOnce(&Arc<Brake>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let turn = brake.wait(self.realm.threads.take(whose)).await?;
        let held = Arc::clone(brake);
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&held);
            drop(turn);
            outcome
        });
        let done = brake.outlast(done).await;
        done.unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal)))
    }
}

impl Realm {
    /// Runs the work on a connection of the tenant's. Blocks.
    fn serve(
        &self,
        tenant: &Arc<Tenant>,
        purpose: Purpose,
        (caller, work, bounds): (&Caller, &Work, Bounds),
        brake: &Arc<Brake>,
    ) -> Result<Vec<ResultSet>, Fault> {
        brake.check()?;
        let now = self.clock.now();
        let edition = self.book.current(now);
        let column = self.settings.tenant_column.as_str();
        let claim = self.shelf.claim(tenant);
        let mut line = tenant.lend(purpose, &edition, column, now)?;
        let job = Job {
            caller,
            work,
            bounds,
            brake,
            column,
            path: tenant.path(),
            left: self.settings.room.left,
            #[cfg(test)]
            hole: self.settings.hole,
        };
        let (outcome, condition) = run::run(&mut line, &job);
        tenant.take_back(line, condition);
        drop(claim);
        self.sweep(now);
        outcome
    }

    /// Closes what is idle, a few times in the time after which a file is.
    fn sweep(&self, now: Timestamp) {
        let last = self.swept.load(Ordering::Relaxed);
        let rested = now.since(Timestamp::from_micros(last));
        if rested < self.settings.idle / 4 {
            return;
        }
        let ours = self.swept.compare_exchange(
            last,
            now.as_micros(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if ours.is_ok() {
            self.shelf.close_unused(now.minus(self.settings.idle));
        }
    }
}

impl Engine for SqliteRows {
    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn schema(&self) -> BoxFuture<'_, Result<Arc<Schema>, Fault>> {
        let now = self.realm.clock.now();
        if let Some(edition) = self.realm.book.fresh(now) {
            return Box::pin(async move { Ok(Arc::clone(&edition.schema)) });
        }
        let realm = Arc::clone(&self.realm);
        let brake = Brake::within(file::PATIENCE);
        Box::pin(async move {
            let look = move |_: &Arc<Brake>| Ok(Arc::clone(&realm.book.current(now).schema));
            self.block(&brake, None, look).await
        })
    }

    fn run<'a>(
        &'a self,
        caller: &'a Caller,
        work: Work,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<ResultSet>, Fault>> {
        Box::pin(self.run_work(caller, work, bounds))
    }

    fn amend<'a>(&'a self, ddl: &'a str) -> BoxFuture<'a, Result<u64, Fault>> {
        let realm = Arc::clone(&self.realm);
        let ddl = ddl.to_owned();
        let brake = Brake::within(file::PATIENCE);
        Box::pin(async move {
            let amend = move |_: &Arc<Brake>| realm.amend(&ddl);
            self.block(&brake, None, amend).await
        })
    }

    fn erase<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.remove(tenant))
    }

    fn upkeep(&self) -> BoxFuture<'_, Result<u64, Fault>> {
        Box::pin(self.tend())
    }
}

/// The engine's own lock on who reads and who writes; and on which kind of connection.
fn permit(rights: Rights, work: &Work) -> Result<Purpose, Fault> {
    let writes = work.statements.iter().any(Statement::writes);
    let reads = work.statements.iter().any(|statement| !statement.writes());
    match (reads && !rights.read, writes && !rights.write) {
        (_, true) => Err(Fault::new(FaultKind::WriteForbidden).state("42501")),
        (true, _) => Err(Fault::new(FaultKind::ReadForbidden).state("42501")),
        _ if writes => Ok(Purpose::Write),
        _ => Ok(Purpose::Read),
    }
}
