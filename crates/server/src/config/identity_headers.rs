//! `[realm.NAME.identity]`: how the caller is told to upstreams.

use super::text::Text;
use doorward_base::claims::ClaimPath;
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the caller is told to upstreams. Whatever a client sends in these headers is
/// removed first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The X-Doorward-* headers. Default: true.
    pub headers: bool,
    /// Further headers, each from a claim of the token.
    pub map: BTreeMap<String, Text<ClaimPath>>,
    /// Whether the caller's access token is passed on. Default: true.
    pub forward_jwt: bool,
    /// Further headers to remove from what clients send.
    pub strip: Vec<Text<HeaderName>>,
    /// Headers that clients may send although their names look like an identity, such as
    /// "X-Goog-Api-Client": nobody behind Doorward may believe them.
    pub pass: Vec<Text<HeaderName>>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            headers: true,
            map: BTreeMap::new(),
            forward_jwt: true,
            strip: Vec::new(),
            pass: Vec::new(),
        }
    }
}
