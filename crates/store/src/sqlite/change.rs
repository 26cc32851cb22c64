//! The change log, which other processes follow. Its positions grow by commit,
//! because there is one writer at a time.

use super::scope::unavailable;
use crate::area::change::TABLE;
use crate::row::Cursor;
use doorward_identity::model::{ChangeRow, ChangeSeq};
use doorward_identity::port::StoreError;
use rusqlite::Connection;

/// Entries of every realm after a position, in the order of their commits.
pub(super) fn list(
    conn: &Connection,
    after: ChangeSeq,
    limit: u32,
) -> Result<Vec<ChangeRow>, StoreError> {
    let mut statement = conn
        .prepare_cached(
            "SELECT seq, realm, kind, ref FROM change_log WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )
        .map_err(unavailable)?;
    let mut rows = statement.query((after.0, limit)).map_err(unavailable)?;
    let mut list = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        list.push(Cursor::new(TABLE, row).record()?);
    }
    Ok(list)
}

/// The last position given out; 0 before the first.
pub(super) fn last(conn: &Connection) -> Result<ChangeSeq, StoreError> {
    conn.prepare_cached("SELECT ifnull(max(seq), 0) FROM change_log")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map(ChangeSeq)
        .map_err(unavailable)
}

/// Forgets at most `limit` entries, the oldest first, but none of the newest `kept`.
pub(super) fn prune(conn: &Connection, kept: i64, limit: u32) -> Result<u64, StoreError> {
    let removed = conn
        .prepare_cached(
            "DELETE FROM change_log WHERE seq <= (SELECT max(seq) FROM change_log) - ?1 \
             AND seq < (SELECT min(seq) FROM change_log) + ?2",
        )
        .and_then(|mut statement| statement.execute((kept, limit)))
        .map_err(unavailable)?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}
