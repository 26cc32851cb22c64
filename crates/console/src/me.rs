//! `/me/v1`: every subject about itself, and the sign-in that gives a user a session.
//! Not here: managing others (`admin`).

mod accept_invitation;
mod accept_own_invitation;
mod create_token;
mod delete_me;
mod end_other_sessions;
mod end_session;
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
mod unlink_identity;

use crate::desk::Shared;
use axum::Router;
use axum::routing::{delete, get, post, put};
use doorward_identity::act::Identity;
use std::sync::Arc;
use utoipa::OpenApi;

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
        Router::new()
            .route(crate::SIGN_IN_PATH, post(sign_in::sign_in))
            .route(crate::REFRESH_PATH, post(refresh_session::refresh_session))
            .route(
                crate::ACCEPT_PATH,
                post(accept_invitation::accept_invitation),
            )
            .with_state(Shared {
                identity: self.identity,
            })
    }
}

impl MeParts {
    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/me/v1", get(show_me::show_me))
            .route("/me/v1/delete", post(delete_me::delete_me))
            .route(
                "/me/v1/identities/{id}",
                delete(unlink_identity::unlink_own_identity),
            )
            .route(
                "/me/v1/invitations",
                get(list_invitations::list_own_invitations),
            )
            .route(
                "/me/v1/invitations/{id}/accept",
                post(accept_own_invitation::accept_own_invitation),
            )
            .route(crate::SIGN_OUT_PATH, delete(sign_out::sign_out))
            .route(
                "/me/v1/sessions",
                get(list_sessions::list_own_sessions)
                    .delete(end_other_sessions::end_other_sessions),
            )
            .route("/me/v1/sessions/{id}", delete(end_session::end_own_session))
            .route("/me/v1/password", put(set_password::set_password))
            .route(
                "/me/v1/tokens",
                get(list_tokens::list_own_tokens).post(create_token::create_own_token),
            )
            .route("/me/v1/tokens/{id}", delete(revoke_token::revoke_own_token))
            .route(
                "/me/v1/tokens/{id}/regenerate",
                post(regenerate_token::regenerate_own_token),
            )
            .with_state(Shared {
                identity: self.identity,
            })
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward: self-service API",
        description = "Every subject about itself: its session, its password, its personal tokens. Refusals have a stable code in the body form of the mount."
    ),
    paths(
        accept_invitation::accept_invitation,
        sign_in::sign_in,
        refresh_session::refresh_session,
        sign_out::sign_out,
        list_sessions::list_own_sessions,
        end_session::end_own_session,
        end_other_sessions::end_other_sessions,
        show_me::show_me,
        delete_me::delete_me,
        list_invitations::list_own_invitations,
        accept_own_invitation::accept_own_invitation,
        unlink_identity::unlink_own_identity,
        set_password::set_password,
        list_tokens::list_own_tokens,
        create_token::create_own_token,
        regenerate_token::regenerate_own_token,
        revoke_token::revoke_own_token,
    )
)]
struct Description;

/// The OpenAPI description of `/me/v1`.
#[must_use]
pub fn me_openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
