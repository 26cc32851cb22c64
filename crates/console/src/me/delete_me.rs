//! Deletes the caller for good.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::Secret;
use doorward_identity::act::{self, DeleteUser};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// What stands for the caller meaning it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deletion {
    /// The current password. Who has none must have signed in within the last ten minutes.
    password: Option<String>,
}

/// Deletes the caller for good: what is personal of it goes, its addresses are free, and
/// whatever it owned is dead. A POST, because some clients drop the body of a DELETE.
#[utoipa::path(
    post,
    path = "/me/v1/delete",
    operation_id = "delete_me",
    tag = "me",
    request_body = Deletion,
    responses(
        (status = 204, description = "The account is gone"),
        (status = 400, description = "body_malformed"),
        (status = 401, description = "invalid_credentials: the password is wrong or missing; invalid_token"),
        (status = 403, description = "insufficient_permission: the token is not of a session, or the sign-in is too old"),
        (status = 429, description = "rate_limited"),
        (status = 503, description = "busy, store_unavailable"),
    ),
)]
pub(crate) async fn delete_me(
    desk: Desk,
    Json(body): Json<Deletion, 16384>,
) -> Result<StatusCode, Refusal> {
    let request = DeleteUser {
        subject: desk.subject,
        password: body.password.map(Secret::new),
    };
    act::delete_user(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
