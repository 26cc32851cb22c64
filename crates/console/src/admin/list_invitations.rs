//! Lists invitations.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{InvitationView, Listing, page, parse_some};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::Deserialize;

/// Which invitations.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvitationsQuery {
    /// Into this tenant; without, into all within reach.
    tenant: Option<String>,
    /// 1 to 1000; 100 without.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Invitations that wait to be taken, without their secrets. Needs
/// `platform.memberships.edit`.
#[utoipa::path(
    get,
    path = "/admin/v1/invitations",
    operation_id = "list_invitations",
    tag = "memberships",
    params(InvitationsQuery),
    responses(
        (status = 200, description = "Invitations", body = Listing<InvitationView>),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant"),
    ),
)]
pub(crate) async fn list_invitations(
    desk: Desk,
    Query(query): Query<InvitationsQuery>,
) -> Result<Json<Listing<InvitationView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let tenant = parse_some("tenant", query.tenant.as_deref())?;
    let found = act::list_invitations(desk.context(), &desk.caller, tenant, page)
        .await
        .map_err(refuse)?;
    let view = |invitation| InvitationView::from(invitation);
    let listing = Listing::by_key(&found, page.limit, |invitation| invitation.id, view);
    Ok(Json(listing))
}
