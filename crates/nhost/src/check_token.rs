//! Says whether an access token is good.

use crate::desk::{Body, Visit};
use crate::refuse::refuse;
use crate::wire::OK;
use doorward_base::{ErrorCode, Secret};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// A token to look at. Members that are not named here are ignored.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct TokenRequest {
    /// The access token; without one, that of the request.
    token: Option<String>,
}

/// Says whether an access token is good, that of the body or else of the request: its
/// signature, its life, and that its session and its user still stand.
#[utoipa::path(
    post,
    path = "/v1/token/verify",
    operation_id = "verify_token",
    tag = "session",
    request_body = TokenRequest,
    responses(
        (status = 200, description = "It is", body = String),
        (status = 400, description = "invalid-request: it is not, or there is none"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn verify_token(
    visit: Visit,
    body: Result<Body<TokenRequest>, Refusal>,
) -> Result<Json<&'static str>, Refusal> {
    // The product's clients send none where the header says it.
    let said = body.map_or_else(|_| TokenRequest::default(), |AnyJson(body)| body);
    let Some(token) = said.token.filter(|token| !token.is_empty()) else {
        return match visit.principal() {
            Some(_) => Ok(Json(OK)),
            None => Err(Refusal::new(ErrorCode::CredentialMissing)),
        };
    };
    let token = token.strip_prefix("Bearer ").unwrap_or(&token);
    act::check_token(visit.context(), &Secret::new(token.to_owned()))
        .await
        .map_err(refuse)?;
    Ok(Json(OK))
}
