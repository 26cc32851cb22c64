//! The realm's sealed keys.

use super::scope::{Place, Record, Scope, Target};
use doorward_base::Timestamp;
use doorward_identity::model::{KeyPurpose, KeyRecord, KeyState};
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

const fn columns(state: KeyState) -> (&'static str, Option<i64>) {
    match state {
        KeyState::Next => ("next", None),
        KeyState::Active => ("active", None),
        KeyState::Retiring { until } => ("retiring", Some(until.as_micros())),
    }
}

fn target<T: std::fmt::Display>(kid: &T) -> Target<'_> {
    Target {
        table: KeyRow::TABLE,
        row: kid,
        unique: "the key, or the place of the active key",
    }
}

struct KeyRow {
    kid: String,
    purpose: String,
    algorithm: String,
    state: String,
    until: Option<i64>,
    sealed: Vec<u8>,
    created_at: i64,
}

impl Record for KeyRow {
    const TABLE: &'static str = "realm_key";

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

impl TryFrom<KeyRow> for KeyRecord {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let place = Place {
            table: KeyRow::TABLE,
            row: &row.kid,
        };
        let purpose = [KeyPurpose::Access, KeyPurpose::Internal, KeyPurpose::Digest]
            .into_iter()
            .find(|purpose| purpose.as_str() == row.purpose)
            .ok_or_else(|| place.bad("purpose", "unknown"))?;
        let state = match (row.state.as_str(), row.until) {
            ("next", None) => KeyState::Next,
            ("active", None) => KeyState::Active,
            ("retiring", Some(until)) => KeyState::Retiring {
                until: Timestamp::from_micros(until),
            },
            _ => return Err(place.bad("state", "unknown, or until does not fit it")),
        };
        Ok(Self {
            purpose,
            state,
            kid: row.kid,
            algorithm: row.algorithm,
            sealed: row.sealed,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
