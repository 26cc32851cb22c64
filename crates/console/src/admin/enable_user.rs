//! Enables a user or service account again.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::SubjectId;
use doorward_identity::act::{self, StatusChange};
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Enables a subject again. Doing it again changes nothing. Needs `platform.users.edit`, for a service account
/// `platform.users.service-accounts.edit`.
#[utoipa::path(
    post,
    path = "/admin/v1/users/{id}/enable",
    operation_id = "enable_user",
    tag = "users",
    params(("id" = String, Path, description = "The subject's id")),
    responses(
        (status = 204, description = "Done"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn enable_user(
    desk: Desk,
    PathKey(id): PathKey<SubjectId>,
) -> Result<StatusCode, Refusal> {
    act::set_subject_status(desk.context(), &desk.caller, id, StatusChange::Enabled)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
