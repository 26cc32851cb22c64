//! Changes the caller's password.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::Secret;
use doorward_identity::act::{self, SetPassword};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The current password.
    current: String,
    /// The new one.
    new: String,
}

/// Changes the caller's password and ends its sessions, this one included.
#[utoipa::path(
    put,
    path = "/me/v1/password",
    operation_id = "set_password",
    tag = "me",
    request_body = NewPassword,
    responses(
        (status = 204, description = "The password is changed; every session has ended"),
        (status = 400, description = "body_malformed, invalid_request: the length is outside the bounds"),
        (status = 401, description = "invalid_credentials: the current password is wrong; invalid_token"),
        (status = 403, description = "insufficient_permission: the token is not of a session"),
        (status = 503, description = "busy, store_unavailable"),
    ),
)]
pub(crate) async fn set_password(
    desk: Desk,
    Json(body): Json<NewPassword, 16384>,
) -> Result<StatusCode, Refusal> {
    let request = SetPassword {
        subject: desk.subject,
        new: Secret::new(body.new),
        current: Some(Secret::new(body.current)),
    };
    act::set_password(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
