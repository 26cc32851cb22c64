//! `[[realm.NAME.issuers]]`: a login that is not ours, whose access tokens are accepted.

use super::text::{Text, Texts};
use super::value::{SecretRef, Span, Url};
use doorward_base::claims::ClaimPath;
use doorward_base::{Audience, TenantId};
use doorward_identity::settings::Provision;
use doorward_jose::alg::Algorithm;
use doorward_surface::setting::Word;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An external issuer whose access tokens are accepted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its `iss`, byte for byte.
    pub issuer: String,
    /// Any of these must be in `aud`. May be left out only beside `require`.
    #[serde(default)]
    pub audiences: Vec<Text<Audience>>,
    /// What its claims must say besides, each by its path: a value, or a list of which one is
    /// enough. Of a claim that is a list one element is enough. Default: nothing.
    #[serde(default)]
    pub require: BTreeMap<String, Accepted>,
    /// The algorithms accepted.
    #[serde(default)]
    pub algorithms: Vec<Text<Algorithm>>,
    /// Where its keys are published. Either this, `discovery_url` or `keys`.
    #[serde(default)]
    pub jwks_url: Option<Text<Url>>,
    /// Where its metadata is, which says where its keys are published, for example
    /// "https://id.example/.well-known/openid-configuration".
    #[serde(default)]
    pub discovery_url: Option<Text<Url>>,
    /// A JWK set, as JSON, in a file or an environment variable.
    #[serde(default)]
    pub keys: Option<Text<SecretRef>>,
    /// Asks the issuer about bearers that are no JWTs. One issuer of a realm can be asked.
    /// Default: such bearers are refused.
    #[serde(default)]
    pub introspection: Option<Introspection>,
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
    /// The tenant that all its subjects act in, whatever their claims say. Default: none.
    #[serde(default)]
    pub tenant: Option<Text<TenantId>>,
    /// Another issuer of this realm that this is a second name of, such as a domain of one's
    /// own: the same `sub` is the same subject. Its claims, tenant and provision hold here
    /// too. Default: its subjects are its own.
    #[serde(default)]
    pub subjects_of: Option<String>,
}

/// Where an issuer's claims carry authority. What is not named is not read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    /// Scopes: text separated by spaces, or a list. Of several claims all are taken together.
    pub scope: Option<Texts<ClaimPath>>,
    /// Permissions: a list.
    pub permissions: Option<Text<ClaimPath>>,
    /// Roles that may be selected: a list.
    pub roles: Option<Text<ClaimPath>>,
    /// The default role: text.
    pub role: Option<Text<ClaimPath>>,
    /// The tenant: text.
    pub tenant: Option<Text<ClaimPath>>,
}

/// Where an issuer is asked about its opaque tokens (RFC 7662).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// Its introspection endpoint.
    pub url: Text<Url>,
    /// The client that asks.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Text<SecretRef>,
    /// How long an answer is believed: a token that was ended is accepted for as long. "0s"
    /// asks each time. Default: "30s".
    #[serde(default)]
    pub cache: Option<Text<Span>>,
}

/// What a claim may say.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text, a whole number, true or false, or a list of such"
)]
pub enum Accepted {
    /// This.
    One(Plain),
    /// One of these.
    Several(Vec<Plain>),
}

/// A plain value of a claim.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Plain {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

impl Accepted {
    /// Every value.
    pub(super) fn values(&self) -> &[Plain] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

impl From<&Plain> for serde_json::Value {
    fn from(plain: &Plain) -> Self {
        match plain {
            Plain::Bool(truth) => (*truth).into(),
            Plain::Int(number) => (*number).into(),
            Plain::Text(text) => text.as_str().into(),
        }
    }
}
