//! Which nodes there are. Times are the server's, so that the nodes' clocks do not
//! matter.

use super::scope::{Id, Trouble, failed};
use deadpool_postgres::ClientWrapper;
use doorward_identity::port::Node;
use tokio_postgres::Row;

const TABLE: &str = "node";

/// Writes this node down and returns the others that were heard of in the last 15
/// seconds, oldest id first. Those that were silent for a day are forgotten.
pub(super) async fn announce(conn: &ClientWrapper, node: &Node) -> Result<Vec<Node>, Trouble> {
    let failed = |error: tokio_postgres::Error| failed(TABLE, &error);
    let (id, own) = (Id(node.id), Id(node.id));
    conn.execute(
        "INSERT INTO node (id, name, terms, seen_at) VALUES ($1, $2, $3, clock_timestamp()) \
         ON CONFLICT (id) DO UPDATE SET terms = excluded.terms, seen_at = clock_timestamp()",
        &[&id, &node.name, &node.terms],
    )
    .await
    .map_err(failed)?;
    conn.execute(
        "DELETE FROM node WHERE seen_at < clock_timestamp() - interval '1 day'",
        &[],
    )
    .await
    .map_err(failed)?;
    let rows = conn
        .query(
            "SELECT id, name, terms FROM node \
             WHERE id <> $1 AND seen_at > clock_timestamp() - interval '15 seconds' ORDER BY id",
            &[&own],
        )
        .await
        .map_err(failed)?;
    rows.iter().map(|row| read(row).map_err(failed)).collect()
}

pub(super) async fn withdraw(conn: &ClientWrapper, node: &Node) -> Result<(), Trouble> {
    conn.execute("DELETE FROM node WHERE id = $1", &[&Id(node.id)])
        .await
        .map(drop)
        .map_err(|error| failed(TABLE, &error))
}

fn read(row: &Row) -> Result<Node, tokio_postgres::Error> {
    let Id(id) = row.try_get(0)?;
    Ok(Node {
        id,
        name: row.try_get(1)?,
        terms: row.try_get(2)?,
    })
}
