//! `[[realm.NAME.issuers]]`: a login that is not ours, whose access tokens are accepted.

use super::text::Text;
use super::value::{SecretRef, Span, Url};
use doorward_base::Audience;
use doorward_base::claims::ClaimPath;
use doorward_identity::settings::Provision;
use doorward_jose::alg::Algorithm;
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// An external issuer whose access tokens are accepted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its `iss`, byte for byte.
    pub issuer: String,
    /// Any of these must be in `aud`.
    pub audiences: Vec<Text<Audience>>,
    /// The algorithms accepted.
    pub algorithms: Vec<Text<Algorithm>>,
    /// Where its keys are published. Either this or `keys`.
    #[serde(default)]
    pub jwks_url: Option<Text<Url>>,
    /// A JWK set, as JSON, in a file or an environment variable. Either this or
    /// `jwks_url`.
    #[serde(default)]
    pub keys: Option<Text<SecretRef>>,
    /// The `typ` headers accepted. Default: ["JWT", "at+jwt"].
    #[serde(default)]
    pub typ: Option<Vec<String>>,
    /// How far its clock may be off. Default: "30s".
    #[serde(default)]
    pub leeway: Option<Text<Span>>,
    /// What becomes of a subject of this issuer that was never seen: "never" (it owns
    /// nothing here) or "first_sight" (it is made, with the default roles). Default:
    /// "never".
    #[serde(default)]
    pub provision: Word<Provision>,
    /// Where its claims carry authority. Default: { scope = "scope" }.
    #[serde(default)]
    pub claims: Option<Claims>,
}

/// Where an issuer's claims carry authority. What is not named is not read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    /// Scopes: text separated by spaces, or a list.
    pub scope: Option<Text<ClaimPath>>,
    /// Permissions: a list.
    pub permissions: Option<Text<ClaimPath>>,
    /// Roles that may be selected: a list.
    pub roles: Option<Text<ClaimPath>>,
    /// The default role: text.
    pub role: Option<Text<ClaimPath>>,
    /// The tenant: text.
    pub tenant: Option<Text<ClaimPath>>,
}
