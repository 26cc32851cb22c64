//! What is not of one realm: the realms' numbers and the store's own values. Each
//! statement is a transaction of its own, so that the second sees what another process
//! committed while the first waited for it.

use super::scope::{Trouble, failed};
use deadpool_postgres::ClientWrapper;
use doorward_base::{RealmId, RealmName};
use doorward_identity::port::StoreError;
use std::fmt::Display;
use tokio_postgres::types::{FromSqlOwned, ToSql};

/// The number of a realm, if it was seen before.
async fn find(conn: &ClientWrapper, name: &RealmName) -> Result<Option<RealmId>, Trouble> {
    let sql = "SELECT id FROM realm WHERE name = $1";
    let found = value(conn, "realm", sql, &[&name.as_str()]).await?;
    Ok(found.map(RealmId))
}

/// The number of a realm, given to it now if need be.
pub(super) async fn open(conn: &ClientWrapper, name: &RealmName) -> Result<RealmId, Trouble> {
    // Looked at first: an insert that comes to nothing uses a number up.
    if let Some(id) = find(conn, name).await? {
        return Ok(id);
    }
    conn.execute(
        "INSERT INTO realm (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
        &[&name.as_str()],
    )
    .await
    .map_err(|error| failed("realm", &error))?;
    find(conn, name)
        .await?
        .ok_or_else(|| not_there("realm", name).into())
}

/// A value of the whole store.
pub(super) async fn find_value(
    conn: &ClientWrapper,
    name: &str,
) -> Result<Option<Vec<u8>>, Trouble> {
    let sql = "SELECT value FROM store_value WHERE name = $1";
    value(conn, "store_value", sql, &[&name]).await
}

/// Sets a value unless it is set; returns the one in force.
pub(super) async fn init_value(
    conn: &ClientWrapper,
    name: &str,
    value: &[u8],
) -> Result<Vec<u8>, Trouble> {
    conn.execute(
        "INSERT INTO store_value (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        &[&name, &value],
    )
    .await
    .map_err(|error| failed("store_value", &error))?;
    find_value(conn, name)
        .await?
        .ok_or_else(|| not_there("store_value", &name).into())
}

fn not_there(table: &'static str, row: &dyn Display) -> StoreError {
    StoreError::Inconsistent {
        table,
        column: "name",
        row: row.to_string(),
        problem: "it was written and is not there".to_owned(),
    }
}

async fn value<T: FromSqlOwned>(
    conn: &ClientWrapper,
    table: &'static str,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Option<T>, Trouble> {
    let row = conn.query_opt(sql, values).await;
    row.and_then(|row| row.map(|row| row.try_get(0)).transpose())
        .map_err(|error| failed(table, &error))
}
