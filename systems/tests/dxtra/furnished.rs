//! Dxtra as its file stands, with people that sign up, and what the tests ask of it.

use doorward_testkit::{App, Response, Setup};
use serde_json::{Value, json};

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "secure_password_123";
pub(crate) const GRAPHQL: &str = "/v1/graphql";
pub(crate) const CLAIMS: &str = "https://hasura.io/jwt/claims";

pub(crate) fn dxtra(site: &str) -> Setup {
    Setup::new(site, doorward_systems::DXTRA)
}

pub(crate) fn post(app: &App, path: &str, body: &Value) -> Response {
    app.request("POST", path).json(body).send()
}

pub(crate) fn post_as(app: &App, token: &str, path: &str, body: &Value) -> Response {
    app.request("POST", path).bearer(token).json(body).send()
}

/// A call of the API, in this role if one is named.
pub(crate) fn query(app: &App, token: Option<&str>, role: Option<&str>) -> Response {
    let mut request = app.request("POST", GRAPHQL);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    if let Some(role) = role {
        request = request.header("X-Hasura-Role", role);
    }
    request.json(&json!({"query": "{ a }"})).send()
}

/// The status and the product's code, in a body that is whole.
pub(crate) fn told(answer: &Response) -> (u16, String) {
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{body}");
    assert!(body["message"].is_string(), "{body}");
    (answer.status, text(&body, "error"))
}

pub(crate) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The status and the code of a GraphQL answer, which says why.
pub(crate) fn denied(answer: &Response) -> (u16, String) {
    let body = answer.json();
    let error = &body["errors"][0];
    assert!(error["message"].is_string(), "{body}");
    (answer.status, text(&error["extensions"], "code"))
}

pub(crate) fn text(of: &Value, member: &str) -> String {
    match of[member].as_str() {
        Some(text) => text.to_owned(),
        None => panic!("no {member} in {of}"),
    }
}

/// The session of an answer, its secrets journalled.
pub(crate) fn remembered(app: &App, answer: &Response) -> Value {
    let body = answer.expect(200).json();
    let session = body.get("session").cloned().unwrap_or(body);
    for member in ["accessToken", "refreshToken"] {
        let _ = app.remembered(text(&session, member));
    }
    session
}

pub(crate) fn sign_up(app: &App, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD});
    remembered(app, &post(app, "/v1/signup/email-password", &body))
}

pub(crate) fn sign_in(app: &App, email: &str, password: &str) -> Value {
    let body = json!({"email": email, "password": password});
    remembered(app, &post(app, "/v1/signin/email-password", &body))
}

/// The session of somebody who has this role beside those that everybody has.
pub(crate) fn with_role(app: &App, email: &str, role: &str) -> Value {
    let password = app.user(email, &["--role", role]);
    sign_in(app, email, &password)
}

pub(crate) fn refresh(app: &App, token: &str) -> Response {
    post(app, "/v1/token", &json!({"refreshToken": token}))
}

pub(crate) fn exchange(app: &App, pat: &str) -> Response {
    post(app, "/v1/signin/pat", &json!({"personalAccessToken": pat}))
}

/// A token that a person made as the product's clients do.
pub(crate) fn make_pat(app: &App, session: &Value, further: &Value) -> (String, String) {
    let made = post_as(app, &text(session, "accessToken"), "/v1/pat", further);
    let made = made.expect(200).json();
    let secret = app.remembered(text(&made, "personalAccessToken"));
    (text(&made, "id"), secret)
}
