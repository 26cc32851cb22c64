//! `[realm.NAME.api_tokens.CLASS]`: a class of API tokens.

use super::text::Text;
use super::value::Span;
use doorward_base::token_format::TokenBody;
use doorward_base::{Environment, Permission};
use doorward_identity::model::TokenKind;
use doorward_identity::settings::Presentation;
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// A class of API tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTokens {
    /// The kinds it holds: "personal", "service", "key". A kind belongs to one class.
    pub kinds: Vec<Text<TokenKind>>,
    /// What its tokens begin with, for example "acme_pat_". Required unless the format
    /// is "uuid".
    #[serde(default)]
    pub prefix: String,
    /// What follows the prefix. Default: "checked".
    #[serde(default)]
    pub format: Word<TokenBody>,
    /// Environments, of which every token names one. Default: none.
    #[serde(default)]
    pub environments: Vec<Text<Environment>>,
    /// How many an owner may have active that are bound to the same tenant, or to none.
    /// Default: 100.
    #[serde(default)]
    pub max_active: Option<u32>,
    /// How many may be made or regenerated for an owner in an hour, revoked ones included;
    /// operators are not held back. Default: 100.
    #[serde(default)]
    pub max_hourly: Option<u32>,
    /// Whether whoever creates one chooses when it expires. Default: "optional".
    #[serde(default)]
    pub expiry: Expiry,
    /// With expiry = "policy": the life of every token; with expiry_max, of those for which
    /// none is asked.
    #[serde(default)]
    pub expiry_ttl: Option<Text<Span>>,
    /// The longest life that can be asked for. With expiry = "policy" and without it none can.
    #[serde(default)]
    pub expiry_max: Option<Text<Span>>,
    /// How its tokens may be presented. Default: ["exchange"].
    #[serde(default)]
    pub presentations: Option<Vec<Text<Presentation>>>,
    /// Whether regenerating keeps the expiry of the old token. Default: true.
    #[serde(default)]
    pub regenerate_keeps_expiry: Option<bool>,
    /// How long a regenerated token goes on working. Default: "0s".
    #[serde(default)]
    pub grace: Option<Text<Span>>,
    /// The permission that creating one for another subject takes. Default: none, so
    /// that only operators may.
    #[serde(default)]
    pub create_permission: Option<Text<Permission>>,
}

/// Whether whoever creates a token chooses when it expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expiry {
    /// They may.
    #[default]
    Optional,
    /// They must.
    Required,
    /// The class does; nobody chooses, or up to expiry_max.
    Policy,
}
