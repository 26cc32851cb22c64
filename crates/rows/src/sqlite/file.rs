//! What is done with tenants' files as a whole: listed, brought to the schema, exported,
//! erased. For jobs and operators; not here: what callers do.

use super::authorize::Purpose;
use super::book::Edition;
use super::brake::Brake;
use super::upkeep::{self, Trouble};
use super::{Realm, SqliteRows, name, open};
use crate::fault::{Fault, FaultKind};
use doorward_base::TenantId;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long it waits for its turn.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The files that a new step is tried on before it is recorded.
const MOST_TRIED: usize = 1_000;

/// Tenants in one piece of upkeep.
const AT_ONCE: usize = 100;

/// How far upkeep came with one version of the schema.
#[derive(Default)]
pub(super) struct Round {
    version: Option<u64>,
    after: Option<TenantId>,
    is_over: bool,
}

/// How far a job came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BroughtUp {
    /// Tenants whose files have every step now.
    pub done: usize,
    /// Tenants whose files cannot be used; each was logged.
    pub failed: Vec<TenantId>,
    /// Where to go on; `None` after the last tenant.
    pub next: Option<TenantId>,
}

impl SqliteRows {
    /// Every tenant that has a file, sorted.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] where the directory cannot be read.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, Fault> {
        let realm = Arc::clone(&self.realm);
        self.block(&Brake::within(PATIENCE), None, move |_| realm.list())
            .await
    }

    /// Brings the files of at most `limit` tenants, after this one in their order, to the
    /// realm's schema. A file that fails is left as it is and does not stop the others.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] where the directory cannot be read.
    pub async fn bring_up(
        &self,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<BroughtUp, Fault> {
        let mut rest = self.tenants().await?;
        if let Some(after) = after {
            rest.retain(|tenant| tenant > after);
        }
        let more = rest.len() > limit;
        rest.truncate(limit);
        let mut report = BroughtUp {
            next: rest.last().filter(|_| more).cloned(),
            ..BroughtUp::default()
        };
        for id in rest {
            match self.touch(&id).await {
                Ok(()) => report.done += 1,
                Err(_) => report.failed.push(id),
            }
        }
        Ok(report)
    }

    /// Writes the tenant's rows, as they are now, into a new file of SQLite's at this path.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] where the tenant has no file or the new one cannot be made.
    pub async fn export(&self, id: &TenantId, to: &Path) -> Result<(), Fault> {
        let from = self.realm.tenants.join(name::of(id));
        let (id, to) = (id.clone(), to.to_owned());
        self.block(&Brake::within(PATIENCE), None, move |_| {
            copy(&from, &to).map_err(|problem| unusable(&id, &problem))
        })
        .await
    }

    /// Closes the files that were not used lately and brings the next tenants to the schema,
    /// each once for each version.
    pub(super) async fn tend(&self) -> Result<u64, Fault> {
        let realm = Arc::clone(&self.realm);
        let version = self
            .block(&Brake::within(PATIENCE), None, move |_| {
                let now = realm.clock.now();
                realm.shelf.close_unused(now.minus(realm.settings.idle));
                Ok(realm.book.current(now).version())
            })
            .await?;
        let mut round = self.round.lock().await;
        if round.version != Some(version) {
            *round = Round {
                version: Some(version),
                ..Round::default()
            };
        }
        if round.is_over {
            return Ok(0);
        }
        let report = self.bring_up(round.after.as_ref(), AT_ONCE).await?;
        round.is_over = report.next.is_none();
        round.after = report.next;
        Ok((report.done + report.failed.len()) as u64)
    }

    pub(super) async fn remove(&self, id: &TenantId) -> Result<(), Fault> {
        let brake = Brake::within(PATIENCE);
        let tenant = self.realm.shelf.tenant(id);
        let lanes = tenant.all_lanes(self.realm.settings.readers.max(1));
        let lanes = brake.wait(lanes).await?;
        let id = id.clone();
        self.block(&brake, None, move |_| {
            tenant.close();
            let outcome = remove(tenant.path());
            drop(lanes);
            outcome.map_err(|problem| unusable(&id, &problem))
        })
        .await
    }

    /// Brings the tenant's file up, and leaves it as closed as it was.
    async fn touch(&self, id: &TenantId) -> Result<(), Fault> {
        let brake = Brake::within(PATIENCE);
        let tenant = self.realm.shelf.tenant(id);
        let version = self.realm.book.latest().version();
        if tenant.is_open(version) {
            return Ok(());
        }
        let lane = brake.wait(tenant.lane(Purpose::Write, version)).await?;
        let realm = Arc::clone(&self.realm);
        self.block(&brake, None, move |_| {
            let edition = realm.book.current(realm.clock.now());
            let outcome = tenant.bring_up(&edition, &realm.settings.tenant_column);
            drop(lane);
            outcome
        })
        .await
    }
}

