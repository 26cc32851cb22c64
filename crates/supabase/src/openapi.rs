//! The surface's endpoints, each with its OpenAPI operation, and the description they make,
//! with the paths of a default mount.

use crate::{log_out, show_health, show_settings, show_user, sign_up, token, update_user};
use doorward_identity::act::Identity;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// The handlers of one path.
pub(crate) type Methods = axum::routing::MethodRouter<Arc<Identity>>;

/// Sign-up, token, logout, user, health and settings.
pub(crate) fn endpoints() -> [UtoipaMethodRouter<Arc<Identity>>; 6] {
    [
        routes!(sign_up::sign_up),
        routes!(token::grant_token),
        routes!(log_out::log_out),
        routes!(show_user::show_user, update_user::update_user),
        routes!(show_health::show_health),
        routes!(show_settings::show_settings),
    ]
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Doorward: Supabase Auth",
    description = "Sign-up and sessions as Supabase Auth's clients expect them, below the path that a realm configures; this is the default. What else the product has answers as it does where a feature is off."
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
        let mount = crate::settings::Supabase::default().mount;
        let paths: Vec<String> = openapi().paths.paths.into_keys().collect();
        let expected = ["health", "logout", "settings", "signup", "token", "user"];
        assert_eq!(paths, expected.map(|name| format!("{mount}/{name}")));
    }
}
