//! `[realm.NAME.tokens]`: how a realm's access tokens look.

use super::text::Text;
use super::value::Span;
use doorward_base::Audience;
use doorward_gate::policy::spec::StreamsAtExp;
use doorward_identity::settings::{DefaultScopes, Revocation, TokenTyp};
use doorward_jose::alg::Algorithm;
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How a realm's access tokens look.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// The signature algorithm. Default: "ES256".
    pub algorithm: Option<Text<Algorithm>>,
    /// The `typ` header. Default: "at+jwt".
    pub typ: Word<TokenTyp>,
    /// Their life unless asked otherwise, whole seconds. Default: "15m".
    pub access_ttl: Option<Text<Span>>,
    /// The longest life that can be asked for, whole seconds. Default: "24h".
    pub max_ttl: Option<Text<Span>>,
    /// Their `aud`; the first is the default. Default: the issuer.
    pub audiences: Option<Vec<Text<Audience>>>,
    /// What becomes of access tokens whose credential is revoked. Default: "immediate".
    pub revocation: Word<Revocation>,
    /// What becomes of what a token opened and goes on (a WebSocket, an event stream, a long
    /// answer) when the token expires. Default: "end".
    pub streams_at_exp: Word<StreamsAtExp>,
    /// Which scopes a token carries when none are asked for. Default: "none".
    pub default_scopes: Word<DefaultScopes>,
    /// The claims template: literals, placeholders such as "{scope}", tables. Default:
    /// { scope = "{scope}", tenant_id = "{tenant}", roles = "{roles}" }.
    pub claims: Option<Map<String, Value>>,
}
