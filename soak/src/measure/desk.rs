//! The few requests that every measuring mode makes, each with its answer or the reason
//! why there is none. Not here: random operations (`client`).

use crate::client::text;
use crate::history::RealmNo;
use crate::site::host;
use doorward_testkit::http::{Call, Response, Wire};
use serde_json::{Value, json};

/// A request to a realm.
pub(super) fn call(method: &str, target: &str, realm: RealmNo) -> Call {
    Call::to_host(method, target, &host(realm))
}

/// Sends it; anything but 2xx is a failure.
pub(super) fn send(wire: &mut Wire, call: &Call) -> Result<Response, String> {
    match wire.send(call) {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
        Ok(answer) => Err(format!("{} {}", answer.status, answer.text().trim())),
        Err(error) => Err(error.to_string()),
    }
}

fn member(answer: &Response, place: &str) -> Result<String, String> {
    let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    text(&body, place)
        .map(str::to_owned)
        .ok_or_else(|| format!("no {place} in the answer"))
}

/// Signs in; the session's access token.
pub(super) fn sign_in(
    wire: &mut Wire,
    realm: RealmNo,
    email: &str,
    password: &str,
) -> Result<String, String> {
    let call = call("POST", "/me/v1/session", realm);
    let answer = send(
        wire,
        &call.json(&json!({"email": email, "password": password})),
    )?;
    member(&answer, "/access_token")
}

/// Makes a token of a service account; its id and secret.
pub(super) fn make_token(
    wire: &mut Wire,
    realm: RealmNo,
    session: &str,
    owner: &str,
) -> Result<(String, String), String> {
    let call = call("POST", "/admin/v1/tokens", realm).bearer(session);
    let answer = send(
        wire,
        &call.json(&json!({"kind": "service", "owner": owner})),
    )?;
    Ok((member(&answer, "/id")?, member(&answer, "/token")?))
}

/// Ends a token.
pub(super) fn revoke(
    wire: &mut Wire,
    realm: RealmNo,
    session: &str,
    id: &str,
) -> Result<(), String> {
    let target = format!("/admin/v1/tokens/{id}");
    let call = call("DELETE", &target, realm).bearer(session);
    send(wire, &call).map(drop)
}

/// Exchanges an API token for an access token.
pub(super) fn exchange(wire: &mut Wire, realm: RealmNo, secret: &str) -> Result<String, String> {
    let call = call("POST", doorward_testkit::EXCHANGE, realm);
    let answer = send(wire, &call.json(&json!({"access_token": secret})))?;
    member(&answer, "/jwt")
}

/// A request to the upstream.
pub(super) fn usage(realm: RealmNo, credential: &str) -> Call {
    call("GET", "/use/it", realm).bearer(credential)
}
