//! Signs a user in by password.

use crate::desk::Counter;
use crate::errors::refuse;
use crate::wire::parse_some;
use doorward_base::{Secret, SessionId};
use doorward_identity::act::{self, Issued, SignIn};
use doorward_identity::decide::authority::Unnamed;
use doorward_identity::model::UserAgent;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::HeaderMap;
use http::header::USER_AGENT;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInRequest {
    /// The address.
    email: String,
    /// The password.
    password: String,
    /// The tenant the session acts in; if it is left out, the only one there is. With `null`
    /// it acts in none, and carries what is held in the whole realm. Whose address counts in a
    /// tenant alone (`home`) must name it.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    tenant: Option<Option<String>>,
}

/// A member that is there, also where it is `null`.
fn stated<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(member).map(Some)
}

/// A session with an access token.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// The JWT.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// What the session is refreshed with, where the realm refreshes sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The session.
    session: SessionName,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionName {
    /// Its id: the `sid` claim.
    id: String,
}

impl SessionAnswer {
    /// The one place where a session's secrets are written out.
    pub(crate) fn of(issued: &Issued, session: SessionId, refresh: Option<&Secret>) -> Self {
        Self {
            access_token: issued.jwt.expose().to_owned(),
            token_type: "bearer",
            expires_in: issued.expires_in,
            refresh_token: refresh.map(|secret| secret.expose().to_owned()),
            session: SessionName {
                id: session.to_string(),
            },
        }
    }
}

/// Signs a user in by password.
#[utoipa::path(
    post,
    path = "/me/v1/session",
    operation_id = "sign_in",
    tag = "session",
    request_body = SignInRequest,
    responses(
        (status = 200, description = "A session", body = SessionAnswer),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 401, description = "invalid_credentials: wrong password or unknown user"),
        (status = 403, description = "tenant_forbidden"),
        (status = 429, description = "rate_limited"),
        (status = 503, description = "busy, store_unavailable"),
    ),
)]
pub(crate) async fn sign_in(
    counter: Counter,
    headers: HeaderMap,
    Json(body): Json<SignInRequest, 16384>,
) -> Result<Json<SessionAnswer>, Refusal> {
    let request = SignIn {
        email: body.email,
        password: Secret::new(body.password),
        tenant: parse_some("tenant", body.tenant.as_ref().and_then(Option::as_deref))?,
        unnamed: match body.tenant {
            None => Unnamed::OnlyOne,
            Some(_) => Unnamed::Nowhere,
        },
        role: None,
        scope: None,
        user_agent: user_agent(&headers),
    };
    let signed_in = act::sign_in(counter.context(), request)
        .await
        .map_err(refuse)?;
    Ok(Json(SessionAnswer::of(
        &signed_in.issued,
        signed_in.session,
        signed_in.refresh_token.as_ref(),
    )))
}

/// What the client says it is.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<UserAgent> {
    let text = headers.get(USER_AGENT)?;
    UserAgent::clean(&String::from_utf8_lossy(text.as_bytes()))
}
