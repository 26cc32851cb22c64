//! Begins a session by a personal access token.

use crate::desk::{Body, Visit, user_agent};
use crate::refuse::{refuse_pat, required};
use crate::wire::SignedInView;
use doorward_base::Secret;
use doorward_identity::act::{self, SignInByToken};
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

/// A sign-in by a token. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatRequest {
    /// The personal access token.
    personal_access_token: Option<String>,
}

/// Begins a session by a personal access token, which is good for any number of them. The
/// session carries no more than the token, ends with it, and makes no tokens of its own.
#[utoipa::path(
    post,
    path = "/v1/signin/pat",
    operation_id = "sign_in_pat",
    tag = "session",
    request_body = PatRequest,
    responses(
        (status = 200, description = "A session", body = SignedInView),
        (status = 400, description = "invalid-request"),
        (status = 401, description = "invalid-pat"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn sign_in_pat(
    visit: Visit,
    headers: HeaderMap,
    AnyJson(body): Body<PatRequest>,
) -> Result<Json<SignedInView>, Refusal> {
    let token = required(body.personal_access_token, "personalAccessToken")?;
    let request = SignInByToken {
        token: Secret::new(token),
        user_agent: user_agent(&headers),
    };
    let signed_in = act::sign_in_by_token(visit.context(), request).await;
    Ok(Json(SignedInView::of(&signed_in.map_err(refuse_pat)?)))
}
