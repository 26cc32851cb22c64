//! Unlinks an identity at another login from the caller.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::IdentityId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Unlinks an identity; the last way in stays. Only a session may.
#[utoipa::path(
    delete,
    path = "/me/v1/identities/{id}",
    operation_id = "unlink_own_identity",
    tag = "me",
    params(("id" = String, Path, description = "The identity's id")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "invalid_request: it is the last way in"),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: the token is not of a session"),
        (status = 404, description = "not_found: unknown, or somebody else's"),
    ),
)]
pub(crate) async fn unlink_own_identity(
    desk: Desk,
    PathKey(id): PathKey<IdentityId>,
) -> Result<StatusCode, Refusal> {
    act::unlink_identity(desk.context(), &desk.caller, desk.subject, id)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
