//! Deletes a tenant for good.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::TenantId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Deletes a tenant for good: its memberships end, and whatever is bound to it is dead.
/// Its id is never given again. Needs `platform.tenants.edit` realm-wide.
#[utoipa::path(
    delete,
    path = "/admin/v1/tenants/{id}",
    operation_id = "delete_tenant",
    tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found"),
    ),
)]
pub(crate) async fn delete_tenant(
    desk: Desk,
    PathKey(id): PathKey<TenantId>,
) -> Result<StatusCode, Refusal> {
    act::delete_tenant(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
