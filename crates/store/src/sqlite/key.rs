//! The realm's sealed keys.

use super::scope::{Record, Scope, Target};
use crate::row::key::{KeyRow, TABLE, columns};
use doorward_identity::model::{KeyRecord, KeyState};
use doorward_identity::port::StoreError;
use rusqlite::Row;

pub(super) fn list(scope: Scope<'_>) -> Result<Vec<KeyRecord>, StoreError> {
    scope.list::<KeyRow, _>(
        "SELECT kid, purpose, algorithm, state, until, sealed, created_at FROM realm_key \
         WHERE realm = ?1 ORDER BY created_at, kid",
        &[],
    )
}

pub(super) fn insert(scope: Scope<'_>, key: &KeyRecord) -> Result<(), StoreError> {
    let (state, until) = columns(key.state);
    scope.write_one(
        target(&key.kid),
        "INSERT INTO realm_key (realm, kid, purpose, algorithm, state, until, sealed, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            &key.kid,
            &key.purpose.as_str(),
            &key.algorithm,
            &state,
            &until,
            &key.sealed,
            &key.created_at.as_micros(),
        ],
    )
}

pub(super) fn set_state(scope: Scope<'_>, kid: &str, state: KeyState) -> Result<(), StoreError> {
    let (state, until) = columns(state);
    scope.write_one(
        target(&kid),
        "UPDATE realm_key SET state = ?3, until = ?4 WHERE realm = ?1 AND kid = ?2",
        &[&kid, &state, &until],
    )
}

pub(super) fn delete(scope: Scope<'_>, kid: &str) -> Result<(), StoreError> {
    scope.write_one(
        target(&kid),
        "DELETE FROM realm_key WHERE realm = ?1 AND kid = ?2",
        &[&kid],
    )
}

fn target<T: std::fmt::Display>(kid: &T) -> Target<'_> {
    Target {
        table: TABLE,
        row: kid,
        unique: "the key, or the place of the active key",
    }
}

impl Record for KeyRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            kid: row.get(0)?,
            purpose: row.get(1)?,
            algorithm: row.get(2)?,
            state: row.get(3)?,
            until: row.get(4)?,
            sealed: row.get(5)?,
            created_at: row.get(6)?,
        })
    }
}
