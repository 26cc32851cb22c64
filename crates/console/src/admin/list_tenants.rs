//! Lists tenants.

use super::list_users::PageQuery;
use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{Listing, TenantView, page};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};

/// The tenants within the caller's reach, by id. Needs `platform.users.read`.
#[utoipa::path(
    get,
    path = "/admin/v1/tenants",
    operation_id = "list_tenants",
    tag = "tenants",
    params(PageQuery),
    responses(
        (status = 200, description = "Tenants", body = Listing<TenantView>),
        (status = 403, description = "insufficient_permission"),
    ),
)]
pub(crate) async fn list_tenants(
    desk: Desk,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<TenantView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let limit = page.limit;
    let tenants = act::list_tenants(desk.context(), &desk.caller, page)
        .await
        .map_err(refuse)?;
    let view = |tenant| TenantView::from(tenant);
    let listing = Listing::by_key(&tenants, limit, |tenant| tenant.id.clone(), view);
    Ok(Json(listing))
}
