//! `[realm.NAME.exchange]`: where API tokens are exchanged for access tokens, and what
//! the members of the body are called.

use schemars::JsonSchema;
use serde::Deserialize;

/// How API tokens are exchanged for access tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// The path. Default: "/oauth/exchange".
    pub path: String,
    /// The member that carries the API token. Default: "access_token".
    pub token_field: String,
    /// The member that asks for a life, in seconds. Default: "duration_seconds".
    pub duration_field: String,
    /// The member that asks for scopes. Default: "scope".
    pub scope_field: String,
    /// The member of the answer that carries the JWT. Default: "jwt".
    pub answer_field: String,
    /// What becomes of a requested scope outside the caller's authority. Default:
    /// "refuse".
    pub unknown_scope: UnknownScope,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            path: "/oauth/exchange".to_owned(),
            token_field: "access_token".to_owned(),
            duration_field: "duration_seconds".to_owned(),
            scope_field: "scope".to_owned(),
            answer_field: "jwt".to_owned(),
            unknown_scope: UnknownScope::Refuse,
        }
    }
}

/// What becomes of a requested scope outside the caller's authority.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownScope {
    /// The exchange is refused with `invalid_scope`.
    Refuse,
    /// It is left out.
    Narrow,
}
