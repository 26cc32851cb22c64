//! Makes a personal token of the caller.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{NewTokenView, TokenTenant, ceiling, expiry};
use doorward_identity::act::{self, CreateToken, OwnerRef};
use doorward_identity::model::TokenKind;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A personal token about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOwnToken {
    /// What it is called, at most 200 characters.
    name: Option<String>,
    /// When it stops by itself (RFC 3339).
    expires_at: Option<String>,
    /// Or: in how many seconds from now.
    expires_in_seconds: Option<u64>,
    /// The scopes it may carry at most; without, whatever its owner may.
    scopes: Option<Vec<String>>,
    /// The tenant it is bound to: without, that of the session; with `null` its owner's only
    /// one, else none. A token of no tenant acts in none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tenant: TokenTenant,
    /// The environment, where the class has any.
    environment: Option<String>,
}

/// Makes a personal token. The secret is in this answer and nowhere else. Only a
/// session may: a token that was exchanged must not make itself a successor.
#[utoipa::path(
    post,
    path = "/me/v1/tokens",
    operation_id = "create_own_token",
    tag = "tokens",
    request_body = NewOwnToken,
    responses(
        (status = 201, description = "The token with its secret", body = NewTokenView),
        (status = 400, description = "body_malformed, invalid_request; invalid_scope: the owner does not hold one"),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: the token is not of a session; tenant_forbidden"),
        (status = 409, description = "token_limit_reached"),
    ),
)]
pub(crate) async fn create_own_token(
    desk: Desk,
    Json(body): Json<NewOwnToken>,
) -> Result<(StatusCode, Json<NewTokenView>), Refusal> {
    let at = body.expires_at.as_deref();
    let request = CreateToken {
        kind: TokenKind::Personal,
        owner: OwnerRef::Subject(desk.subject),
        name: body.name,
        ceiling: ceiling(
            body.tenant.of_session(desk.principal.tenant.as_ref()),
            body.scopes.as_deref(),
            body.environment.as_deref(),
        )?,
        expires_at: expiry(at, body.expires_in_seconds, desk.call.now)?,
    };
    let minted = act::create_token(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    let view = NewTokenView::of(&minted, desk.call.now);
    Ok((StatusCode::CREATED, Json(view)))
}
