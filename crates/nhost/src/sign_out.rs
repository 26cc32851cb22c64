//! Ends sessions.

use crate::desk::{Body, Visit};
use crate::refuse::{invalid, refuse};
use crate::wire::OK;
use doorward_base::Secret;
use doorward_identity::act::{self, Failure};
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// What ends. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignOutRequest {
    /// The refresh token of the session that ends.
    refresh_token: Option<String>,
    /// Whether every session of the caller ends, for whom this needs an access token.
    all: Option<bool>,
}

/// Ends the session of a refresh token, or every session of the caller. One that is not known
/// has ended already. Personal access tokens stay.
#[utoipa::path(
    post,
    path = "/v1/signout",
    operation_id = "sign_out",
    tag = "session",
    request_body = SignOutRequest,
    responses(
        (status = 200, description = "It has ended", body = String),
        (status = 400, description = "invalid-request"),
        (status = 401, description = "unauthorized"),
        (status = 403, description = "elevated-claim-required: a session that a token began ends no others"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn sign_out(
    visit: Visit,
    AnyJson(body): Body<SignOutRequest>,
) -> Result<Json<&'static str>, Refusal> {
    if body.all == Some(true) {
        if visit.principal().is_none() {
            return Err(invalid("all sessions end for who sends an access token"));
        }
        let (caller, _) = visit.caller()?;
        act::end_other_sessions(visit.context(), &caller)
            .await
            .map_err(refuse)?;
        act::sign_out(visit.context(), &caller)
            .await
            .map_err(refuse)?;
        return Ok(Json(OK));
    }
    if let Some(token) = body.refresh_token {
        let ended = act::sign_out_by_refresh_token(visit.context(), &Secret::new(token)).await;
        return match ended {
            Ok(()) | Err(Failure::Refused(_)) => Ok(Json(OK)),
            Err(failure) => Err(refuse(failure)),
        };
    }
    Err(invalid("`refreshToken` is missing"))
}
