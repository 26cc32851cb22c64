//! Hasura's webhook mode: an engine that asks us about each request is told the session
//! variables of its caller, or 401.

use crate::desk::{Body, Visit};
use crate::refuse::refuse;
use doorward_base::{ErrorCode, RoleName, Secret};
use doorward_identity::act;
use doorward_identity::settings::Presentation;
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Where the path of this endpoint ends, whatever it begins with.
pub(crate) const PATH: &str = "/hasura/webhook";
/// Where the engine's claims are in an access token.
const CLAIMS: &str = "https://hasura.io/jwt/claims";
const ROLE: &str = "x-hasura-role";

/// What an engine that asks by POST tells of its request. Members that are not named here are
/// ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct WebhookRequest {
    /// The headers that the caller sent.
    headers: BTreeMap<String, String>,
}

/// The session variables of the caller whose headers these are: the engine passes them on.
#[utoipa::path(
    get,
    path = "/v1/hasura/webhook",
    operation_id = "show_session_variables",
    tag = "hasura",
    responses(
        (status = 200, description = "The session variables", body = BTreeMap<String, String>),
        (status = 401, description = "unauthorized; role-not-allowed"),
    ),
)]
pub(crate) async fn show_session_variables(
    visit: Visit,
) -> Result<Json<BTreeMap<String, String>>, Refusal> {
    let principal = visit.principal();
    let principal = principal.ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
    variables(&principal.claims, principal.role.as_ref()).map(Json)
}

/// The session variables of the caller whose headers the body has.
#[utoipa::path(
    post,
    path = "/v1/hasura/webhook",
    operation_id = "look_up_session_variables",
    tag = "hasura",
    request_body = WebhookRequest,
    responses(
        (status = 200, description = "The session variables", body = BTreeMap<String, String>),
        (status = 400, description = "invalid-request"),
        (status = 401, description = "unauthorized; role-not-allowed"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn look_up_session_variables(
    visit: Visit,
    AnyJson(body): Body<WebhookRequest>,
) -> Result<Json<BTreeMap<String, String>>, Refusal> {
    let token = bearer(one(&body.headers, "authorization")?)?;
    let role = one(&body.headers, ROLE)?;
    let is_jwt = token.expose().bytes().filter(|byte| *byte == b'.').count() == 2;
    if is_jwt {
        let checked = act::check_token(visit.context(), &token).await;
        let checked = checked.map_err(refuse)?;
        let role = checked.role(role).map_err(|_| not_allowed())?;
        return variables(&checked.claims, role).map(Json);
    }
    let found = act::introspect(visit.context(), &token, &Presentation::Bearer).await;
    let principal = found.map_err(refuse)?.principal;
    let asked = role
        .map(RoleName::new)
        .transpose()
        .map_err(|_| not_allowed())?;
    let role = match &asked {
        Some(asked) if !principal.may_take(asked) => return Err(not_allowed()),
        Some(asked) => Some(asked),
        None => principal.role.as_ref(),
    };
    variables(&principal.claims, role).map(Json)
}

fn not_allowed() -> Refusal {
    Refusal::new(ErrorCode::RoleNotAllowed)
}

/// The value of a header, which comes once, in any case.
fn one<'h>(
    headers: &'h BTreeMap<String, String>,
    wanted: &str,
) -> Result<Option<&'h str>, Refusal> {
    let is_it = |(name, _): &(&String, &String)| name.eq_ignore_ascii_case(wanted);
    let mut found = headers
        .iter()
        .filter(is_it)
        .map(|(_, value)| value.as_str());
    let first = found.next();
    match found.next() {
        Some(_) => Err(Refusal::new(ErrorCode::CredentialConflict)),
        None => Ok(first),
    }
}

fn bearer(value: Option<&str>) -> Result<Secret, Refusal> {
    let value = value.ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
    let token = value.split_once(' ').filter(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty() && !token.contains(' ')
    });
    token
        .map(|(_, token)| Secret::new(token.to_owned()))
        .ok_or_else(|| Refusal::new(ErrorCode::CredentialMalformed))
}

/// What the claims say, with the role in force instead of those that there are. Values are
/// texts: the engine takes no others.
fn variables(
    claims: &Map<String, Value>,
    role: Option<&RoleName>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let role = role.ok_or_else(not_allowed)?;
    let said = claims.get(CLAIMS).and_then(Value::as_object);
    let said = said.into_iter().flatten().filter(|(name, _)| {
        let is_of_roles = ["x-hasura-allowed-roles", "x-hasura-default-role", ROLE];
        let name = name.to_ascii_lowercase();
        name.starts_with("x-hasura-") && !is_of_roles.contains(&name.as_str())
    });
    let mut variables: BTreeMap<String, String> = said
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (name.clone(), text)
        })
        .collect();
    variables.insert(ROLE.to_owned(), role.to_string());
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_texts_and_the_role_is_the_one_in_force() {
        let claims = json!({
            "sub": "s",
            CLAIMS: {
                "x-hasura-allowed-roles": ["me", "user"], "x-hasura-default-role": "me",
                "x-hasura-user-id": "s", "x-hasura-level": 3, "X-Hasura-Role": "admin", "other": 1,
            },
        });
        let role: RoleName = "user".parse().unwrap();
        let told = variables(claims.as_object().unwrap(), Some(&role)).unwrap();
        let expected = json!({
            "x-hasura-level": "3", "x-hasura-role": "user", "x-hasura-user-id": "s",
        });
        assert_eq!(json!(told), expected);
        let refused = variables(claims.as_object().unwrap(), None).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RoleNotAllowed);
    }

    #[test]
    fn a_header_comes_once_in_any_case() {
        let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let single = of(&[("AUTHORIZATION", "Bearer t")]);
        assert_eq!(one(&single, "authorization").unwrap(), Some("Bearer t"));
        assert_eq!(one(&single, ROLE).unwrap(), None);
        let twice = of(&[("authorization", "Bearer a"), ("Authorization", "Bearer b")]);
        assert_eq!(
            one(&twice, "authorization").unwrap_err().code,
            ErrorCode::CredentialConflict
        );
        for (value, expected) in [
            (Some("Bearer t"), Ok("t")),
            (Some("bearer t"), Ok("t")),
            (Some("t"), Err(ErrorCode::CredentialMalformed)),
            (Some("Bearer "), Err(ErrorCode::CredentialMalformed)),
            (Some("Bearer a b"), Err(ErrorCode::CredentialMalformed)),
            (None, Err(ErrorCode::CredentialMissing)),
        ] {
            let read = bearer(value);
            let read = read
                .as_ref()
                .map(Secret::expose)
                .map_err(|refusal| refusal.code);
            assert_eq!(read, expected, "{value:?}");
        }
    }
}
