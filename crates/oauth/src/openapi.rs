//! The surface's OpenAPI description, with the paths and names of a default exchange.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward: OAuth",
        description = "Exchange of API tokens, key set and metadata of a realm. The path and the member names of the exchange are a realm's settings; these are the defaults."
    ),
    paths(
        crate::exchange::exchange_token,
        crate::jwks::show_jwks,
        crate::discovery::show_metadata,
    )
)]
struct Description;

/// The OpenAPI description.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
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
                "/api/auth/access-tokens/jwt",
            ]
        );
    }
}
