//! Gives the caller another password.

use crate::desk::{Body, Visit};
use crate::off::Off;
use crate::refuse::{refuse, required};
use crate::wire::OK;
use doorward_base::{ErrorCode, Secret};
use doorward_identity::act::{self, SetPassword};
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// A password about to be set. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordRequest {
    /// The new one.
    new_password: Option<String>,
    /// The one there is, which a realm may ask for; the product has no such member.
    current_password: Option<String>,
    /// What the product mails to who forgot the password. None is mailed here.
    ticket: Option<String>,
}

/// Gives the caller another password, from a session of its own. Its other sessions end.
#[utoipa::path(
    post,
    path = "/v1/user/password",
    operation_id = "set_password",
    tag = "user",
    request_body = PasswordRequest,
    responses(
        (status = 200, description = "It is set", body = String),
        (status = 400, description = "invalid-request, password-too-short, password-in-hibp-database"),
        (status = 401, description = "unauthorized, invalid-ticket, invalid-email-password"),
        (status = 403, description = "elevated-claim-required: sign in again, or send `currentPassword`"),
        (status = 429, description = "too-many-requests"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn set_password(
    visit: Visit,
    AnyJson(body): Body<PasswordRequest>,
) -> Result<Json<&'static str>, Refusal> {
    let new = required(body.new_password, "newPassword")?;
    if body.ticket.is_some_and(|ticket| !ticket.is_empty()) {
        return Err(Off::Ticket.refusal());
    }
    if visit.principal().is_none() {
        return Err(Refusal::new(ErrorCode::InvalidRequest)
            .with_message("this needs an access token, or a ticket"));
    }
    let (caller, subject) = visit.caller()?;
    let current = body.current_password.filter(|text| !text.is_empty());
    let request = SetPassword {
        subject,
        new: Secret::new(new),
        current: current.map(Secret::new),
    };
    act::set_password_and_stay(visit.context(), &caller, request)
        .await
        .map_err(refuse)?;
    Ok(Json(OK))
}
