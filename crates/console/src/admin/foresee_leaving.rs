//! Tells what ending a membership would end.

use super::end_membership::EndQuery;
use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{LeavingView, parse};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};

/// What the end of a membership would end: the member's own tokens in the tenant, with what
/// each opens and when it was last used; and what it made there that stays, such as the
/// tenant's keys. Nothing is changed. Needs `platform.memberships.edit`.
#[utoipa::path(
    get,
    path = "/admin/v1/memberships/leaving",
    operation_id = "foresee_leaving",
    tag = "memberships",
    params(EndQuery),
    responses(
        (status = 200, description = "What ends and what stays", body = LeavingView),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn foresee_leaving(
    desk: Desk,
    Query(query): Query<EndQuery>,
) -> Result<Json<LeavingView>, Refusal> {
    let subject = parse("subject", &query.subject)?;
    let tenant = parse("tenant", &query.tenant)?;
    let leaving = act::foresee_leaving(desk.context(), &desk.caller, subject, tenant)
        .await
        .map_err(refuse)?;
    Ok(Json(LeavingView::at(&leaving, desk.call.now)))
}
