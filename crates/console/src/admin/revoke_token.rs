//! Revokes a token.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::ApiTokenId;
use doorward_identity::act::{self, TokenRef};
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Revokes a token. Doing it again changes nothing. Needs
/// `platform.users.service-accounts.access-tokens.edit`, for a personal token
/// `platform.users.edit`.
#[utoipa::path(
    delete,
    path = "/admin/v1/tokens/{id}",
    operation_id = "revoke_token",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses(
        (status = 204, description = "It never works again"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn revoke_token(
    desk: Desk,
    PathKey(id): PathKey<ApiTokenId>,
) -> Result<StatusCode, Refusal> {
    act::revoke_token(desk.context(), &desk.caller, TokenRef::Id(id))
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
