//! A file's connections: how they are opened and what is set on each. Not here: what is in
//! the file (`tenant`, `book`) and what statements may do (`authorize`).

use super::own;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for another process's lock.
const PATIENCE: Duration = Duration::from_millis(250);
/// Prepared statements that a connection keeps. There are many connections.
const STATEMENTS: usize = 16;

/// The longest value and the longest row, in bytes. A statement that may hold many values has
/// a lower bound (`weight`): SQLite does not count what it allocates (`MEMSTATUS` is off for
/// the identity store's sake).
pub(super) const LONGEST: i32 = 1 << 20;

/// The longest pattern of LIKE and GLOB, bytes.
pub(super) const LONGEST_PATTERN: i32 = 256;

/// A connection's cache of pages, as a rule.
pub(super) const CACHE_BYTES: u64 = 1 << 20;
/// The same.
pub(super) const CACHE: &str = "PRAGMA cache_size = -1024";
/// While a statement sorts: what it gathers before it writes it down is as much.
pub(super) const SORTING_CACHE: &str = "PRAGMA cache_size = -4096";

/// What callers' statements are held to, whatever was checked before: the least that a
/// realm's tables and plans need. An embedded row's object has two arguments for each column.
const LIMITS: [(Limit, i32); 13] = [
    (Limit::SQLITE_LIMIT_LENGTH, LONGEST),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
    (Limit::SQLITE_LIMIT_COLUMN, 128),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 100),
    (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 256),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LONGEST_PATTERN),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 32_766),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 100),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    (Limit::SQLITE_LIMIT_PARSER_DEPTH, 500),
];

/// Which file a path led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of the file at this path now; `None` where there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
        })
    }
}

/// Makes an empty file of mode 0600 that is still there after a loss of power, unless there
/// is one.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => path.parent().map_or(Ok(()), sync),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a directory's entries last.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A connection that writes durably: what it committed outlives a loss of power.
pub(super) fn writing(path: &Path) -> rusqlite::Result<Connection> {
    // No URI flag: a path is a path, whatever it begins with.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(PATIENCE)?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_CANTOPEN),
            Some(format!("write-ahead logging is refused here (mode {mode})")),
        ));
    }
    conn.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA journal_size_limit = 4194304;",
    )?;
    harden(&conn)?;
    Ok(conn)
}

/// A connection that cannot write.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(PATIENCE)?;
    conn.execute_batch("PRAGMA query_only = ON;")?;
    harden(&conn)?;
    Ok(conn)
}

/// A database of no file, with the limits of callers: what is too wide for them is refused
/// before it is a step.
pub(super) fn scratch() -> rusqlite::Result<Connection> {
    let conn = Connection::open_in_memory()?;
    harden(&conn)?;
    limit(&conn)?;
    Ok(conn)
}

/// Holds the connection's statements to the limits, for good.
pub(super) fn limit(conn: &Connection) -> rusqlite::Result<()> {
    for (limit, most) in LIMITS {
        conn.set_limit(limit, most)?;
    }
    Ok(())
}

/// Lets the file become no larger than so many bytes, or than it is.
pub(super) fn keep_within(conn: &Connection, room: u64) -> rusqlite::Result<()> {
    let page: i64 = conn.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = i64::try_from(room).unwrap_or(i64::MAX) / page.max(1);
    // The answer is the bound in force.
    conn.query_row(
        &format!("PRAGMA max_page_count = {}", pages.max(1)),
        [],
        |_| Ok(()),
    )
}

/// Less than the write-ahead log and a sort may ask for at once, bytes.
const LEAST: u64 = 64 << 20;

/// Whether the disk that a file is on has no room left, as opposed to the file's own bound.
pub(super) fn is_disk_full(path: &Path) -> bool {
    has_less(path, LEAST)
}

/// Whether the disk that a file is on has less room than this. What cannot be asked is full.
pub(super) fn has_less(path: &Path, left: u64) -> bool {
    let folder = path.parent().unwrap_or(path);
    rustix::fs::statvfs(folder).map_or(true, |disk| {
        disk.f_bavail.saturating_mul(disk.f_frsize) < left
    })
}

/// Whether the error is another connection's lock.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// What every connection has: a file from elsewhere runs no code of its own. Sorting and the
/// like go to temporary files, because the memory of one statement cannot be bounded.
fn harden(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = FILE;",
    )?;
    conn.execute_batch(CACHE)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    own::give(conn)?;
    Ok(())
}
