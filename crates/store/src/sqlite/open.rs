//! The file and its connections. Not here: the schema (`migrate`).

use super::migrate;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the writer waits for another process's lock.
pub(super) const WRITER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a reader waits. Readers only ever meet a lock while another process
/// recovers or closes the file, and they wait on a thread that serves requests.
const READER_PATIENCE: Duration = Duration::from_secs(1);
/// How soon the switch to write-ahead logging is tried again.
const SWITCH_AGAIN: Duration = Duration::from_millis(5);
/// More than there are different statements, so that none is prepared twice.
const STATEMENTS: usize = 128;

/// Why a store could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The directory the file should be in is missing or is not one.
    #[error("the store's directory {directory} cannot be used: {problem}")]
    Directory {
        directory: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file cannot be made or opened.
    #[error("the store {path} cannot be opened: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is something else.
    #[error("{path} is not a Doorward store")]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of Doorward has migrated the store.
    #[error(
        "the store's schema is version {found} and this binary knows {known}: \
         a newer Doorward has used it; start that version or a newer one"
    )]
    SchemaNewer {
        /// The store's version.
        found: i64,
        /// The newest version this binary knows.
        known: i64,
    },
    /// A migration was applied in another form than this binary has it.
    #[error("migration {version} ({name}) was applied to the store in another form")]
    SchemaDiffers {
        /// The migration's number.
        version: i64,
        name: String,
    },
    /// The engine cannot do it now, for example because another process holds the
    /// store locked.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
}

impl OpenError {
    pub(super) fn file(path: &Path, problem: &io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// An opened store.
pub(super) struct Opened {
    /// The one write connection.
    pub(super) conn: Connection,
    /// Whether this opening made the schema.
    pub(super) created: bool,
}

/// Makes the file if need be, opens it for writing, and migrates it.
pub(super) fn open(path: &Path) -> Result<Opened, OpenError> {
    make_file(path)?;
    let mut conn = writing(path).map_err(|error| from_engine(path, &error))?;
    let created = migrate::migrate(&mut conn, path)?;
    Ok(Opened { conn, created })
}

/// A connection that cannot write.
pub(super) fn reading(path: &Path) -> Result<Connection, OpenError> {
    open_reading(path).map_err(|error| from_engine(path, &error))
}

/// What the engine's answer means to whoever opens a store.
pub(super) fn from_engine(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotAStore {
            path: path.to_owned(),
        },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            OpenError::File {
                path: path.to_owned(),
                problem: error.to_string(),
            }
        }
        _ => OpenError::Unavailable(error.to_string()),
    }
}

/// Makes an empty file of mode 0600, whatever the umask. SQLite gives the `-wal` and
/// `-shm` files beside it the same mode.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let unusable = |problem: String| OpenError::Directory {
        directory: directory.to_owned(),
        problem,
    };
    match directory.metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(unusable("it is not a directory".to_owned())),
        Err(error) => return Err(unusable(error.to_string())),
    }
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(file) => file
            .set_permissions(Permissions::from_mode(0o600))
            .map_err(|error| OpenError::file(path, &error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::file(path, &error)),
    }
}

fn writing(path: &Path) -> rusqlite::Result<Connection> {
    // No URI flag: a path is a path, whatever it begins with.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(WRITER_PATIENCE)?;
    let mode = switch_to_wal(&conn)?;
    if mode != "wal" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(format!("write-ahead logging is refused here (mode {mode})")),
        ));
    }
    conn.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -32768;",
    )?;
    harden(&conn)?;
    Ok(conn)
}

/// The journal's mode after the switch to write-ahead logging. While another process
/// switches, SQLite refuses at once instead of waiting: each holds what the other needs.
fn switch_to_wal(conn: &Connection) -> rusqlite::Result<String> {
    let deadline = Instant::now() + WRITER_PATIENCE;
    loop {
        let switched = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        let busy = switched.as_ref().is_err_and(|error: &rusqlite::Error| {
            error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
        });
        if !busy || Instant::now() >= deadline {
            return switched;
        }
        std::thread::park_timeout(SWITCH_AGAIN);
    }
}

fn open_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(READER_PATIENCE)?;
    conn.execute_batch(
        "PRAGMA query_only = ON;
         PRAGMA cache_size = -8192;",
    )?;
    harden(&conn)?;
    Ok(conn)
}

/// What every connection has: a store file from elsewhere runs no code of its own.
fn harden(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;",
    )?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Otherwise a plan may hang on a bound value, where there is a partial index, and the
    // statement is compiled anew for each other value: half the cost of an exchange.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}