impl Realm {
    /// Records a step of the schema that the tenants' rows take. Blocks.
    pub(super) fn amend(&self, ddl: &str) -> Result<u64, Fault> {
        let now = self.clock.now();
        self.book
            .amend(ddl, now, |edition| self.try_newest(edition))
    }

    /// Refuses a step that some tenant's rows do not take: steps go one after another, and
    /// none that came later would let that tenant in again. A file that fails otherwise failed
    /// before, and counts for nothing.
    fn try_newest(&self, edition: &Edition) -> Result<(), Fault> {
        let tenants = self.list()?;
        let mut refused: Option<(usize, &TenantId, rusqlite::Error)> = None;
        for id in tenants.iter().take(MOST_TRIED) {
            match self.try_on(id, edition) {
                Err(Trouble::Step { number, problem }) if number == edition.steps.len() => {
                    let (count, first, said) = refused.take().unwrap_or((0, id, problem));
                    refused = Some((count + 1, first, said));
                }
                Err(Trouble::Engine(problem)) if open::is_busy(&problem) => {
                    return Err(Fault::new(FaultKind::Contended).state("55P03"));
                }
                _ => {}
            }
        }
        let Some((count, first, said)) = refused else {
            return Ok(());
        };
        let words = format!("the rows of {count} tenants do not take the step: {said}");
        let fault = Fault::because(FaultKind::ConstraintViolated, words);
        Err(fault.hint(format!("mend their rows first; one of them is {first}")))
    }

    fn try_on(&self, id: &TenantId, edition: &Edition) -> Result<(), Trouble> {
        let mut conn = open::writing(&self.tenants.join(name::of(id)))?;
        open::limit(&conn)?;
        upkeep::try_steps(&mut conn, id, edition)
    }

    fn list(&self) -> Result<Vec<TenantId>, Fault> {
        let list = || {
            let mut tenants = Vec::new();
            for entry in self.tenants.read_dir()? {
                let file = entry?.file_name();
                tenants.extend(file.to_str().and_then(name::tenant));
            }
            tenants.sort();
            Ok::<_, io::Error>(tenants)
        };
        list().map_err(|problem| {
            tracing::error!(%problem, "the tenants' directory cannot be read");
            Fault::new(FaultKind::Unavailable)
        })
    }
}

enum Problem {
    File(io::Error),
    Engine(rusqlite::Error),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(problem) => problem.fmt(f),
            Self::Engine(problem) => problem.fmt(f),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(problem: io::Error) -> Self {
        Self::File(problem)
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(problem: rusqlite::Error) -> Self {
        Self::Engine(problem)
    }
}

fn unusable(id: &TenantId, problem: &Problem) -> Fault {
    if let Problem::Engine(problem) = problem
        && open::is_busy(problem)
    {
        return Fault::new(FaultKind::Contended);
    }
    tracing::error!(tenant = %id, %problem, "a tenant's file cannot be erased or exported");
    Fault::new(FaultKind::Unavailable)
}

/// Removes a database's files. Nobody writes to it meanwhile, and what is left in its log, if
/// this stops half-way, is nothing.
fn remove(path: &Path) -> Result<(), Problem> {
    // A file that is damaged has no lock to take.
    let held = match locked(path) {
        Err(problem) if open::is_busy(&problem) => return Err(problem.into()),
        Err(_) => None,
        Ok(conn) => Some(conn),
    };
    for file in [beside(path, "-wal"), beside(path, "-shm"), path.to_owned()] {
        match std::fs::remove_file(file) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
                return Err(problem.into());
            }
            _ => {}
        }
    }
    drop(held);
    path.parent().map_or(Ok(()), open::sync)?;
    Ok(())
}

fn locked(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let conn = open::writing(path)?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    Ok(conn)
}

fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let conn = open::reading(from)?;
    // The new file is not read only.
    conn.execute_batch("PRAGMA query_only = OFF")?;
    // Of mode 0600; SQLite takes an empty file for none.
    open::make(to)?;
    let path = to
        .to_str()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))?;
    conn.execute("VACUUM INTO ?1", [path])?;
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
