//! Replaces a token by one with a new secret.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{NewTokenView, Replacement};
use doorward_base::ApiTokenId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};

/// Replaces a token: the old one dies after the overlap, the new secret is in this answer
/// and nowhere else. Needs what creating it needs.
#[utoipa::path(
    post,
    path = "/admin/v1/tokens/{id}/regenerate",
    operation_id = "regenerate_token",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    request_body = Option<Replacement>,
    responses(
        (status = 200, description = "The new token with its secret", body = NewTokenView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn regenerate_token(
    desk: Desk,
    PathKey(id): PathKey<ApiTokenId>,
    body: Option<Json<Replacement>>,
) -> Result<Json<NewTokenView>, Refusal> {
    let request = Replacement::parse(body, id, desk.call.now)?;
    let minted = act::regenerate_token(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    Ok(Json(NewTokenView::of(&minted, desk.call.now)))
}
