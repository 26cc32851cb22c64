//! `/me/v1`: every subject about itself, and the sign-in that gives a user a session.
//! Not here: managing others (`admin`).

mod accept_invitation;
mod accept_own_invitation;
mod create_token;
mod delete_me;
mod end_other_sessions;
mod end_session;
mod leave_tenant;
mod list_invitations;
mod list_sessions;
mod list_tokens;
mod refresh_session;
mod regenerate_token;
mod revoke_token;
mod set_password;
mod show_me;
mod sign_in;
mod sign_out;
mod switch_tenant;
mod unlink_identity;

use crate::desk::Shared;
use axum::Router;
use doorward_identity::act::Identity;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the sign-in and the taking of invitations need; the realm comes with each
/// request, as its part `Arc<Realm>`. Mounted open, with a limit by address.
pub struct SignInParts {
    /// The process's identity.
    pub identity: Arc<Identity>,
}

/// What `/me/v1` needs, likewise. Mounted for callers with an access token.
pub struct MeParts {
    /// The process's identity.
    pub identity: Arc<Identity>,
}

impl SignInParts {
    /// The routes.
    pub fn router(self) -> Router {
        Router::from(open()).with_state(Shared {
            identity: self.identity,
        })
    }
}

impl MeParts {
    /// The routes.
    pub fn router(self) -> Router {
        Router::from(own()).with_state(Shared {
            identity: self.identity,
        })
    }
}

fn open() -> OpenApiRouter<Shared> {
    described()
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(refresh_session::refresh_session))
        .routes(routes!(accept_invitation::accept_invitation))
}

fn own() -> OpenApiRouter<Shared> {
    described()
        .routes(routes!(show_me::show_me))
        .routes(routes!(delete_me::delete_me))
        .routes(routes!(leave_tenant::leave_tenant))
        .routes(routes!(unlink_identity::unlink_own_identity))
        .routes(routes!(list_invitations::list_own_invitations))
        .routes(routes!(accept_own_invitation::accept_own_invitation))
        .routes(routes!(sign_out::sign_out))
        .routes(routes!(switch_tenant::switch_tenant))
        .routes(routes!(
            list_sessions::list_own_sessions,
            end_other_sessions::end_other_sessions
        ))
        .routes(routes!(end_session::end_own_session))
        .routes(routes!(set_password::set_password))
        .routes(routes!(
            list_tokens::list_own_tokens,
            create_token::create_own_token
        ))
        .routes(routes!(revoke_token::revoke_own_token))
        .routes(routes!(regenerate_token::regenerate_own_token))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Doorward: self-service API",
    description = "Every subject about itself: its session, its password, its personal tokens. Refusals have a stable code in the body form of the mount."
))]
struct Description;

fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Description::openapi())
}

/// The OpenAPI description of `/me/v1`.
#[must_use]
pub fn me_openapi() -> utoipa::openapi::OpenApi {
    open().merge(own()).into_openapi()
}
