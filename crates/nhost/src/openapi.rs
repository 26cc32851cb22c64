//! The surface's endpoints, each with its OpenAPI operation, and the description they make,
//! with the paths of the first prefix.

use crate::{
    check_token, create_pat, refresh, set_password, show_meta, show_user, sign_in, sign_in_pat,
    sign_out, sign_up, webhook,
};
use doorward_identity::act::Identity;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// The handlers of one path.
pub(crate) type Methods = axum::routing::MethodRouter<Arc<Identity>>;

/// The endpoints, in the order of [`crate::parts::NhostTargets`].
pub(crate) fn endpoints() -> [UtoipaMethodRouter<Arc<Identity>>; 12] {
    [
        routes!(sign_up::sign_up_email_password),
        routes!(sign_in::sign_in_email_password),
        routes!(sign_in_pat::sign_in_pat),
        routes!(refresh::refresh_token),
        routes!(check_token::verify_token),
        routes!(sign_out::sign_out),
        routes!(show_user::show_user),
        routes!(set_password::set_password),
        routes!(create_pat::create_pat),
        routes!(show_meta::show_health),
        routes!(show_meta::show_version),
        routes!(
            webhook::show_session_variables,
            webhook::look_up_session_variables
        ),
    ]
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Doorward: Nhost Auth",
    description = "Sign-up, sessions and personal access tokens as Nhost Auth's clients expect them, below `/v1` and without it. What else the product has answers as it does where a feature is off."
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
        let expected = [
            "hasura/webhook",
            "healthz",
            "pat",
            "signin/email-password",
            "signin/pat",
            "signout",
            "signup/email-password",
            "token",
            "token/verify",
            "user",
            "user/password",
            "version",
        ];
        assert_eq!(paths, expected.map(|name| format!("/v1/{name}")));
    }
}
