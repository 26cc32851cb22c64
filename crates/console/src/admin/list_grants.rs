//! Lists a subject's grants.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{GrantView, Listing, parse};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::Deserialize;

/// Whose grants.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantsQuery {
    /// Who, by subject id.
    subject: String,
}

/// A subject's grants within the caller's reach. Needs `platform.users.read`, but for
/// oneself.
#[utoipa::path(
    get,
    path = "/admin/v1/grants",
    operation_id = "list_grants",
    tag = "grants",
    params(GrantsQuery),
    responses(
        (status = 200, description = "Grants", body = Listing<GrantView>),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn list_grants(
    desk: Desk,
    Query(query): Query<GrantsQuery>,
) -> Result<Json<Listing<GrantView>>, Refusal> {
    let subject = parse("subject", &query.subject)?;
    let profile = act::load_profile(desk.context(), &desk.caller, subject)
        .await
        .map_err(refuse)?;
    let views = profile.grants.iter().map(Into::into);
    Ok(Json(Listing::whole(views.collect())))
}
