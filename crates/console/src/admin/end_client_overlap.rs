//! Ends a client's replaced secret before its time.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::ClientView;
use doorward_base::ClientId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};

/// Ends the overlap of a rotation early: only the newest secret works. Needs
/// `platform.clients.edit` where the client is.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/end-overlap",
    operation_id = "end_client_overlap",
    tag = "clients",
    params(("id" = String, Path, description = "The client's id")),
    responses(
        (status = 200, description = "The client", body = ClientView),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown, revoked, or out of reach"),
    ),
)]
pub(crate) async fn end_client_overlap(
    desk: Desk,
    PathKey(id): PathKey<ClientId>,
) -> Result<Json<ClientView>, Refusal> {
    let profile = act::end_client_overlap(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(Json(ClientView::at(&profile, desk.call.now)))
}
