//! Bans a subject for a time, and lifts a ban.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::expiry;
use doorward_base::SubjectId;
use doorward_identity::act::{self, StatusChange};
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// How long a ban lasts: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ban {
    /// When it is over (RFC 3339).
    until: Option<String>,
    /// Or: in how many seconds from now.
    for_seconds: Option<u64>,
}

/// Bans a subject: until then it, and everything derived from it, may not act. Needs
/// `platform.users.edit`, for a service account `platform.users.service-accounts.edit`,
/// realm-wide.
#[utoipa::path(
    post,
    path = "/admin/v1/users/{id}/ban",
    operation_id = "ban_user",
    tag = "users",
    params(("id" = String, Path, description = "The subject's id")),
    request_body = Ban,
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "body_malformed, invalid_request: not in the future, or the subject is disabled"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found"),
    ),
)]
pub(crate) async fn ban_user(
    desk: Desk,
    PathKey(id): PathKey<SubjectId>,
    Json(body): Json<Ban>,
) -> Result<StatusCode, Refusal> {
    let until = expiry(body.until.as_deref(), body.for_seconds, desk.call.now)?
        .ok_or_else(|| invalid("until", "give this or `for_seconds`"))?;
    act::set_subject_status(
        desk.context(),
        &desk.caller,
        id,
        StatusChange::Banned { until },
    )
    .await
    .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a ban before its time. Needs what banning needs.
#[utoipa::path(
    post,
    path = "/admin/v1/users/{id}/unban",
    operation_id = "unban_user",
    tag = "users",
    params(("id" = String, Path, description = "The subject's id")),
    responses(
        (status = 204, description = "Done"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found"),
    ),
)]
pub(crate) async fn unban_user(
    desk: Desk,
    PathKey(id): PathKey<SubjectId>,
) -> Result<StatusCode, Refusal> {
    act::set_subject_status(desk.context(), &desk.caller, id, StatusChange::Unbanned)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
