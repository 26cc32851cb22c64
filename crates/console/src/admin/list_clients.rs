//! Lists clients.

use crate::admin::list_users::PageQuery;
use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{ClientView, Listing, page};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};

/// The clients within the caller's reach, revoked ones included, without their secrets:
/// each says when it was last used, also the one that was replaced. Needs
/// `platform.clients.edit`.
#[utoipa::path(
    get,
    path = "/admin/v1/clients",
    operation_id = "list_clients",
    tag = "clients",
    params(PageQuery),
    responses(
        (status = 200, description = "Clients", body = Listing<ClientView>),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
    ),
)]
pub(crate) async fn list_clients(
    desk: Desk,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<ClientView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let found = act::list_clients(desk.context(), &desk.caller, page)
        .await
        .map_err(refuse)?;
    let view = |profile| ClientView::at(profile, desk.call.now);
    let listing = Listing::by_key(&found, page.limit, |profile| profile.client.id, view);
    Ok(Json(listing))
}
