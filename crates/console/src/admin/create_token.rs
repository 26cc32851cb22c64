//! Makes a token of a service account or of a tenant.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{NewTokenView, TokenTenant, ceiling, expiry, owner, parse};
use doorward_identity::act::{self, CreateToken};
use doorward_identity::model::TokenKind;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A token about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// `service`, `key`, or `personal` for a session's own person.
    kind: String,
    /// The owner: a subject's id, an e-mail address, or `tenant:ID`.
    owner: String,
    /// What it is called, at most 200 characters.
    name: Option<String>,
    /// When it stops by itself (RFC 3339).
    expires_at: Option<String>,
    /// Or: in how many seconds from now.
    expires_in_seconds: Option<u64>,
    /// The scopes it may carry at most; without, whatever its owner may.
    scopes: Option<Vec<String>>,
    /// The tenant it is bound to. Without, that of the session for a personal token; else, or
    /// with `null`, its owner's only one, else none. A token of no tenant acts in none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tenant: TokenTenant,
    /// The environment, where the class has any.
    environment: Option<String>,
}

/// Makes a token of a service account or of a tenant. The secret is in this answer and
/// nowhere else. Needs `platform.users.service-accounts.access-tokens.edit`.
#[utoipa::path(
    post,
    path = "/admin/v1/tokens",
    operation_id = "create_token",
    tag = "tokens",
    request_body = NewToken,
    responses(
        (status = 201, description = "The token with its secret", body = NewTokenView),
        (status = 400, description = "body_malformed, invalid_request; invalid_scope: the owner does not hold one"),
        (status = 403, description = "insufficient_permission, tenant_forbidden"),
        (status = 404, description = "not_found: the owner"),
        (status = 409, description = "token_limit_reached"),
    ),
)]
pub(crate) async fn create_token(
    desk: Desk,
    Json(body): Json<NewToken>,
) -> Result<(StatusCode, Json<NewTokenView>), Refusal> {
    let at = body.expires_at.as_deref();
    let kind = parse("kind", &body.kind)?;
    let session = desk.principal.tenant.as_ref();
    let session = session.filter(|_| kind == TokenKind::Personal);
    let request = CreateToken {
        kind,
        owner: owner("owner", &body.owner)?,
        name: body.name,
        ceiling: ceiling(
            body.tenant.of_session(session),
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
