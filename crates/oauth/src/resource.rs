//! What the realm tells about itself as an API: whose access tokens it takes, and which scopes
//! its routes ask for (RFC 9728). Not here: what it tells as an issuer (`discovery`).

use crate::discovery::{public_cache, split};
use crate::parts::OAuthRealm;
use axum::response::{IntoResponse, Response};
use doorward_base::ErrorCode;
use doorward_surface::Refusal;
use doorward_surface::extract::RealmPart;
use doorward_surface::setting::is_literal;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// What a realm takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// The issuers whose tokens it takes.
    pub issuers: BTreeSet<String>,
    /// The scopes that its routes ask for.
    pub scopes: BTreeSet<String>,
}

/// The metadata document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct ResourceMetadata {
    /// The API: the realm's address.
    pub(crate) resource: String,
    /// The issuers whose tokens are taken.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) authorization_servers: BTreeSet<String>,
    /// Scopes that routes ask for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) scopes_supported: BTreeSet<String>,
    /// How a token is sent.
    pub(crate) bearer_methods_supported: [&'static str; 1],
}

impl ResourceMetadata {
    pub(crate) fn new(issuer: &str, resource: Resource) -> Self {
        Self {
            resource: issuer.to_owned(),
            authorization_servers: resource.issuers,
            scopes_supported: resource.scopes,
            bearer_methods_supported: ["header"],
        }
    }
}

/// Where clients look for the metadata of the API at this address: inserted before its path
/// (RFC 9728 §3.1). One whose path is not literal has it at the root.
#[must_use]
pub fn path(issuer: &str) -> String {
    let (_, path) = split(issuer);
    let path = if is_literal(path) { path } else { "" };
    format!("{PROTECTED_RESOURCE}{path}")
}

/// The same as a whole address.
#[must_use]
pub fn url(issuer: &str) -> String {
    format!("{}{}", split(issuer).0, path(issuer))
}

/// Whose tokens the realm takes, and for which scopes.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-protected-resource",
    operation_id = "show_resource",
    tag = "discovery",
    responses((status = 200, description = "The API's metadata", body = ResourceMetadata)),
)]
pub(crate) async fn show_resource(RealmPart(realm): RealmPart<Arc<OAuthRealm>>) -> Response {
    let Some(metadata) = &realm.resource else {
        return Refusal::new(ErrorCode::NotFound).into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, public_cache()),
    ];
    (headers, metadata.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_lies_before_the_path_and_says_the_address_byte_for_byte() {
        for (issuer, expected) in [
            (
                "https://a.example",
                "https://a.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://a.example:8443/api/v1",
                "https://a.example:8443/.well-known/oauth-protected-resource/api/v1",
            ),
        ] {
            assert_eq!(url(issuer), expected);
        }
        let resource = Resource {
            issuers: BTreeSet::from(["https://id.example/".to_owned()]),
            scopes: BTreeSet::from(["write:x".to_owned(), "read:x".to_owned()]),
        };
        let metadata = ResourceMetadata::new("https://a.example/", resource);
        assert_eq!(
            serde_json::to_value(metadata).unwrap(),
            json!({
                "resource": "https://a.example/",
                "authorization_servers": ["https://id.example/"],
                "scopes_supported": ["read:x", "write:x"],
                "bearer_methods_supported": ["header"],
            })
        );
    }
}
