//! The change log, which other nodes follow. Whoever appends holds a lock from before
//! its position is drawn until its commit is visible, so that positions grow by commit:
//! a follower that has read a position has read all before it.

use super::scope::{Id, Trouble, failed};
use super::tx::RealmTx;
use crate::row::change::{EntryRow, TABLE, columns};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::model::{Change, ChangeRow, ChangeSeq};
use doorward_identity::port::{ChangeWrite, StoreError};
use futures_util::future::join;
use tokio_postgres::{Client, Row};

/// How many entries stay. A follower reads the log within a second or has stopped; one
/// that was away for longer than this starts again from a snapshot, as it must after
/// any start.
const KEPT: i64 = 1_000_000;
/// What nodes listen on.
pub(super) const CHANNEL: &str = "doorward_change";

/// The lock is the first thing that runs: the rows, and with them their positions, come
/// out of a join with it. The notice leaves with the commit.
pub(super) const APPEND: &str = "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(16180339, 1)), \
     written AS (INSERT INTO change_log (realm, kind, ref) \
         SELECT $1, entry.kind, entry.ref \
         FROM held, unnest($2::text[], $3::uuid[]) AS entry (kind, ref) RETURNING seq) \
     SELECT pg_notify('doorward_change', '') FROM (SELECT count(*) FROM written) AS counted";

/// Appends the changes and commits, in one flight: the lock is held no longer than the
/// server takes.
pub(super) async fn append_and_commit(
    conn: &ClientWrapper,
    realm: RealmId,
    changes: &[Change],
) -> Result<(), Trouble> {
    let mut kinds = Vec::with_capacity(changes.len());
    let mut refs = Vec::with_capacity(changes.len());
    for change in changes {
        let (kind, id) = columns(change);
        kinds.push(kind);
        refs.push(id.copied().map(Id));
    }
    // Prepared first, so that the statement leaves before the commit does.
    let append = conn
        .prepare_cached(APPEND)
        .await
        .map_err(|error| failed(TABLE, &error))?;
    let (appended, committed) = join(
        conn.execute(&append, &[&realm.0, &kinds, &refs]),
        conn.batch_execute("COMMIT"),
    )
    .await;
    // After a failed statement the server answers COMMIT by rolling back, and says so
    // only by its tag: the statement's own answer decides.
    appended.map_err(|error| failed(TABLE, &error))?;
    committed.map_err(|error| failed(TABLE, &error))
}

/// Entries of every realm after a position, in the order of their commits.
pub(super) async fn list(
    client: &Client,
    after: ChangeSeq,
    limit: u32,
) -> Result<Vec<ChangeRow>, Trouble> {
    let rows = client
        .query(
            "SELECT seq, realm, kind, ref FROM change_log WHERE seq > $1 ORDER BY seq LIMIT $2",
            &[&after.0, &i64::from(limit)],
        )
        .await
        .map_err(|error| failed(TABLE, &error))?;
    rows.iter().map(|row| Ok(entry(row)?)).collect()
}

/// The last position given out; 0 before the first.
pub(super) async fn last(client: &Client) -> Result<ChangeSeq, Trouble> {
    client
        .query_one("SELECT coalesce(max(seq), 0) FROM change_log", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map(ChangeSeq)
        .map_err(|error| failed(TABLE, &error))
}

/// Forgets at most `limit` of the oldest entries that are not to stay.
pub(super) async fn prune(conn: &ClientWrapper, limit: u32) -> Result<u64, Trouble> {
    conn.execute(
        "DELETE FROM change_log WHERE seq <= (SELECT max(seq) FROM change_log) - $1::int8 \
         AND seq < (SELECT min(seq) FROM change_log) + $2::int8",
        &[&KEPT, &i64::from(limit)],
    )
    .await
    .map_err(|error| failed(TABLE, &error))
}

fn entry(row: &Row) -> Result<ChangeRow, StoreError> {
    let read = || -> Result<(i64, i64, String, Option<Id>), tokio_postgres::Error> {
        Ok((
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        ))
    };
    let (seq, realm, kind, id) = read().map_err(|error| failed(TABLE, &error))?;
    EntryRow {
        seq,
        realm,
        kind,
        id: id.map(|Id(id)| id),
    }
    .try_into()
}

#[async_trait]
impl ChangeWrite for RealmTx {
    async fn append_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.push_change(change)
    }
}
