//! Whose access tokens a realm accepts, as configuration states it. Not here: the rest of a
//! realm (`spec`), and verifying (`stage::verify`).

use doorward_base::claims::{ClaimPath, Field};
use doorward_base::{Audience, Secret, TenantId};
use doorward_jose::alg::Algorithm;
use http::Uri;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// An issuer of access tokens.
#[derive(Clone, Debug)]
pub struct IssuerSpec {
    /// `iss`, byte for byte.
    pub issuer: Arc<str>,
    /// Any of these must be in `aud`. Empty only where `require` says something.
    pub audiences: Vec<Audience>,
    /// What its claims must say besides: all of these.
    pub require: Vec<ClaimRule>,
    /// The algorithms accepted.
    pub algorithms: Vec<Algorithm>,
    /// The `typ` values accepted; an empty text stands for a token without `typ`.
    pub typ: Vec<String>,
    /// Clock difference allowed.
    pub leeway: Duration,
    /// The longest life (`exp - iat`) accepted; `None` is any.
    pub max_lifetime: Option<Duration>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Where it is asked about bearers that nobody else can read, if it is.
    pub introspection: Option<IntrospectionSpec>,
    /// Where its claims carry what the gate needs.
    pub claims: ClaimMap,
    /// The one tenant of all its subjects; its claims then say none.
    pub tenant: Option<TenantId>,
    /// The issuer whose subjects these are, where it has two names: `sub` means the same
    /// there. `None` where they are its own.
    pub subjects_of: Option<Arc<str>>,
    /// Whether its subjects may be somebody here, so that each is asked for.
    pub is_recognised: bool,
}

/// A claim that must say one of these.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimRule {
    /// Which.
    pub path: ClaimPath,
    /// What it may be; of a list, what one of its elements may be.
    pub values: Vec<Value>,
}

impl ClaimRule {
    /// Whether these claims say it. A claim that is missing says nothing.
    #[must_use]
    pub fn holds(&self, claims: &Map<String, Value>) -> bool {
        let is_one = |value: &Value| self.values.contains(value);
        match self.path.find(claims) {
            None => false,
            Some(Value::Array(list)) => list.iter().any(is_one),
            Some(value) => is_one(value),
        }
    }
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// This realm's own keys.
    Own,
    /// What its key set's URL, or its discovery, leads to.
    Remote(RemoteSource),
    /// Keys given in the configuration, as a JWK set.
    Static(Value),
    /// Nowhere: it issues no JWTs, and is asked about its tokens.
    Nowhere,
}

/// What is fetched to have an issuer's keys.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum RemoteSource {
    /// A JWK set behind this URL.
    Jwks(Uri),
    /// Its metadata, which says where the set is (OpenID Connect Discovery 1.0 §4, RFC 8414).
    Discovery {
        /// Where the metadata is.
        url: Uri,
        /// Whose it must be (RFC 8414 §3.3).
        issuer: Arc<str>,
    },
}

impl RemoteSource {
    /// Where the first request goes.
    #[must_use]
    pub const fn url(&self) -> &Uri {
        match self {
            Self::Jwks(url) | Self::Discovery { url, .. } => url,
        }
    }
}

/// Where an issuer is asked about its opaque tokens (RFC 7662), and as whom.
#[derive(Clone, Debug)]
pub struct IntrospectionSpec {
    /// Its introspection endpoint.
    pub url: Uri,
    /// Our client there.
    pub client_id: String,
    /// And its secret.
    pub client_secret: Secret,
    /// How long its word is believed: a token that it ended meanwhile is accepted for as long.
    pub cache: Duration,
}

/// Where an issuer's claims carry what the gate needs. A missing path reads nothing.
#[derive(Clone, Debug, Default)]
pub struct ClaimMap {
    /// Scopes, of all of these together: text separated by single spaces, or an array.
    pub scopes: Vec<ClaimPath>,
    /// Permissions: an array.
    pub permissions: Option<ClaimPath>,
    /// Roles that may be selected: an array.
    pub roles: Option<ClaimPath>,
    /// The default role: text.
    pub role: Option<ClaimPath>,
    /// The tenant: text.
    pub tenant: Option<ClaimPath>,
    /// Where else the role, the roles and the tenant are told.
    pub also: Vec<(Field, ClaimPath)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_is_met_by_one_of_its_values_and_by_nothing_that_is_like_it() {
        let rule = ClaimRule {
            path: "realm_access.groups".parse().unwrap(),
            values: vec![json!("staff"), json!(7)],
        };
        for (claims, holds) in [
            (json!({"realm_access": {"groups": "staff"}}), true),
            (json!({"realm_access": {"groups": ["x", "staff"]}}), true),
            (json!({"realm_access": {"groups": 7}}), true),
            (json!({"realm_access": {"groups": "7"}}), false),
            (json!({"realm_access": {"groups": "Staff"}}), false),
            (json!({"realm_access": {"groups": ["x"]}}), false),
            (json!({"realm_access": {"groups": [["staff"]]}}), false),
            (json!({"realm_access": {"groups": null}}), false),
            (json!({"groups": "staff"}), false),
            (json!({}), false),
        ] {
            assert_eq!(rule.holds(claims.as_object().unwrap()), holds, "{claims}");
        }
    }
}
