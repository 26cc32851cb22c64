//! The change log, which other nodes follow. Whoever appends holds a lock from before
//! its position is drawn until its commit is visible, so that positions grow by commit:
//! a follower that has read a position has read all before it.

use super::scope::{Trouble, failed};
use crate::area::change::{KEPT, TABLE, values};
use crate::row::Cursor;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::model::{Change, ChangeRow, ChangeSeq};
use futures_util::future::join;
use tokio_postgres::Client;

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
    let columns = changes.iter().map(|change| {
        let [kind, of] = values(change);
        (kind, of)
    });
    let (kinds, refs): (Vec<_>, Vec<_>) = columns.unzip();
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
    let rows = rows.iter().map(|row| Cursor::new(TABLE, row).record());
    Ok(rows.collect::<Result<_, _>>()?)
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
