//! Ends the overlap of a token and the one that it replaced.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::TokenView;
use doorward_base::ApiTokenId;
use doorward_identity::act::{self, TokenRef};
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};

/// Ends what a token replaced before its time, or the token itself if it is the one that was
/// replaced; the one that took over works on. Needs what revoking needs.
#[utoipa::path(
    post,
    path = "/admin/v1/tokens/{id}/end-overlap",
    operation_id = "end_token_overlap",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses(
        (status = 200, description = "The token", body = TokenView),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn end_token_overlap(
    desk: Desk,
    PathKey(id): PathKey<ApiTokenId>,
) -> Result<Json<TokenView>, Refusal> {
    let token = act::end_token_overlap(desk.context(), &desk.caller, TokenRef::Id(id))
        .await
        .map_err(refuse)?;
    Ok(Json(TokenView::at(&token, desk.call.now)))
}
