//! Ends a membership and what is bound to it.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::parse;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Query;
use http::StatusCode;
use serde::Deserialize;

/// Which membership.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndQuery {
    /// Who, by subject id.
    pub(super) subject: String,
    /// Where.
    pub(super) tenant: String,
}

/// Ends a membership; tokens and sessions bound to it die. Needs
/// `platform.memberships.edit`.
#[utoipa::path(
    delete,
    path = "/admin/v1/memberships",
    operation_id = "end_membership",
    tag = "memberships",
    params(EndQuery),
    responses(
        (status = 204, description = "It has ended"),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn end_membership(
    desk: Desk,
    Query(query): Query<EndQuery>,
) -> Result<StatusCode, Refusal> {
    let subject = parse("subject", &query.subject)?;
    let tenant = parse("tenant", &query.tenant)?;
    act::end_membership(desk.context(), &desk.caller, subject, tenant)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
