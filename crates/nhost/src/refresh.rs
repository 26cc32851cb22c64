//! Goes on with a session.

use crate::desk::{Body, Visit};
use crate::refuse::{refuse_refresh, required};
use crate::wire::SessionView;
use doorward_base::Secret;
use doorward_identity::act::{self, Refresh};
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// A refresh. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshRequest {
    /// The refresh token.
    refresh_token: Option<String>,
}

/// Goes on with a session: the answer is the session itself, with the refresh token to use
/// next.
#[utoipa::path(
    post,
    path = "/v1/token",
    operation_id = "refresh_token",
    tag = "session",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "The session", body = SessionView),
        (status = 400, description = "invalid-request"),
        (status = 401, description = "invalid-refresh-token"),
        (status = 429, description = "too-many-requests"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn refresh_token(
    visit: Visit,
    AnyJson(body): Body<RefreshRequest>,
) -> Result<Json<SessionView>, Refusal> {
    let request = Refresh {
        token: required(body.refresh_token, "refreshToken").map(Secret::new)?,
        scope: None,
        client: None,
    };
    let refreshed = act::refresh(visit.context(), request).await;
    let refreshed = refreshed.map_err(refuse_refresh)?;
    Ok(Json(SessionView::of(
        &refreshed.issued,
        (refreshed.session, Some(&refreshed.refresh_token)),
        &refreshed.subject,
    )))
}
