//! The steps of a realm's schema, in a file of their own beside the tenants' (`schema.db`).
//! Not here: the tenants' files, to which they are applied (`tenant`).

use super::authorize::{self, Names};
use super::error;
use super::step::Step;
use super::{OpenError, SqliteSettings, model, open};
use crate::fault::{Fault, FaultKind};
use crate::schema::Schema;
use doorward_base::{TenantId, Timestamp};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon a step that another process recorded is seen here.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The most steps of a realm.
const MOST: usize = 10_000;

const MAKE: &str = "CREATE TABLE IF NOT EXISTS step (
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT";

/// The steps as they are at one time.
pub(super) struct Edition {
    /// All of them, in their order.
    pub(super) steps: Vec<Step>,
    /// What they make.
    pub(super) schema: Arc<Schema>,
    /// The names in it.
    pub(super) names: Arc<Names>,
    texts: Vec<String>,
    /// After each step, of all so far.
    digests: Vec<i64>,
}

impl Edition {
    /// How many steps there are.
    pub(super) fn version(&self) -> u64 {
        self.schema.version
    }

    /// By which a file with that many steps is known to have these; 0 where there are fewer.
    pub(super) fn digest(&self, steps: usize) -> i64 {
        let last = steps.checked_sub(1).and_then(|at| self.digests.get(at));
        last.copied().unwrap_or(0)
    }
}

/// The file and what was last read from it.
pub(super) struct Book {
    tenant_column: String,
    /// Stands for a tenant where there is none.
    nobody: TenantId,
    file: Mutex<File>,
    latest: Mutex<Arc<Edition>>,
}

struct File {
    conn: Connection,
    /// What SQLite counts changes of other connections by.
    seen: i64,
    looked_at: Timestamp,
}

impl Book {
    /// Opens or makes `schema.db` in this directory.
    pub(super) fn open(
        directory: &Path,
        settings: &SqliteSettings,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let tenant_column = settings.tenant_column.as_str();
        let path = directory.join("schema.db");
        open::make(&path).map_err(|problem| OpenError::new(&path, &problem))?;
        let opened = || {
            let conn = open::writing(&path)?;
            conn.execute(MAKE, [])?;
            Ok::<_, rusqlite::Error>((data_version(&conn)?, conn))
        };
        let (seen, conn) = opened().map_err(|problem| OpenError::new(&path, &problem))?;
        let nobody = TenantId::new("nobody").map_err(|problem| OpenError::new(&path, &problem))?;
        let edition = read(&conn, tenant_column, &nobody)
            .map_err(|problem| OpenError::new(&path, &problem))?;
        Ok(Self {
            tenant_column: tenant_column.to_owned(),
            nobody,
            file: Mutex::new(File {
                conn,
                seen,
                looked_at: now,
            }),
            latest: Mutex::new(Arc::new(edition)),
        })
    }

    /// The steps as last seen, without a look at the file.
    pub(super) fn latest(&self) -> Arc<Edition> {
        Arc::clone(&lock(&self.latest))
    }

    /// The steps where they were looked at in the last second.
    pub(super) fn fresh(&self, now: Timestamp) -> Option<Arc<Edition>> {
        let fresh = now.since(self.file.try_lock().ok()?.looked_at) < LOOK_AGAIN;
        fresh.then(|| self.latest())
    }

    /// The steps as they were at most a second ago. Blocks.
    pub(super) fn current(&self, now: Timestamp) -> Arc<Edition> {
        // Whoever else looks or amends does it for all.
        if let Ok(mut file) = self.file.try_lock()
            && now.since(file.looked_at) >= LOOK_AGAIN
        {
            file.looked_at = now;
            if let Err(problem) = self.look(&mut file) {
                tracing::warn!(%problem, "the schema's steps cannot be read; the last ones count");
            }
        }
        self.latest()
    }

    /// Records a step, once, if it fits what there is of the realm, and answers how many there
    /// are. Blocks.
    pub(super) fn amend(
        &self,
        ddl: &str,
        now: Timestamp,
        fits: impl FnOnce(&Edition) -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        let step = Step::read(ddl, &self.tenant_column)?;
        let mut file = lock(&self.file);
        let edition =
            self.record(&mut file, step, ddl, now, fits)
                .map_err(|refused| match refused {
                    Refused::Fault(fault) => fault,
                    Refused::File(problem) => {
                        tracing::error!(%problem, "a step of the schema cannot be recorded");
                        error::fault(&problem, "", &self.tenant_column)
                    }
                })?;
        *lock(&self.latest) = Arc::clone(&edition);
        Ok(edition.version())
    }

