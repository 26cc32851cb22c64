//! What is not of one realm: the realms' numbers and the store's own values.

use super::scope::unavailable;
use doorward_base::{RealmId, RealmName};
use doorward_identity::port::StoreError;
use rusqlite::{Connection, OptionalExtension};

/// The number of a realm, if it was seen before.
pub(super) fn find(conn: &Connection, name: &RealmName) -> Result<Option<RealmId>, StoreError> {
    conn.prepare_cached("SELECT id FROM realm WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([name.as_str()], |row| row.get(0).map(RealmId))
                .optional()
        })
        .map_err(unavailable)
}

/// The number of a realm, given to it now if need be.
pub(super) fn open(conn: &Connection, name: &RealmName) -> Result<RealmId, StoreError> {
    conn.execute(
        "INSERT INTO realm (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
        [name.as_str()],
    )
    .map_err(unavailable)?;
    find(conn, name)?.ok_or(StoreError::Inconsistent {
        table: "realm",
        column: "name",
        row: name.to_string(),
        problem: "it was written and is not there".to_owned(),
    })
}

/// A value of the whole store.
pub(super) fn find_value(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    conn.query_row(
        "SELECT value FROM store_value WHERE name = ?1",
        [name],
        |row| row.get(0),
    )
    .optional()
    .map_err(unavailable)
}

/// Sets a value unless it is set; returns the one in force.
pub(super) fn init_value(
    conn: &Connection,
    name: &str,
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    conn.execute(
        "INSERT INTO store_value (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        (name, value),
    )
    .map_err(unavailable)?;
    find_value(conn, name)?.ok_or(StoreError::Inconsistent {
        table: "store_value",
        column: "name",
        row: name.to_owned(),
        problem: "it was written and is not there".to_owned(),
    })
}

/// Writes as much as a small transaction does, to learn whether that is possible. The
/// value means nothing and stays as large as it is.
pub(super) fn try_write(conn: &Connection) -> Result<(), StoreError> {
    conn.execute(
        "INSERT INTO store_value (name, value) VALUES ('write_test', randomblob(16384)) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [],
    )
    .map(drop)
    .map_err(unavailable)
}
