//! `[realm.NAME.basic]`: HTTP Basic with an API token as the password, switched on by
//! module.

use super::text::Text;
use super::value::Span;
use doorward_base::Scope;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// HTTP Basic with an API token as the password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user name, byte for byte.
    pub username: String,
    /// How long the JWT that upstreams see instead lives. Default: "5m".
    #[serde(default)]
    pub ttl: Option<Text<Span>>,
    /// Modules by name. A route names the module it belongs to.
    #[serde(default)]
    pub modules: BTreeMap<String, Module>,
}

/// A group of routes for which Basic is switched on or off.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Module {
    /// Whether its routes accept Basic. Default: false.
    pub enabled: bool,
    /// The scopes its JWTs carry, as far as the owner has them. Default: none.
    pub scopes: Vec<Text<Scope>>,
}
