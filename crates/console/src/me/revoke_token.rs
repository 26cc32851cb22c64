//! Revokes a token of the caller.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::ApiTokenId;
use doorward_identity::act::{self, TokenRef};
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Revokes a token. Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/me/v1/tokens/{id}",
    operation_id = "revoke_own_token",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses(
        (status = 204, description = "It never works again"),
        (status = 401, description = "invalid_token"),
        (status = 404, description = "not_found: unknown, or somebody else's"),
    ),
)]
pub(crate) async fn revoke_own_token(
    desk: Desk,
    PathKey(id): PathKey<ApiTokenId>,
) -> Result<StatusCode, Refusal> {
    act::revoke_token(desk.context(), &desk.caller, TokenRef::Id(id))
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
