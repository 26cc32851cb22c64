//! Ends a membership of the caller.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::TenantId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Leaves a tenant: the membership ends with all that is bound to it, sessions and tokens too.
/// Only a session may, of any tenant; it takes no permission.
#[utoipa::path(
    delete,
    path = "/me/v1/memberships/{tenant}",
    operation_id = "leave_tenant",
    tag = "me",
    params(("tenant" = String, Path, description = "The tenant")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: the token is not of a session"),
        (status = 404, description = "not_found: one is not a member there"),
    ),
)]
pub(crate) async fn leave_tenant(
    desk: Desk,
    PathKey(tenant): PathKey<TenantId>,
) -> Result<StatusCode, Refusal> {
    act::leave_tenant(desk.context(), &desk.caller, desk.subject, tenant)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
