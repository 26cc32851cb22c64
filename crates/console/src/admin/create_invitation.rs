//! Invites an address into a tenant.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{parse, parse_all};
use doorward_base::Email;
use doorward_identity::act::{self, Invite};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An invitation about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// Whom, by address.
    email: String,
    /// Into which tenant.
    tenant: String,
    /// The roles granted there when it is taken, at most 64.
    #[serde(default)]
    roles: Vec<String>,
}

/// An invitation that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Its id, by which it is withdrawn.
    id: String,
    /// The secret that takes it; to be sent to the address and nowhere else.
    invitation: String,
    /// Until when it can be taken (RFC 3339).
    expires_at: String,
}

/// Invites an address into a tenant, replacing an earlier invitation there. The secret is
/// in this answer and nowhere else; whoever takes it has proven the address. Needs
/// `platform.memberships.edit` in the tenant, and the roles themselves.
#[utoipa::path(
    post,
    path = "/admin/v1/invitations",
    operation_id = "create_invitation",
    tag = "memberships",
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The invitation with its secret", body = Invitation),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant"),
    ),
)]
pub(crate) async fn create_invitation(
    desk: Desk,
    Json(body): Json<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>), Refusal> {
    let request = Invite {
        email: Email::new(&body.email).map_err(|error| invalid("email", error))?,
        tenant: parse("tenant", &body.tenant)?,
        roles: parse_all("roles", &body.roles)?,
    };
    let invited = act::invite(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    let answer = Invitation {
        id: invited.id.to_string(),
        invitation: invited.secret.expose().to_owned(),
        expires_at: invited.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
