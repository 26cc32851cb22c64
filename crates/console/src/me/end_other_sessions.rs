//! Ends the caller's sessions but the one it came by.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_identity::act;
use doorward_surface::Refusal;
use http::StatusCode;

/// Ends every other session of the caller.
#[utoipa::path(
    delete,
    path = "/me/v1/sessions",
    operation_id = "end_other_sessions",
    tag = "session",
    responses(
        (status = 204, description = "They have ended"),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: not from a sign-in"),
    ),
)]
pub(crate) async fn end_other_sessions(desk: Desk) -> Result<StatusCode, Refusal> {
    act::end_other_sessions(desk.context(), &desk.caller)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
