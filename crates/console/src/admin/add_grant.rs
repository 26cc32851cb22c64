//! Grants a role or a permission.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{GrantView, grant, parse};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A grant about to be made: exactly one of `role` and `permission`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    /// To whom, by subject id.
    subject: String,
    /// The tenant it holds in. Realm-wide grants are made at the command line only.
    tenant: Option<String>,
    /// The role.
    role: Option<String>,
    /// The permission.
    permission: Option<String>,
    /// The API the permission is limited to.
    audience: Option<String>,
}

/// Grants a role or a permission in a tenant. Needs `platform.grants.edit` there, and
/// the caller must hold what it grants. 201 if it is new, 200 if it was there.
#[utoipa::path(
    post,
    path = "/admin/v1/grants",
    operation_id = "add_grant",
    tag = "grants",
    request_body = NewGrant,
    responses(
        (status = 200, description = "It was there", body = GrantView),
        (status = 201, description = "It is new", body = GrantView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn add_grant(
    desk: Desk,
    Json(body): Json<NewGrant>,
) -> Result<(StatusCode, Json<GrantView>), Refusal> {
    let subject = parse("subject", &body.subject)?;
    let grant = grant(
        body.tenant.as_deref(),
        body.role.as_deref(),
        body.permission.as_deref(),
        body.audience.as_deref(),
    )?;
    let view = GrantView::from(&grant);
    let is_new = act::add_grant(desk.context(), &desk.caller, subject, grant)
        .await
        .map_err(refuse)?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(view)))
}
