//! Makes an account and begins a session of it.

use crate::desk::{Body, Visit, user_agent};
use crate::refuse::{invalid, refuse, required};
use crate::wire::SignedInView;
use doorward_base::{Email, RoleName, Secret};
use doorward_identity::act::{self, Failure, SignUp};
use doorward_identity::decide::sign_up::{AskedRoles, check_open};
use doorward_identity::model::Metadata;
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
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
    /// What else there is to say.
    options: Option<Options>,
}

/// What else there is to say of who signs up.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Options {
    /// What it is called; without a name, its address.
    display_name: Option<String>,
    /// What it says about itself, at most 16 KiB. It gives nothing.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// The roles that it wants, of those that everybody gets.
    allowed_roles: Option<Vec<String>>,
    /// The role in force where a request selects none: the realm's.
    default_role: Option<String>,
}

/// Makes an account and begins a session of it. The address passes for the person's at once,
/// and is not verified.
#[utoipa::path(
    post,
    path = "/v1/signup/email-password",
    operation_id = "sign_up_email_password",
    tag = "session",
    request_body = SignUpRequest,
    responses(
        (status = 200, description = "A session of the new account", body = SignedInView),
        (status = 400, description = "invalid-request, password-too-short, password-in-hibp-database, role-not-allowed, default-role-must-be-in-allowed-roles"),
        (status = 403, description = "signup-disabled"),
        (status = 409, description = "email-already-in-use"),
        (status = 429, description = "too-many-requests"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn sign_up_email_password(
    visit: Visit,
    headers: HeaderMap,
    AnyJson(body): Body<SignUpRequest>,
) -> Result<Json<SignedInView>, Refusal> {
    // The product says so before it looks at what is in the body.
    check_open(&visit.realm.settings.sign_up)
        .map_err(|refusal| refuse(Failure::Refused(refusal)))?;
    let request = SignUp {
        user_agent: user_agent(&headers),
        ..parse(body)?
    };
    let signed_up = act::sign_up(visit.context(), request).await;
    Ok(Json(SignedInView::of(&signed_up.map_err(refuse)?)))
}

fn parse(body: SignUpRequest) -> Result<SignUp, Refusal> {
    let email = required(body.email, "email")?;
    let email = Email::new(&email).map_err(|_| invalid("`email` is no address"))?;
    let password = required(body.password, "password").map(Secret::new)?;
    let options = body.options.unwrap_or_default();
    let allowed = options.allowed_roles.map(|names| {
        let names = names.iter().map(|name| role(name));
        names.collect::<Result<Vec<RoleName>, Refusal>>()
    });
    let default = options.default_role.filter(|name| !name.is_empty());
    Ok(SignUp {
        email,
        password,
        invitation: None,
        name: options.display_name.filter(|name| !name.is_empty()),
        roles: AskedRoles {
            allowed: allowed.transpose()?,
            default: default.map(|name| role(&name)).transpose()?,
        },
        user_metadata: options.metadata.unwrap_or_default(),
        user_agent: None,
    })
}

/// What is no name of a role is the name of none.
fn role(name: &str) -> Result<RoleName, Refusal> {
    RoleName::new(name).map_err(|_| invalid("no such role").because(Some("sign_up_role")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<SignUp, Refusal> {
        let request = serde_json::from_str(&body.to_string());
        parse(request.map_err(|_| invalid("not the type"))?)
    }

    #[test]
    fn nothing_but_roles_and_words_come_from_the_body() {
        let request = read(&json!({
            "email": "Ada@Example.org", "password": "p", "tenant": "acme", "codeChallenge": "x",
            "options": {
                "displayName": "Ada", "locale": "en", "metadata": {"a": 1},
                "allowedRoles": ["me"], "defaultRole": "me", "redirectTo": "https://evil.example",
            },
        }))
        .unwrap();
        assert_eq!(request.email.as_str(), "ada@example.org");
        assert_eq!(request.name.as_deref(), Some("Ada"));
        assert_eq!(
            request.user_metadata,
            Metadata::from_iter([("a".to_owned(), json!(1))])
        );
        let me: RoleName = "me".parse().unwrap();
        assert_eq!(request.roles.allowed, Some(vec![me.clone()]));
        assert_eq!(request.roles.default, Some(me));
        let plain = read(&json!({"email": "a@example.org", "password": "p"})).unwrap();
        assert_eq!(plain.roles, AskedRoles::default());
    }

    #[test]
    fn what_is_missing_is_told() {
        for (body, reason) in [
            (json!({}), None),
            (json!({"email": "a@example.org"}), None),
            (json!({"email": "a", "password": "p"}), None),
            (
                json!({"email": "a@example.org", "password": "p", "options": {"allowedRoles": ["a b"]}}),
                Some("sign_up_role"),
            ),
        ] {
            let refusal = read(&body).unwrap_err();
            assert_eq!(
                refusal.code,
                doorward_base::ErrorCode::InvalidRequest,
                "{body}"
            );
            assert_eq!(refusal.reason, reason, "{body}");
        }
    }
}
