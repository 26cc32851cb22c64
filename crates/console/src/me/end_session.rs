//! Ends a session of the caller.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::SessionId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Ends a session. Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/me/v1/sessions/{id}",
    operation_id = "end_own_session",
    tag = "session",
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: not from a sign-in"),
        (status = 404, description = "not_found: unknown, or somebody else's"),
    ),
)]
pub(crate) async fn end_own_session(
    desk: Desk,
    PathKey(id): PathKey<SessionId>,
) -> Result<StatusCode, Refusal> {
    act::end_session(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
