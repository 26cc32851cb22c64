//! Ends the caller's session.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_identity::act;
use doorward_surface::Refusal;
use http::StatusCode;

/// Ends the session the access token belongs to.
#[utoipa::path(
    delete,
    path = "/me/v1/session",
    operation_id = "sign_out",
    tag = "session",
    responses(
        (status = 204, description = "The session has ended"),
        (status = 401, description = "invalid_token: the session was over, or the token is not of a session"),
    ),
)]
pub(crate) async fn sign_out(desk: Desk) -> Result<StatusCode, Refusal> {
    act::sign_out(desk.context(), &desk.caller)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
