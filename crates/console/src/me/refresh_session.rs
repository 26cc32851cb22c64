//! Refreshes a session.

use super::sign_in::SessionAnswer;
use crate::desk::Counter;
use crate::errors::refuse;
use doorward_base::Secret;
use doorward_identity::act::{self, Refresh};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// A refresh.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// The refresh token.
    refresh_token: String,
}

/// Refreshes a session: a new access token, and the refresh token to use next. One that was
/// used up before ends the session.
#[utoipa::path(
    post,
    path = "/me/v1/session/refresh",
    operation_id = "refresh_session",
    tag = "session",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "The session goes on", body = SessionAnswer),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 401, description = "invalid_token: unknown or used up, or the session is over"),
        (status = 429, description = "rate_limited"),
        (status = 503, description = "store_unavailable"),
    ),
)]
pub(crate) async fn refresh_session(
    counter: Counter,
    Json(body): Json<RefreshRequest, 16384>,
) -> Result<Json<SessionAnswer>, Refusal> {
    let request = Refresh {
        token: Secret::new(body.refresh_token),
        scope: None,
        client: None,
    };
    let refreshed = act::refresh(counter.context(), request)
        .await
        .map_err(refuse)?;
    Ok(Json(SessionAnswer::of(
        &refreshed.issued,
        refreshed.session,
        Some(&refreshed.refresh_token),
    )))
}
