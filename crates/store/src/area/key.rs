//! The realm's sealed keys.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, Value, values};
use async_trait::async_trait;
use doorward_base::Timestamp;
use doorward_identity::model::{KeyPurpose, KeyRecord, KeyState};
use doorward_identity::port::{KeyRead, KeyWrite, StoreError};
use std::fmt::Display;

const TABLE: &str = "realm_key";

fn target(kid: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, kid, "the key, or the place of the active key")
}

/// The columns `state` and `until`.
const fn state(state: KeyState) -> (&'static str, Option<Timestamp>) {
    match state {
        KeyState::Next => ("next", None),
        KeyState::Active => ("active", None),
        KeyState::Retiring { until } => ("retiring", Some(until)),
    }
}

fn read_state(row: &mut Cursor<'_>) -> Result<KeyState, StoreError> {
    match (row.text("state")?, row.opt_time("until")?) {
        ("next", None) => Ok(KeyState::Next),
        ("active", None) => Ok(KeyState::Active),
        ("retiring", Some(until)) => Ok(KeyState::Retiring { until }),
        _ => Err(row.bad("state", "unknown, or until does not fit it")),
    }
}

fn read_purpose(row: &mut Cursor<'_>) -> Result<KeyPurpose, StoreError> {
    let text = row.text("purpose")?;
    [KeyPurpose::Access, KeyPurpose::Internal, KeyPurpose::Digest]
        .into_iter()
        .find(|purpose| purpose.as_str() == text)
        .ok_or_else(|| row.bad("purpose", "unknown"))
}

impl Record for KeyRecord {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            kid: row.text("kid")?.to_owned(),
            purpose: read_purpose(row)?,
            algorithm: row.text("algorithm")?.to_owned(),
            state: read_state(row)?,
            sealed: row.bytes("sealed")?.to_vec(),
            created_at: row.time("created_at")?,
        })
    }
}

/// The columns as they are read.
fn values(key: &KeyRecord) -> [Value<'_>; 7] {
    let (state, until) = state(key.state);
    [
        (&key.kid).into(),
        key.purpose.as_str().into(),
        (&key.algorithm).into(),
        state.into(),
        until.into(),
        key.sealed.as_slice().into(),
        key.created_at.into(),
    ]
}

#[async_trait]
impl<E: Engine> KeyRead for InRealm<E> {
    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        let sql = "SELECT kid, purpose, algorithm, state, until, sealed, created_at \
                   FROM realm_key WHERE realm = $1 ORDER BY created_at, kid";
        self.0.list(sql, values![]).await
    }
}

#[async_trait]
impl<E: Engine> KeyWrite for InRealm<E> {
    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        let sql = "INSERT INTO realm_key (realm, kid, purpose, algorithm, state, until, sealed, \
                   created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        self.0.insert(target(&key.kid), sql, &values(key)).await
    }

    /// A second active key of a purpose is a conflict, which on PostgreSQL ends the
    /// transaction: a use-case retires the first before.
    async fn set_key_state(&mut self, kid: &str, to: KeyState) -> Result<(), StoreError> {
        let (state, until) = state(to);
        let sql = "UPDATE realm_key SET state = $3, until = $4 WHERE realm = $1 AND kid = $2";
        let values = values![kid, state, until];
        self.0.change(target(&kid), sql, values).await
    }

    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM realm_key WHERE realm = $1 AND kid = $2";
        self.0.change(target(&kid), sql, values![kid]).await
    }
}
