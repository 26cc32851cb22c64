//! Makes a tenant.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{TenantView, parse};
use doorward_identity::act::{self, CreateTenant};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A tenant about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTenant {
    /// Its id.
    id: String,
    /// A display name, at most 200 characters.
    name: Option<String>,
}

/// Makes a tenant. Needs `platform.tenants.edit` realm-wide.
#[utoipa::path(
    post,
    path = "/admin/v1/tenants",
    operation_id = "create_tenant",
    tag = "tenants",
    request_body = NewTenant,
    responses(
        (status = 201, description = "The tenant", body = TenantView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 409, description = "already_exists"),
    ),
)]
pub(crate) async fn create_tenant(
    desk: Desk,
    Json(body): Json<NewTenant>,
) -> Result<(StatusCode, Json<TenantView>), Refusal> {
    let new = CreateTenant {
        id: parse("id", &body.id)?,
        name: body.name,
    };
    let tenant = act::create_tenant(desk.context(), &desk.caller, new)
        .await
        .map_err(refuse)?;
    Ok((StatusCode::CREATED, Json(TenantView::from(&tenant))))
}
