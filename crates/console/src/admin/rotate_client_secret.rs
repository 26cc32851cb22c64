//! Gives a client a new secret.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::NewClientView;
use doorward_base::ClientId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How the old secret ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// How long the old secret goes on working: at most 30 days, 0 ends it at once; a day
    /// without.
    overlap_seconds: Option<u64>,
}

/// Gives a client a new secret, which is in this answer and nowhere else. The old one goes
/// on working for the overlap; its last use is in this answer and in the listing. Needs
/// what making the client needs.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/rotate",
    operation_id = "rotate_client_secret",
    tag = "clients",
    params(("id" = String, Path, description = "The client's id")),
    request_body = Option<Rotation>,
    responses(
        (status = 200, description = "The client with its new secret", body = NewClientView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown, revoked, or out of reach"),
    ),
)]
pub(crate) async fn rotate_client_secret(
    desk: Desk,
    PathKey(id): PathKey<ClientId>,
    body: Option<Json<Rotation>>,
) -> Result<Json<NewClientView>, Refusal> {
    let asked = body.and_then(|Json(body)| body.overlap_seconds);
    let overlap = asked.map(Duration::from_secs);
    let rotated = act::rotate_client_secret(desk.context(), &desk.caller, id, overlap)
        .await
        .map_err(refuse)?;
    Ok(Json(NewClientView::of(&rotated, desk.call.now)))
}
