//! Disables a user or service account.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::SubjectId;
use doorward_identity::act::{self, StatusChange};
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Disables a subject: it, and everything derived from it, may not act. Doing it again
/// changes nothing. Needs `platform.users.edit`, for a service account
/// `platform.users.service-accounts.edit`.
#[utoipa::path(
    post,
    path = "/admin/v1/users/{id}/disable",
    operation_id = "disable_user",
    tag = "users",
    params(("id" = String, Path, description = "The subject's id")),
    responses(
        (status = 204, description = "Done"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn disable_user(
    desk: Desk,
    PathKey(id): PathKey<SubjectId>,
) -> Result<StatusCode, Refusal> {
    act::set_subject_status(desk.context(), &desk.caller, id, StatusChange::Disabled)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
