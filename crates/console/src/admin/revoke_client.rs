//! Revokes a client.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::ClientId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Revokes a client: it and its secrets never work again. Doing it again changes nothing.
/// Needs `platform.clients.edit` where the client is.
#[utoipa::path(
    delete,
    path = "/admin/v1/clients/{id}",
    operation_id = "revoke_client",
    tag = "clients",
    params(("id" = String, Path, description = "The client's id")),
    responses(
        (status = 204, description = "It never works again"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn revoke_client(
    desk: Desk,
    PathKey(id): PathKey<ClientId>,
) -> Result<StatusCode, Refusal> {
    act::revoke_client(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
