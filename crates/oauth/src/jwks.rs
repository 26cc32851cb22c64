//! The realm's public keys (RFC 7517 §5): those of its access tokens and those of the
//! JWTs that upstreams see. Symmetric keys are never among them.

use crate::discovery::public_cache;
use axum::response::{IntoResponse, Response};
use doorward_identity::act::Realm;
use doorward_surface::extract::RealmPart;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::sync::Arc;

/// A JWK set.
#[derive(utoipa::ToSchema)]
#[schema(as = JwkSet)]
#[expect(dead_code, reason = "describes the answer, which `jose` writes")]
struct SetSchema {
    /// Public keys, with `kid`, `alg` and `use`.
    keys: Vec<serde_json::Value>,
}

/// The realm's public keys.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "show_jwks",
    tag = "discovery",
    responses((status = 200, description = "The key set", body = SetSchema)),
)]
pub(crate) async fn show_jwks(RealmPart(realm): RealmPart<Arc<Realm>>) -> Response {
    // What issuers send in practice; RFC 7517 §8.5.1 registers a type that some clients
    // do not take for JSON.
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, public_cache()),
    ];
    let keyring = realm.keyring();
    (headers, keyring.jwks().to_string()).into_response()
}
