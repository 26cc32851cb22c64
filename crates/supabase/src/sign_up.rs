//! Makes an account and begins a session of it.

use crate::body::Body;
use crate::desk::{Visit, user_agent};
use crate::off::Off;
use crate::refuse::{invalid, refuse};
use crate::wire::SessionView;
use doorward_base::{Email, Secret};
use doorward_identity::act::{self, SignUp};
use doorward_identity::decide::refusal::{Reason as _, SignUpRefusal};
use doorward_identity::decide::sign_up::{AskedRoles, check_open};
use doorward_identity::model::Metadata;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

/// A sign-up. Members that are not named here are ignored; no tenant is among them.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignUpRequest {
    /// The address.
    email: Option<String>,
    /// The password.
    password: Option<String>,
    /// What the person says about itself, at most 16 KiB. It gives nothing.
    #[schema(value_type = Option<Object>)]
    data: Option<Metadata>,
    /// The secret of an invitation of the address, which proves it.
    invitation: Option<String>,
    /// A telephone number, which nobody signs up by here.
    phone: Option<String>,
}

/// Makes an account and begins a session of it. The address passes for the person's at
/// once; where it belongs is the realm's to say.
#[utoipa::path(
    post,
    path = "/auth/v1/signup",
    operation_id = "sign_up",
    tag = "session",
    request_body = SignUpRequest,
    responses(
        (status = 200, description = "A session of the new account", body = SessionView),
        (status = 400, description = "validation_failed, bad_json, phone_provider_disabled"),
        (status = 404, description = "invite_not_found"),
        (status = 422, description = "signup_disabled, user_already_exists, weak_password, anonymous_provider_disabled"),
        (status = 429, description = "over_request_rate_limit"),
        (status = 503, description = "unexpected_failure"),
    ),
)]
pub(crate) async fn sign_up(
    visit: Visit,
    headers: HeaderMap,
    Body(body): Body<SignUpRequest>,
) -> Result<Json<SessionView>, Refusal> {
    check_open(&visit.realm.settings.sign_up).map_err(|refusal| refuse_closed(&refusal))?;
    let request = SignUp {
        user_agent: user_agent(&headers),
        ..parse(body)?
    };
    let signed_up = act::sign_up(visit.context(), request)
        .await
        .map_err(refuse)?;
    Ok(Json(SessionView::of(
        &visit.realm,
        &signed_up.issued,
        signed_up.refresh_token.as_ref(),
        &signed_up.subject,
    )))
}

/// The product says so before it looks at what is in the body.
fn refuse_closed(refusal: &SignUpRefusal) -> Refusal {
    Refusal::new(refusal.code())
        .because(Some(refusal.name()))
        .with_message(refusal.to_string())
}

fn parse(body: SignUpRequest) -> Result<SignUp, Refusal> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let Some(email) = given(body.email) else {
        let off = match given(body.phone) {
            Some(_) => Off::Phone,
            None => Off::Anonymous,
        };
        return Err(off.refusal());
    };
    let password = given(body.password)
        .ok_or_else(|| invalid("Signup requires a valid password"))
        .map(Secret::new)?;
    let email = Email::new(&email)
        .map_err(|_| invalid("Unable to validate email address: invalid format"))?;
    Ok(SignUp {
        email,
        password,
        invitation: given(body.invitation).map(Secret::new),
        name: None,
        roles: AskedRoles::default(),
        user_metadata: body.data.unwrap_or_default(),
        user_agent: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::ErrorCode;
    use serde_json::{Value, json};

    fn wire(body: Value) -> SignUpRequest {
        serde_json::from_value(body).unwrap()
    }

    fn read(body: Value) -> Result<SignUp, Refusal> {
        parse(wire(body))
    }

    /// HD-02.
    #[test]
    fn hd_02_an_address_and_a_password_are_enough() {
        let request = read(json!({"email": "Ada@Example.org", "password": "p"})).unwrap();
        assert_eq!(request.email.as_str(), "ada@example.org");
        assert_eq!(request.password.expose(), "p");
        assert_eq!(request.user_metadata, Metadata::new());
        assert!(request.invitation.is_none());
    }

    #[test]
    fn no_tenant_comes_from_the_body() {
        let body = json!({
            "email": "a@example.org", "password": "p", "tenant": "acme", "tenant_id": "acme",
            "app_metadata": {"a": 1}, "role": "admin", "data": {"tenant_id": "acme"},
        });
        let request = read(body).unwrap();
        let said = Metadata::from_iter([("tenant_id".to_owned(), json!("acme"))]);
        assert_eq!(request.user_metadata, said);
    }

    #[test]
    fn what_is_missing_or_not_taken_is_told_apart() {
        for (body, code, reason) in [
            (json!({}), ErrorCode::NotImplemented, Some("off_anonymous")),
            (
                json!({"data": {}}),
                ErrorCode::NotImplemented,
                Some("off_anonymous"),
            ),
            (
                json!({"phone": "+1", "password": "p"}),
                ErrorCode::NotImplemented,
                Some("off_phone"),
            ),
            (
                json!({"email": "a@example.org"}),
                ErrorCode::InvalidRequest,
                None,
            ),
            (
                json!({"email": "a", "password": "p"}),
                ErrorCode::InvalidRequest,
                None,
            ),
        ] {
            let refusal = read(body.clone()).unwrap_err();
            assert_eq!((refusal.code, refusal.reason), (code, reason), "{body}");
        }
    }
}
