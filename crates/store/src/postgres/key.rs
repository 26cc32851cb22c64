//! The realm's sealed keys.

use super::scope::{Record, Scope, Target, Trouble};
use super::tx::RealmTx;
use super::tx::{reading, writing};
use crate::row::key::{KeyRow, TABLE, columns};
use async_trait::async_trait;
use doorward_identity::model::{KeyRecord, KeyState};
use doorward_identity::port::{KeyRead, KeyWrite, StoreError};
use tokio_postgres::{Error, Row};

pub(super) async fn list(scope: Scope<'_>) -> Result<Vec<KeyRecord>, Trouble> {
    scope
        .list::<KeyRow, _>(
            "SELECT kid, purpose, algorithm, state, until, sealed, created_at FROM realm_key \
             WHERE realm = $1 ORDER BY created_at, kid",
            &[],
        )
        .await
}

pub(super) async fn insert(scope: Scope<'_>, key: &KeyRecord) -> Result<(), Trouble> {
    let (state, until) = columns(key.state);
    scope
        .insert_one(
            target(&key.kid),
            "INSERT INTO realm_key (realm, kid, purpose, algorithm, state, until, sealed, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
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
        .await
}

/// A second active key of a purpose is a conflict that ends the transaction: a use-case
/// retires the first before.
pub(super) async fn set_state(scope: Scope<'_>, kid: &str, state: KeyState) -> Result<(), Trouble> {
    let (state, until) = columns(state);
    scope
        .write_one(
            target(&kid),
            "UPDATE realm_key SET state = $3, until = $4 WHERE realm = $1 AND kid = $2",
            &[&kid, &state, &until],
        )
        .await
}

pub(super) async fn delete(scope: Scope<'_>, kid: &str) -> Result<(), Trouble> {
    scope
        .write_one(
            target(&kid),
            "DELETE FROM realm_key WHERE realm = $1 AND kid = $2",
            &[&kid],
        )
        .await
}

fn target<T: std::fmt::Display + Sync>(kid: &T) -> Target<'_> {
    Target {
        table: TABLE,
        row: kid,
        unique: "the key, or the place of the active key",
    }
}

#[async_trait]
impl KeyRead for RealmTx {
    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        reading!(self, list())
    }
}

#[async_trait]
impl KeyWrite for RealmTx {
    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        writing!(self, insert(key))
    }

    async fn set_key_state(&mut self, kid: &str, state: KeyState) -> Result<(), StoreError> {
        writing!(self, set_state(kid, state))
    }

    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError> {
        writing!(self, delete(kid))
    }
}

impl Record for KeyRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            kid: row.try_get(0)?,
            purpose: row.try_get(1)?,
            algorithm: row.try_get(2)?,
            state: row.try_get(3)?,
            until: row.try_get(4)?,
            sealed: row.try_get(5)?,
            created_at: row.try_get(6)?,
        })
    }
}
