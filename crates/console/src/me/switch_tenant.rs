//! Carries the caller's session over into another of its tenants.

use super::sign_in::{SessionAnswer, user_agent};
use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::parse;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

/// A switch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchRequest {
    /// The tenant to act in.
    tenant: String,
}

/// A session of the caller in another of its tenants, with tokens of its own. It ends when the
/// one that asks would end; that one goes on in its tenant.
#[utoipa::path(
    post,
    path = "/me/v1/session/switch",
    operation_id = "switch_tenant",
    tag = "session",
    request_body = SwitchRequest,
    responses(
        (status = 200, description = "A session in the other tenant", body = SessionAnswer),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 401, description = "invalid_token: the token is not of a sign-in of one's own, or that is over"),
        (status = 403, description = "tenant_forbidden"),
    ),
)]
pub(crate) async fn switch_tenant(
    desk: Desk,
    headers: HeaderMap,
    Json(body): Json<SwitchRequest>,
) -> Result<Json<SessionAnswer>, Refusal> {
    let tenant = parse("tenant", &body.tenant)?;
    let switched = act::switch_tenant(desk.context(), &desk.caller, tenant, user_agent(&headers))
        .await
        .map_err(refuse)?;
    Ok(Json(SessionAnswer::of(
        &switched.issued,
        switched.session,
        switched.refresh_token.as_ref(),
    )))
}
