//! Begins a session by an address and its password.

use crate::desk::{Body, Visit, user_agent};
use crate::refuse::{refuse, required};
use crate::wire::SignedInView;
use doorward_base::Secret;
use doorward_identity::act::{self, SignIn};
use doorward_identity::decide::authority::Unnamed;
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

/// A sign-in. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignInRequest {
    /// The address.
    email: Option<String>,
    /// Its password.
    password: Option<String>,
}

/// Begins a session by an address and its password. One answer for an address that is not
/// known, a wrong password and a user who may not act.
#[utoipa::path(
    post,
    path = "/v1/signin/email-password",
    operation_id = "sign_in_email_password",
    tag = "session",
    request_body = SignInRequest,
    responses(
        (status = 200, description = "A session", body = SignedInView),
        (status = 400, description = "invalid-request"),
        (status = 401, description = "invalid-email-password"),
        (status = 429, description = "too-many-requests"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn sign_in_email_password(
    visit: Visit,
    headers: HeaderMap,
    AnyJson(body): Body<SignInRequest>,
) -> Result<Json<SignedInView>, Refusal> {
    let request = SignIn {
        email: required(body.email, "email")?,
        password: required(body.password, "password").map(Secret::new)?,
        tenant: None,
        unnamed: Unnamed::Home,
        role: None,
        scope: None,
        user_agent: user_agent(&headers),
    };
    let signed_in = act::sign_in(visit.context(), request).await;
    Ok(Json(SignedInView::of(&signed_in.map_err(refuse)?)))
}
