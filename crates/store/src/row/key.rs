//! The realm's sealed keys.

use super::Place;
use doorward_base::Timestamp;
use doorward_identity::model::{KeyPurpose, KeyRecord, KeyState};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "realm_key";

/// The columns `state` and `until`.
pub(crate) const fn columns(state: KeyState) -> (&'static str, Option<i64>) {
    match state {
        KeyState::Next => ("next", None),
        KeyState::Active => ("active", None),
        KeyState::Retiring { until } => ("retiring", Some(until.as_micros())),
    }
}

/// A key.
pub(crate) struct KeyRow {
    pub(crate) kid: String,
    pub(crate) purpose: String,
    pub(crate) algorithm: String,
    pub(crate) state: String,
    pub(crate) until: Option<i64>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) created_at: i64,
}

impl TryFrom<KeyRow> for KeyRecord {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let place = Place {
            table: TABLE,
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