    fn record(
        &self,
        file: &mut File,
        step: Step,
        ddl: &str,
        now: Timestamp,
        fits: impl FnOnce(&Edition) -> Result<(), Fault>,
    ) -> Result<Arc<Edition>, Refused> {
        let tx = file
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = read(&tx, &self.tenant_column, &self.nobody)?;
        if before.texts.iter().any(|text| text == ddl) {
            return Ok(Arc::new(before));
        }
        if before.steps.len() >= MOST {
            let message = format!("a schema has at most {MOST} steps");
            return Err(Fault::because(FaultKind::TooComplex, message).into());
        }
        let (mut steps, mut texts) = (before.steps, before.texts);
        steps.push(step);
        texts.push(ddl.to_owned());
        let edition = Edition::of(steps, texts, &self.tenant_column, &self.nobody)?;
        fits(&edition)?;
        tx.execute(
            "INSERT INTO step (number, text, recorded_at) VALUES (?1, ?2, ?3)",
            (edition.version().cast_signed(), ddl, now.as_micros()),
        )?;
        tx.commit()?;
        Ok(Arc::new(edition))
    }

    fn look(&self, file: &mut File) -> Result<(), Refused> {
        let version = data_version(&file.conn)?;
        if version != file.seen {
            let edition = read(&file.conn, &self.tenant_column, &self.nobody)?;
            file.seen = version;
            *lock(&self.latest) = Arc::new(edition);
        }
        Ok(())
    }
}

/// Why steps cannot be read or recorded.
#[derive(Debug)]
enum Refused {
    /// The step is not right.
    Fault(Fault),
    /// The file cannot be used.
    File(rusqlite::Error),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::File(problem) => problem.fmt(f),
        }
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(problem: rusqlite::Error) -> Self {
        Self::File(problem)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn read(conn: &Connection, tenant_column: &str, nobody: &TenantId) -> Result<Edition, Refused> {
    let mut list = conn.prepare_cached("SELECT text FROM step ORDER BY number")?;
    let texts: Vec<String> = list
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let steps = texts
        .iter()
        .map(|text| Step::read(text, tenant_column))
        .collect::<Result<_, _>>()?;
    Ok(Edition::of(steps, texts, tenant_column, nobody)?)
}

impl Edition {
    /// Tries the steps on a database of no file.
    fn of(
        steps: Vec<Step>,
        texts: Vec<String>,
        tenant_column: &str,
        nobody: &TenantId,
    ) -> Result<Self, Fault> {
        let defect = |problem: rusqlite::Error| error::fault(&problem, "", tenant_column);
        let mut conn = open::scratch().map_err(defect)?;
        authorize::steps(&mut conn).map_err(defect)?;
        for sql in steps.iter().flat_map(|step| step.statements(nobody)) {
            conn.execute(&sql, []).map_err(|problem| {
                let fault = error::fault(&problem, &sql, tenant_column);
                Fault {
                    position: None,
                    ..fault.details(sql.chars().take(200).collect::<String>())
                }
            })?;
        }
        authorize::nobody(&mut conn).map_err(defect)?;
        let version = u64::try_from(steps.len()).unwrap_or(u64::MAX);
        let schema = model::read(&conn, version, tenant_column).map_err(defect)?;
        Ok(Self {
            names: Names::of(schema.tables.iter().map(|table| table.name.as_str())),
            schema: Arc::new(schema),
            digests: digests(&texts),
            steps,
            texts,
        })
    }
}

/// FNV-1a, of each text and all before it: it tells steps apart that an operator confused, and
/// is no defence.
fn digests(texts: &[String]) -> Vec<i64> {
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
    let of_all = texts.iter().map(|text| {
        // A byte that no UTF-8 has parts the texts.
        for byte in text.bytes().chain([0xff]) {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        digest.cast_signed()
    });
    of_all.collect()
}

fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA data_version", [], |row| row.get(0))
}

/// What the mutex has; whoever panicked while holding it left nothing half-done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
