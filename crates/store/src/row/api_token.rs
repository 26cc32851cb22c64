//! API tokens.

use super::{Columns, Cursor, Record, Target, Value, ceiling};
use doorward_base::{ApiTokenId, Timestamp};
use doorward_identity::model::{ApiToken, NewApiToken, TokenState};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "api_token";

/// A token and the digest key its digest was made with.
pub(crate) type Keyed = (ApiToken, String);

/// What is written.
pub(crate) const fn target(id: &ApiTokenId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the API token",
    }
}

/// Several that are written at once.
pub(crate) const SEVERAL: Target<'static> = Target {
    table: TABLE,
    row: &"several tokens",
    unique: "the API token",
};

/// The columns `state` and `state_at`.
pub(crate) const fn state(state: TokenState) -> (&'static str, Option<Timestamp>) {
    match state {
        TokenState::Active => ("active", None),
        TokenState::Retiring { until } => ("retiring", Some(until)),
        TokenState::Revoked { at } => ("revoked", Some(at)),
    }
}

/// Reads the columns `state` and `state_at`.
pub(crate) fn read_state(row: &mut Cursor<'_, impl Columns>) -> Result<TokenState, StoreError> {
    match (row.text("state")?, row.opt_time("state_at")?) {
        ("active", None) => Ok(TokenState::Active),
        ("retiring", Some(until)) => Ok(TokenState::Retiring { until }),
        ("revoked", Some(at)) => Ok(TokenState::Revoked { at }),
        _ => Err(row.bad("state", "unknown, or state_at does not fit it")),
    }
}

impl Record for Keyed {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_, impl Columns>) -> Result<Self, StoreError> {
        let token = ApiToken {
            id: row.id("id")?,
            class: row.parse("class")?,
            kind: row.parse("kind")?,
            owner: row.id("owner")?,
            ceiling: ceiling::read(row)?,
            name: row.opt_text("name")?.map(str::to_owned),
            state: read_state(row)?,
            created_at: row.time("created_at")?,
            created_by: row.opt_id("created_by")?,
            expires_at: row.opt_time("expires_at")?,
            last_used_at: row.opt_time("last_used_at")?,
            replaces: row.opt_id("replaces")?,
        };
        Ok((token, row.text("digest_key")?.to_owned()))
    }
}

/// The columns as they are read, with the digest after the digest key.
pub(crate) fn values(new: &NewApiToken) -> [Value<'_>; 19] {
    let token = &new.token;
    let [tenant, roles, permissions, audiences, environment] = ceiling::values(&token.ceiling);
    let (state, state_at) = state(token.state);
    [
        token.id.into(),
        (&token.class).into(),
        token.kind.as_str().into(),
        token.owner.into(),
        tenant,
        roles,
        permissions,
        audiences,
        environment,
        token.name.as_ref().into(),
        state.into(),
        state_at.into(),
        token.created_at.into(),
        token.created_by.into(),
        token.expires_at.into(),
        token.last_used_at.into(),
        token.replaces.into(),
        (&new.digest_key).into(),
        (&new.digest).into(),
    ]
}
