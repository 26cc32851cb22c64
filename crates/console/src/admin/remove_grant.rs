//! Takes a role or a permission away.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{grant, parse};
use doorward_base::ErrorCode;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Query;
use http::StatusCode;
use serde::Deserialize;

/// Which grant: exactly one of `role` and `permission`.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantQuery {
    /// Whose, by subject id.
    subject: String,
    /// The tenant it holds in; without, the realm-wide one.
    tenant: Option<String>,
    /// The role.
    role: Option<String>,
    /// The permission.
    permission: Option<String>,
    /// The API the permission is limited to.
    audience: Option<String>,
}

/// Takes a grant away. Needs `platform.grants.edit` in the tenant.
#[utoipa::path(
    delete,
    path = "/admin/v1/grants",
    operation_id = "remove_grant",
    tag = "grants",
    params(GrantQuery),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn remove_grant(
    desk: Desk,
    Query(query): Query<GrantQuery>,
) -> Result<StatusCode, Refusal> {
    let subject = parse("subject", &query.subject)?;
    let grant = grant(
        query.tenant.as_deref(),
        query.role.as_deref(),
        query.permission.as_deref(),
        query.audience.as_deref(),
    )?;
    let was_there = act::remove_grant(desk.context(), &desk.caller, subject, grant)
        .await
        .map_err(refuse)?;
    if was_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(ErrorCode::NotFound))
    }
}
