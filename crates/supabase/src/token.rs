//! Gives a session for a password, or goes on with one by its refresh token.

use crate::body::Body;
use crate::desk::{Visit, user_agent};
use crate::off::Off;
use crate::refuse::{invalid, refuse, refuse_refresh};
use crate::settings::Grant;
use crate::version::{ApiVersion, of_request};
use crate::wire::SessionView;
use doorward_base::{ErrorCode, Secret, Words as _};
use doorward_identity::act::{self, Refresh, SignIn};
use doorward_identity::decide::authority::Unnamed;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

/// The product calls what is shorter no refresh token, and anything else one that it does not
/// know, in bytes.
const SHORTEST: usize = 12;

/// What the query says.
#[derive(Deserialize)]
pub(crate) struct TokenQuery {
    /// `password` or `refresh_token`; may be in the body instead, or be the realm's default.
    grant_type: Option<String>,
}

/// What is exchanged for a session. Members that are not named here are ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenRequest {
    /// As in the query.
    grant_type: Option<String>,
    /// The address.
    email: Option<String>,
    /// Its password.
    password: Option<String>,
    /// The refresh token.
    refresh_token: Option<String>,
    /// A telephone number, which nobody signs in by here.
    phone: Option<String>,
}

/// Gives a session for a password, or goes on with one by its refresh token.
#[utoipa::path(
    post,
    path = "/auth/v1/token",
    operation_id = "grant_token",
    tag = "session",
    params(("grant_type" = Option<String>, Query, description = "`password` or `refresh_token`; may be in the body instead, or be the realm's default")),
    request_body = TokenRequest,
    responses(
        (status = 200, description = "A session", body = SessionView),
        (status = 400, description = "invalid_credentials, validation_failed, bad_json, refresh_token_not_found, refresh_token_already_used, session_expired, user_banned"),
        (status = 429, description = "over_request_rate_limit"),
        (status = 503, description = "unexpected_failure"),
    ),
)]
pub(crate) async fn grant_token(
    visit: Visit,
    Query(query): Query<TokenQuery>,
    headers: HeaderMap,
    Body(body): Body<TokenRequest>,
) -> Result<Json<SessionView>, Refusal> {
    match grant(&query, &body, visit.own.mount.default_grant)? {
        Grant::Password => sign_in(&visit, &headers, body).await.map(Json),
        Grant::RefreshToken => refresh(&visit, &headers, body).await.map(Json),
    }
}

/// What is asked for: the query says, else the body, else the realm.
fn grant(
    query: &TokenQuery,
    body: &TokenRequest,
    default: Option<Grant>,
) -> Result<Grant, Refusal> {
    let named = query.grant_type.as_deref().or(body.grant_type.as_deref());
    let Some(named) = named else {
        let named_by_body = match default {
            // A body that can be for nothing else says it too.
            Some(_) if body.refresh_token.is_some() && body.password.is_none() => {
                Some(Grant::RefreshToken)
            }
            default => default,
        };
        return named_by_body.ok_or_else(unsupported);
    };
    Grant::of_word(named).ok_or_else(|| match named {
        "pkce" => Off::Pkce.refusal(),
        "id_token" => Off::IdToken.refusal(),
        "web3" => Off::Web3.refusal(),
        _ => unsupported(),
    })
}

fn unsupported() -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest)
        .because(Some("grant_unsupported"))
        .with_message("unsupported_grant_type")
}

async fn sign_in(
    visit: &Visit,
    headers: &HeaderMap,
    body: TokenRequest,
) -> Result<SessionView, Refusal> {
    let (Some(email), Some(password)) = (body.email, body.password) else {
        return Err(match body.phone {
            Some(_) => Off::Phone.refusal(),
            None => invalid("An email address and a password are needed"),
        });
    };
    let request = SignIn {
        email,
        password: Secret::new(password),
        tenant: None,
        // Its clients name none, and are to find what was there yesterday.
        unnamed: Unnamed::Home,
        role: None,
        scope: None,
        user_agent: user_agent(headers),
    };
    let signed_in = act::sign_in(visit.context(), request)
        .await
        .map_err(refuse)?;
    Ok(SessionView::of(
        &visit.realm,
        &signed_in.issued,
        signed_in.refresh_token.as_ref(),
        &signed_in.subject,
    ))
}

async fn refresh(
    visit: &Visit,
    headers: &HeaderMap,
    body: TokenRequest,
) -> Result<SessionView, Refusal> {
    let token = body
        .refresh_token
        .ok_or_else(|| invalid("A refresh token is needed"))?;
    if token.len() < SHORTEST {
        let refusal = Refusal::new(ErrorCode::TokenInvalid);
        return Err(refusal.because(Some("refresh_malformed")));
    }
    let request = Refresh {
        token: Secret::new(token),
        scope: None,
        client: None,
    };
    let refreshed = act::refresh(visit.context(), request)
        .await
        .map_err(refuse_refresh)?;
    // HD-13. The product's own clients take an answer without one for no session.
    let is_told = visit.own.mount.refresh_in_answer || of_request(headers) != ApiVersion::Initial;
    let next = is_told.then_some(&refreshed.refresh_token);
    Ok(SessionView::of(
        &visit.realm,
        &refreshed.issued,
        next,
        &refreshed.subject,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn wire(body: Value) -> TokenRequest {
        serde_json::from_value(body).unwrap()
    }

    fn asked(
        query: Option<&str>,
        body: Value,
        default: Option<Grant>,
    ) -> Result<Grant, Option<&'static str>> {
        let query = TokenQuery {
            grant_type: query.map(str::to_owned),
        };
        grant(&query, &wire(body), default).map_err(|refusal| refusal.reason)
    }

    /// HD-04, HD-13.
    #[test]
    fn hd_04_a_grant_is_named_by_query_body_or_realm() {
        let password = Some(Grant::Password);
        let both = || json!({"email": "a@example.org", "password": "p"});
        let token = || json!({"refresh_token": "r"});
        for (query, body, default, expected) in [
            (Some("password"), both(), None, Ok(Grant::Password)),
            (
                Some("refresh_token"),
                token(),
                None,
                Ok(Grant::RefreshToken),
            ),
            (
                Some("refresh_token"),
                token(),
                password,
                Ok(Grant::RefreshToken),
            ),
            (
                None,
                json!({"grant_type": "refresh_token"}),
                password,
                Ok(Grant::RefreshToken),
            ),
            (
                Some("password"),
                json!({"grant_type": "refresh_token"}),
                None,
                Ok(Grant::Password),
            ),
            (None, both(), password, Ok(Grant::Password)),
            (None, token(), password, Ok(Grant::RefreshToken)),
            (None, json!({}), password, Ok(Grant::Password)),
            (None, both(), None, Err(Some("grant_unsupported"))),
            (None, token(), None, Err(Some("grant_unsupported"))),
            (Some(""), both(), password, Err(Some("grant_unsupported"))),
            (
                Some("Password"),
                both(),
                password,
                Err(Some("grant_unsupported")),
            ),
            (Some("pkce"), json!({}), None, Err(Some("off_pkce"))),
            (Some("id_token"), json!({}), None, Err(Some("off_id_token"))),
            (Some("web3"), json!({}), None, Err(Some("off_web3"))),
        ] {
            let answer = asked(query, body.clone(), default);
            assert_eq!(answer, expected, "{query:?} {body} {default:?}");
        }
    }
}
