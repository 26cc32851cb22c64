//! Deletes a user, service account or external subject for good.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::SubjectId;
use doorward_identity::act::{self, DeleteUser};
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Deletes a subject for good: what is personal of it goes, its addresses are free, and
/// whatever it owned is dead. Its id stays in the audit log. Needs `platform.users.edit`,
/// for a service account `platform.users.service-accounts.edit`, realm-wide.
#[utoipa::path(
    delete,
    path = "/admin/v1/users/{id}",
    operation_id = "delete_user",
    tag = "users",
    params(("id" = String, Path, description = "The subject's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found"),
    ),
)]
pub(crate) async fn delete_user(
    desk: Desk,
    PathKey(id): PathKey<SubjectId>,
) -> Result<StatusCode, Refusal> {
    let request = DeleteUser {
        subject: id,
        password: None,
    };
    act::delete_user(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
