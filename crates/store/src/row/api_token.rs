//! API tokens.

use super::Place;
use super::ceiling::CeilingRow;
use doorward_base::{ApiTokenId, SubjectId, Timestamp};
use doorward_identity::model::{ApiToken, TokenState};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "api_token";

/// A token and the digest key its digest was made with.
pub(crate) type Keyed = (ApiToken, String);

/// The columns `state` and `state_at`.
pub(crate) const fn columns(state: TokenState) -> (&'static str, Option<i64>) {
    match state {
        TokenState::Active => ("active", None),
        TokenState::Retiring { until } => ("retiring", Some(until.as_micros())),
        TokenState::Revoked { at } => ("revoked", Some(at.as_micros())),
    }
}

fn state(place: Place<'_>, state: &str, at: Option<i64>) -> Result<TokenState, StoreError> {
    match (state, at.map(Timestamp::from_micros)) {
        ("active", None) => Ok(TokenState::Active),
        ("retiring", Some(until)) => Ok(TokenState::Retiring { until }),
        ("revoked", Some(at)) => Ok(TokenState::Revoked { at }),
        _ => Err(place.bad("state", "unknown, or state_at does not fit it")),
    }
}

/// A token without its digest.
pub(crate) struct TokenRow {
    pub(crate) id: [u8; 16],
    pub(crate) class: String,
    pub(crate) kind: String,
    pub(crate) owner: [u8; 16],
    pub(crate) ceiling: CeilingRow,
    pub(crate) name: Option<String>,
    pub(crate) state: String,
    pub(crate) state_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) created_by: Option<[u8; 16]>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) digest_key: String,
    pub(crate) replaces: Option<[u8; 16]>,
}

impl TryFrom<TokenRow> for Keyed {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        let id = ApiTokenId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let token = ApiToken {
            id,
            class: place.parse("class", &row.class)?,
            kind: place.parse("kind", &row.kind)?,
            owner: SubjectId::from_bytes(row.owner),
            ceiling: row.ceiling.parse(place)?,
            name: row.name,
            state: state(place, &row.state, row.state_at)?,
            created_at: Timestamp::from_micros(row.created_at),
            created_by: row.created_by.map(SubjectId::from_bytes),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            replaces: row.replaces.map(ApiTokenId::from_bytes),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        };
        Ok((token, row.digest_key))
    }
}

/// A token's state alone.
pub(crate) struct StateRow {
    pub(crate) id: [u8; 16],
    pub(crate) state: String,
    pub(crate) state_at: Option<i64>,
}

impl TryFrom<StateRow> for (ApiTokenId, TokenState) {
    type Error = StoreError;

    fn try_from(row: StateRow) -> Result<Self, StoreError> {
        let id = ApiTokenId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        Ok((id, state(place, &row.state, row.state_at)?))
    }
}

/// A replaced token and when it stops.
pub(crate) struct RetiringRow {
    pub(crate) id: [u8; 16],
    pub(crate) until: i64,
}

impl TryFrom<RetiringRow> for (ApiTokenId, Timestamp) {
    type Error = StoreError;

    fn try_from(row: RetiringRow) -> Result<Self, StoreError> {
        Ok((
            ApiTokenId::from_bytes(row.id),
            Timestamp::from_micros(row.until),
        ))
    }
}
