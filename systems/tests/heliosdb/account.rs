//! Accounts that tests sign up, and what they are answered. Not here: what the answers must be.

use doorward_testkit::{App, Fetched, Response, jwt::Unverified};
use serde_json::{Value, json};

pub(crate) const EMAIL: &str = "developer@example.com";
pub(crate) const PASSWORD: &str = "secure-password-123";

pub(crate) fn post(app: &App, path: &str, body: &Value) -> Response {
    app.request("POST", path).json(body).send()
}

pub(crate) fn account(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// Signs up, and keeps the secrets of the answer out of the logs' way.
pub(crate) fn sign_up(app: &App, email: &str) -> Value {
    let answer = post(app, "/auth/v1/signup", &account(email));
    remembered(app, answer.expect(200).json())
}

pub(crate) fn sign_in(app: &App, email: &str) -> Value {
    let answer = post(app, "/auth/v1/token", &account(email));
    remembered(app, answer.expect(200).json())
}

pub(crate) fn remembered(app: &App, session: Value) -> Value {
    for member in ["access_token", "refresh_token"] {
        if let Some(secret) = session[member].as_str() {
            let _ = app.remembered(secret.to_owned());
        }
    }
    session
}

pub(crate) fn text(session: &Value, member: &str) -> String {
    session[member].as_str().unwrap().to_owned()
}

pub(crate) fn refresh(app: &App, token: &str) -> Response {
    let path = "/auth/v1/token?grant_type=refresh_token";
    post(app, path, &json!({"refresh_token": token}))
}

pub(crate) fn of(fetched: &Fetched) -> Value {
    serde_json::from_str(&fetched.body).unwrap()
}

/// The body of a refusal, as the guide prints it.
pub(crate) fn refusal(answer: &Response) -> (u16, Value) {
    (answer.status, answer.json())
}

pub(crate) fn invalid() -> (u16, Value) {
    let body = json!({"error": "invalid_token", "message": "Token is invalid"});
    (401, body)
}

/// The claims of a session's access token, which the server takes: nobody else has the key.
pub(crate) fn claims(app: &App, session: &Value) -> Value {
    let access = text(session, "access_token");
    app.get_as(&access, "/auth/v1/user").expect(200);
    Unverified::of(&access).claims
}

/// The members of a session as the guide prints it.
pub(crate) fn assert_session(session: &Value) {
    assert_eq!(session["token_type"], "bearer");
    assert_eq!(session["expires_in"], 3600);
    assert!(session["access_token"].is_string());
}
