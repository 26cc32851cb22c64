//! The change log, which other processes follow. Its positions grow by commit,
//! because there is one writer at a time.

use super::scope::{Record, Scope, Target, unavailable};
use super::tx::RealmTx;
use crate::row::change::{EntryRow, TABLE, columns};
use async_trait::async_trait;
use doorward_identity::model::{Change, ChangeRow, ChangeSeq};
use doorward_identity::port::{ChangeWrite, StoreError};
use rusqlite::{Connection, Row};

/// How many entries stay. A follower reads the log within a second or has stopped;
/// one that was away for longer than this starts again from a snapshot, as it must
/// after any start.
pub(super) const KEPT: i64 = 1_000_000;

pub(super) fn append(scope: Scope<'_>, change: Change) -> Result<(), StoreError> {
    let (kind, id) = columns(&change);
    scope.write_one(
        Target {
            table: TABLE,
            row: &kind,
            unique: "the position",
        },
        "INSERT INTO change_log (realm, kind, ref) VALUES (?1, ?2, ?3)",
        &[&kind, &id],
    )
}

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
        list.push(EntryRow::read(row).map_err(unavailable)?.try_into()?);
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

#[async_trait]
impl ChangeWrite for RealmTx<'_> {
    async fn append_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.with(|scope| append(scope, change))
    }
}

impl Record for EntryRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            realm: row.get(1)?,
            kind: row.get(2)?,
            id: row.get(3)?,
        })
    }
}
