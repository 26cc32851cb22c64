//! Takes an invitation into a tenant.

use crate::desk::Counter;
use crate::errors::refuse;
use crate::wire::SubjectView;
use doorward_base::Secret;
use doorward_identity::act::{self, AcceptInvitation};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// An invitation about to be taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// The secret.
    invitation: String,
    /// The password of an account that is made, whose address nobody had proven, or that
    /// has no other way in: needed there. With a session of an account whose address nobody
    /// had proven, the account's own. Any other keeps its own, and takes none here.
    password: Option<String>,
    /// A display name for such an account, at most 200 characters.
    name: Option<String>,
}

/// Takes an invitation, once: the account is made if there is none, its address is
/// proven, and it becomes a member of the tenant with the invitation's roles. An account
/// whose address nobody had proven is made anew; but whoever sends a session of it, and its
/// password, is its person, and it stays as it is. One that has neither a password nor a
/// login elsewhere gets its first password, if the invitation came by mail or an operator
/// gave it. One that is its person's signs in and takes the invitation by
/// `/me/v1/invitations/{id}/accept`, unless who invited may edit users realm-wide.
#[utoipa::path(
    post,
    path = "/me/v1/invitations/accept",
    operation_id = "accept_invitation",
    tag = "session",
    request_body = Acceptance,
    responses(
        (status = 200, description = "The account", body = SubjectView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 401, description = "invalid_token: a session was sent that is over"),
        (
            status = 403,
            description = "insufficient_permission: sign in and accept it there, or have it mailed"
        ),
        (status = 404, description = "not_found: unknown, taken or expired"),
        (status = 429, description = "rate_limited"),
        (status = 503, description = "busy, store_unavailable"),
    ),
)]
pub(crate) async fn accept_invitation(
    counter: Counter,
    Json(body): Json<Acceptance, 16384>,
) -> Result<Json<SubjectView>, Refusal> {
    let request = AcceptInvitation {
        secret: Secret::new(body.invitation),
        by: counter.caller(),
        password: body.password.map(Secret::new),
        name: body.name,
    };
    let subject = act::accept_invitation(counter.context(), request)
        .await
        .map_err(refuse)?;
    Ok(Json(SubjectView::from(&subject)))
}
