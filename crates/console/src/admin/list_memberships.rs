//! Lists memberships, of a tenant or of a subject.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{Listing, MembershipView, page, parse};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::Deserialize;

/// Whose memberships: exactly one of `tenant` and `subject`.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembershipQuery {
    /// A tenant's, page by page.
    tenant: Option<String>,
    /// A subject's, all of them.
    subject: Option<String>,
    /// 1 to 1000; 100 without.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Memberships of a tenant or of a subject. Needs `platform.users.read`.
#[utoipa::path(
    get,
    path = "/admin/v1/memberships",
    operation_id = "list_memberships",
    tag = "memberships",
    params(MembershipQuery),
    responses(
        (status = 200, description = "Memberships", body = Listing<MembershipView>),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn list_memberships(
    desk: Desk,
    Query(query): Query<MembershipQuery>,
) -> Result<Json<Listing<MembershipView>>, Refusal> {
    let (ctx, caller) = (desk.context(), &desk.caller);
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    match (query.tenant.as_deref(), query.subject.as_deref()) {
        (Some(tenant), None) => {
            let tenant = parse("tenant", tenant)?;
            let found = act::list_tenant_members(ctx, caller, tenant, page)
                .await
                .map_err(refuse)?;
            let view = |membership| MembershipView::from(membership);
            let listing = Listing::by_key(&found, page.limit, |membership| membership.id, view);
            Ok(Json(listing))
        }
        (None, Some(subject)) => {
            let subject = parse("subject", subject)?;
            let profile = act::load_profile(ctx, caller, subject)
                .await
                .map_err(refuse)?;
            let views = profile.memberships.iter().map(Into::into);
            Ok(Json(Listing::whole(views.collect())))
        }
        _ => Err(invalid("tenant, subject", "give exactly one of them")),
    }
}
