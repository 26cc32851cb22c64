//! Signs a user in by password.

use crate::desk::Counter;
use crate::errors::refuse;
use crate::wire::parse_some;
use doorward_base::Secret;
use doorward_identity::act::{self, SignIn};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInRequest {
    /// The address.
    email: String,
    /// The password.
    password: String,
    /// The tenant the session acts in; without one, the only one there is.
    tenant: Option<String>,
}

/// A session's access token.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInAnswer {
    /// The JWT.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// The session.
    session: SessionView,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Its id: the `sid` claim.
    id: String,
}

/// Signs a user in by password.
#[utoipa::path(
    post,
    path = "/me/v1/session",
    operation_id = "sign_in",
    tag = "session",
    request_body = SignInRequest,
    responses(
        (status = 200, description = "A session", body = SignInAnswer),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 401, description = "invalid_credentials: wrong password or unknown user"),
        (status = 403, description = "tenant_forbidden"),
        (status = 429, description = "rate_limited"),
        (status = 503, description = "busy, store_unavailable"),
    ),
)]
pub(crate) async fn sign_in(
    counter: Counter,
    Json(body): Json<SignInRequest, 16384>,
) -> Result<Json<SignInAnswer>, Refusal> {
    let request = SignIn {
        email: body.email,
        password: Secret::new(body.password),
        tenant: parse_some("tenant", body.tenant.as_deref())?,
        role: None,
        scope: None,
    };
    let signed_in = act::sign_in(counter.context(), request)
        .await
        .map_err(refuse)?;
    Ok(Json(SignInAnswer {
        access_token: signed_in.issued.jwt.expose().to_owned(),
        token_type: "bearer",
        expires_in: signed_in.issued.expires_in,
        session: SessionView {
            id: signed_in.session.to_string(),
        },
    }))
}
