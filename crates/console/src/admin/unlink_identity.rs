//! Unlinks an identity at another login from a user.

use crate::desk::Desk;
use crate::errors::refuse;
use axum::extract::Path;
use doorward_base::{ErrorCode, IdentityId, SubjectId};
use doorward_identity::act;
use doorward_surface::Refusal;
use http::StatusCode;

/// Unlinks an identity; the last way in stays. Needs `platform.users.edit` realm-wide.
#[utoipa::path(
    delete,
    path = "/admin/v1/users/{id}/identities/{identity}",
    operation_id = "unlink_identity",
    tag = "users",
    params(
        ("id" = String, Path, description = "The subject's id"),
        ("identity" = String, Path, description = "The identity's id"),
    ),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "invalid_request: it is the last way in"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found"),
    ),
)]
pub(crate) async fn unlink_identity(
    desk: Desk,
    Path((id, identity)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let not_there = || Refusal::new(ErrorCode::NotFound);
    let id: SubjectId = id.parse().map_err(|_| not_there())?;
    let identity: IdentityId = identity.parse().map_err(|_| not_there())?;
    act::unlink_identity(desk.context(), &desk.caller, id, identity)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
