//! The realm's sealed keys.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::key::{KeyRow, TABLE, columns};
use async_trait::async_trait;
use doorward_identity::model::{KeyRecord, KeyState};
use doorward_identity::port::{KeyRead, KeyWrite, StoreError};
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

#[async_trait]
impl KeyRead for RealmTx<'_> {
    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        self.with(list)
    }
}

#[async_trait]
impl KeyWrite for RealmTx<'_> {
    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, key))
    }

    async fn set_key_state(&mut self, kid: &str, state: KeyState) -> Result<(), StoreError> {
        self.with(|scope| set_state(scope, kid, state))
    }

    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError> {
        self.with(|scope| delete(scope, kid))
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
