//! The realm's sealed keys.

use super::{Columns, Cursor, Record, Target, Value};
use doorward_base::Timestamp;
use doorward_identity::model::{KeyPurpose, KeyRecord, KeyState};
use doorward_identity::port::StoreError;
use std::fmt::Display;

/// Their table.
pub(crate) const TABLE: &str = "realm_key";

/// What is written.
pub(crate) const fn target<T: Display + Sync>(kid: &T) -> Target<'_> {
    Target {
        table: TABLE,
        row: kid,
        unique: "the key, or the place of the active key",
    }
}

/// The columns `state` and `until`.
pub(crate) const fn state(state: KeyState) -> (&'static str, Option<Timestamp>) {
    match state {
        KeyState::Next => ("next", None),
        KeyState::Active => ("active", None),
        KeyState::Retiring { until } => ("retiring", Some(until)),
    }
}

fn read_state(row: &mut Cursor<'_, impl Columns>) -> Result<KeyState, StoreError> {
    match (row.text("state")?, row.opt_time("until")?) {
        ("next", None) => Ok(KeyState::Next),
        ("active", None) => Ok(KeyState::Active),
        ("retiring", Some(until)) => Ok(KeyState::Retiring { until }),
        _ => Err(row.bad("state", "unknown, or until does not fit it")),
    }
}

fn read_purpose(row: &mut Cursor<'_, impl Columns>) -> Result<KeyPurpose, StoreError> {
    let text = row.text("purpose")?;
    [KeyPurpose::Access, KeyPurpose::Internal, KeyPurpose::Digest]
        .into_iter()
        .find(|purpose| purpose.as_str() == text)
        .ok_or_else(|| row.bad("purpose", "unknown"))
}

impl Record for KeyRecord {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_, impl Columns>) -> Result<Self, StoreError> {
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
pub(crate) fn values(key: &KeyRecord) -> [Value<'_>; 7] {
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
