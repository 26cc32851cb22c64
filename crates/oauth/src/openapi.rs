//! The surface's endpoints, each with its OpenAPI operation, and the description they make,
//! with the paths and names of a default exchange.

use crate::{discovery, exchange, jwks, resource};
use doorward_identity::act::Identity;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// The key set, the metadata as an issuer and as an API, and the exchange. Where a realm has them is its own affair.
pub(crate) fn endpoints() -> [UtoipaMethodRouter<Arc<Identity>>; 4] {
    [
        routes!(jwks::show_jwks),
        routes!(discovery::show_metadata),
        routes!(resource::show_resource),
        routes!(exchange::exchange_token),
    ]
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Doorward: OAuth",
    description = "Exchange of API tokens, key set and metadata of a realm. The path and the member names of the exchange are a realm's settings; these are the defaults."
))]
struct Description;

/// The OpenAPI description.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let described = OpenApiRouter::with_openapi(Description::openapi());
    endpoints()
        .into_iter()
        .fold(described, OpenApiRouter::routes)
        .into_openapi()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_lists_the_endpoints() {
        let paths: Vec<String> = openapi().paths.paths.into_keys().collect();
        assert_eq!(
            paths,
            [
                "/.well-known/jwks.json",
                "/.well-known/oauth-authorization-server",
                "/.well-known/oauth-protected-resource",
                crate::settings::Exchange::default().path.as_str(),
            ]
        );
    }
}
