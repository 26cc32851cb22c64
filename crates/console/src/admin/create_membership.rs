//! Makes a subject a member of a tenant.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{MembershipView, parse};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A membership about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMembership {
    /// Who, by subject id.
    subject: String,
    /// Where.
    tenant: String,
}

/// Makes a subject a member of a tenant. Needs `platform.memberships.edit`.
#[utoipa::path(
    post,
    path = "/admin/v1/memberships",
    operation_id = "create_membership",
    tag = "memberships",
    request_body = NewMembership,
    responses(
        (status = 201, description = "The membership", body = MembershipView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
        (status = 409, description = "already_exists"),
    ),
)]
pub(crate) async fn create_membership(
    desk: Desk,
    Json(body): Json<NewMembership>,
) -> Result<(StatusCode, Json<MembershipView>), Refusal> {
    let subject = parse("subject", &body.subject)?;
    let tenant = parse("tenant", &body.tenant)?;
    let membership = act::create_membership(desk.context(), &desk.caller, subject, tenant)
        .await
        .map_err(refuse)?;
    Ok((StatusCode::CREATED, Json(MembershipView::from(&membership))))
}
