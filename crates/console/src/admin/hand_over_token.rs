//! Makes a tenant's key that takes over from somebody's token.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{NewTokenView, expiry, parse_some};
use doorward_base::ApiTokenId;
use doorward_identity::act::{self, HandOver};
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// The key that takes over.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// What it is called; without, what the token is.
    name: Option<String>,
    /// When it stops by itself (RFC 3339); without, when the token does.
    expires_at: Option<String>,
    /// Or: in how many seconds from now.
    expires_in_seconds: Option<u64>,
    /// Its environment, where keys have any; without, the token's.
    environment: Option<String>,
}

/// Makes a key of the tenant that a token acts in, which carries what the token opens now. Its
/// secret is in this answer and nowhere else. The token goes on until it, or its owner's
/// membership, is ended. Needs what making such a key needs.
#[utoipa::path(
    post,
    path = "/admin/v1/tokens/{id}/hand-over",
    operation_id = "hand_over_token",
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    request_body = Option<NewKey>,
    responses(
        (status = 201, description = "The key with its secret", body = NewTokenView),
        (status = 400, description = "body_malformed, invalid_request: also of a token that is dead, or a key already"),
        (status = 403, description = "insufficient_permission: also of what the caller does not hold"),
        (status = 404, description = "not_found: unknown, of no tenant, or out of reach"),
        (status = 409, description = "token_limit_reached"),
    ),
)]
pub(crate) async fn hand_over_token(
    desk: Desk,
    PathKey(id): PathKey<ApiTokenId>,
    body: Option<Json<NewKey>>,
) -> Result<(StatusCode, Json<NewTokenView>), Refusal> {
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let at = body.expires_at.as_deref();
    let request = HandOver {
        token: id,
        name: body.name,
        expires_at: expiry(at, body.expires_in_seconds, desk.call.now)?,
        environment: parse_some("environment", body.environment.as_deref())?,
    };
    let minted = act::hand_over_token(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    let view = NewTokenView::of(&minted, desk.call.now);
    Ok((StatusCode::CREATED, Json(view)))
}
