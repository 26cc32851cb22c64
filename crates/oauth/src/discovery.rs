//! What the realm tells about itself as an issuer (RFC 8414, OpenID Connect Discovery
//! 1.0). Only what is served is listed, and empty lists are left out (RFC 8414 §3.2).
//! Not here: the keys (`jwks`).

use crate::parts::OAuthRealm;
use axum::response::{IntoResponse, Response};
use doorward_base::Permission;
use doorward_identity::act::keys::JWKS_MAX_AGE;
use doorward_identity::decide::manage::ManagementPermission;
use doorward_surface::extract::RealmPart;
use doorward_surface::setting::is_literal;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The path of the key set, at the root of the realm's hosts.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
const OPENID: &str = "/.well-known/openid-configuration";
const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// The metadata document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Metadata {
    /// The issuer, byte for byte as in `iss`.
    pub(crate) issuer: String,
    /// Where the keys are.
    pub(crate) jwks_uri: String,
    /// Scopes that may be asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes_supported: Vec<String>,
}

/// How long anyone may keep the key set and the metadata: as long as a new key is
/// published before it is used.
pub(crate) fn public_cache() -> HeaderValue {
    let text = format!("public, max-age={}", JWKS_MAX_AGE.as_secs());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-store"))
}

/// An issuer's parts: its origin and its path without a slash at the end.
pub(crate) fn split(issuer: &str) -> (&str, &str) {
    let after_scheme = issuer.find("://").map_or(0, |at| at + 3);
    let at = issuer
        .get(after_scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(issuer.len(), |at| at + after_scheme);
    let (origin, path) = issuer.split_at_checked(at).unwrap_or((issuer, ""));
    (origin, path.trim_end_matches('/'))
}

/// Where clients look for the metadata of this issuer: OpenID Connect Discovery 1.0 §4
/// appends to the issuer, RFC 8414 §3.1 inserts before its path. An issuer whose path is
/// not literal has them at the root.
#[must_use]
pub fn paths(issuer: &str) -> [String; 2] {
    let (_, path) = split(issuer);
    let path = if is_literal(path) { path } else { "" };
    [
        format!("{path}{OPENID}"),
        format!("{AUTHORIZATION_SERVER}{path}"),
    ]
}

impl Metadata {
    /// The metadata of an issuer whose roles have these permissions. Those by which
    /// Doorward itself is managed are no scopes of the realm's APIs, and are not told to
    /// everybody.
    pub(crate) fn new<'a>(
        issuer: &str,
        permissions: impl IntoIterator<Item = &'a Permission>,
    ) -> Self {
        let scopes: BTreeSet<&str> = permissions
            .into_iter()
            .map(Permission::as_str)
            .filter(|name| {
                !ManagementPermission::ALL
                    .iter()
                    .any(|own| own.as_str() == *name)
            })
            .collect();
        Self {
            issuer: issuer.to_owned(),
            jwks_uri: format!("{}{JWKS_PATH}", split(issuer).0),
            scopes_supported: scopes.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// The realm's metadata; the same document at both well-known places.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    operation_id = "show_metadata",
    tag = "discovery",
    responses((status = 200, description = "The realm's metadata", body = Metadata)),
)]
pub(crate) async fn show_metadata(RealmPart(realm): RealmPart<Arc<OAuthRealm>>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, public_cache()),
    ];
    (headers, realm.metadata.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_lies_where_each_standard_looks_for_it() {
        for (issuer, openid, server, jwks) in [
            (
                "http://127.0.0.1:8080",
                "/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server",
                "http://127.0.0.1:8080/.well-known/jwks.json",
            ),
            (
                "https://a.example/",
                "/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/jwks.json",
            ),
            (
                "https://a.example/auth/v1",
                "/auth/v1/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server/auth/v1",
                "https://a.example/.well-known/jwks.json",
            ),
            (
                "https://a.example/{realm}/*x",
                "/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/jwks.json",
            ),
        ] {
            assert_eq!(paths(issuer), [openid.to_owned(), server.to_owned()]);
            assert_eq!(Metadata::new(issuer, []).jwks_uri, jwks);
        }
    }

    #[test]
    fn the_issuer_is_kept_byte_for_byte_and_empty_lists_are_left_out() {
        let metadata = serde_json::to_value(Metadata::new("https://a.example/", [])).unwrap();
        assert_eq!(
            metadata,
            json!({
                "issuer": "https://a.example/",
                "jwks_uri": "https://a.example/.well-known/jwks.json",
            })
        );
        let permissions = ["write:x", "read:x", "write:x"].map(|p| Permission::new(p).unwrap());
        assert_eq!(
            Metadata::new("https://a", &permissions).scopes_supported,
            ["read:x", "write:x"]
        );
    }

    #[test]
    fn what_manages_doorward_is_no_scope_that_everybody_is_told_of() {
        let managing = ManagementPermission::ALL.iter().map(|one| one.as_str());
        let permissions: Vec<Permission> = managing
            .chain(["read:x", "platform.reports.read"])
            .map(|name| Permission::new(name).unwrap())
            .collect();
        assert_eq!(
            Metadata::new("https://a", &permissions).scopes_supported,
            ["platform.reports.read", "read:x"]
        );
    }
}
