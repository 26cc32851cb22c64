//! Lists the invitations of the caller's own address.

use super::list_tokens::PageQuery;
use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{InvitationView, Listing, page};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};

/// The invitations of the caller's own, proven address that wait to be taken.
#[utoipa::path(
    get,
    path = "/me/v1/invitations",
    operation_id = "list_own_invitations",
    tag = "invitations",
    params(PageQuery),
    responses(
        (status = 200, description = "Invitations", body = Listing<InvitationView>),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: not from a sign-in"),
    ),
)]
pub(crate) async fn list_own_invitations(
    desk: Desk,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<InvitationView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let found = act::list_own_invitations(desk.context(), &desk.caller, page)
        .await
        .map_err(refuse)?;
    let view = |invitation| InvitationView::from(invitation);
    let listing = Listing::by_key(&found, page.limit, |invitation| invitation.id, view);
    Ok(Json(listing))
}
