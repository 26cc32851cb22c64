//! Invites an address into a tenant.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{parse, parse_all};
use doorward_base::Email;
use doorward_identity::act::{self, Invite};
use doorward_identity::model::Delivery;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
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
    /// Whom the secret is given to: `mail`, the address; `answer`, you, if you may edit
    /// users realm-wide; `nobody`, so that only an account that exists can take it, by a
    /// session of its own; `sign_up`, nobody either, and whoever signs up first with the
    /// address takes it, if you may edit users realm-wide and the realm enrols so. Without,
    /// `answer` for who may, else `mail`, which is refused where none is sent.
    delivery: Option<String>,
    /// How many seconds it can be taken, from 60: with `sign_up` 3600 unless it is said, and
    /// at most a day; else at most 7 days, which it is unless it is said.
    expires_in: Option<u64>,
}

/// An invitation that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Its id, by which it is withdrawn.
    id: String,
    /// Whom the secret was given to: `mail`, `answer`, `nobody` or `sign_up`.
    delivery: &'static str,
    /// The secret that takes it, if it is given to you: you stand for the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<String>,
    /// Until when it can be taken (RFC 3339).
    expires_at: String,
}

/// Invites an address into a tenant, replacing an earlier invitation there. The secret goes
/// to the address by mail: whoever takes it has proven the address. Who may edit users
/// realm-wide gets it in this answer and nowhere else. The answer is the same whether or
/// not the address has an account. Needs `platform.memberships.edit` in the tenant, and
/// the roles themselves.
#[utoipa::path(
    post,
    path = "/admin/v1/invitations",
    operation_id = "create_invitation",
    tag = "memberships",
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The invitation", body = Invitation),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant"),
        (status = 429, description = "rate_limited: the address got too many mails"),
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
        delivery: body.delivery.as_deref().map(delivery).transpose()?,
        life: body.expires_in.map(Duration::from_secs),
    };
    let invited = act::invite(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    let answer = Invitation {
        id: invited.id.to_string(),
        delivery: invited.delivery.as_str(),
        invitation: invited.secret.map(|secret| secret.expose().to_owned()),
        expires_at: invited.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn delivery(text: &str) -> Result<Delivery, Refusal> {
    Delivery::find(text).ok_or_else(|| {
        invalid(
            "delivery",
            "it is none of `mail`, `answer`, `nobody` and `sign_up`",
        )
    })
}
