//! What an access token of ours may be made from, and everything whose end ends it: the
//! credential, the client it was issued to, each actor.

use super::support::{Running, ask, start};
use doorward_base::principal::CredentialId;
use doorward_base::{ApiTokenId, ClientId, SessionId, SubjectId};
use serde_json::{Value, json};

const ID: &str = "22222222-2222-2222-2222-222222222222";
const OTHER: &str = "33333333-3333-3333-3333-333333333333";

/// A token with these claims laid over; null removes one.
fn bearer(gate: &Running, over: &Value) -> String {
    gate.world.bearer(|claims| {
        for (name, value) in over.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
    })
}

async fn get(gate: &Running, bearer: &str) -> (u16, Option<String>) {
    let answer = ask(gate.addr, "GET /api/x", &[("Authorization", bearer)]).await;
    let credential = (answer.status == 200).then(|| {
        let headers = &answer.json()["headers"];
        headers["x-doorward-credential"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    (answer.status, credential)
}

#[tokio::test]
async fn a_token_is_made_from_exactly_one_thing_and_perhaps_for_a_client() {
    let gate = start(|_| {}).await;
    let user = |more: Value| {
        let mut own = json!({"k": "user", "e": 3});
        own.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        own
    };
    for (what, over, status) in [
        ("an API token", json!({"dw": user(json!({"t": ID}))}), 200),
        ("a session", json!({"sid": ID, "dw": user(json!({}))}), 200),
        (
            "a client",
            json!({"dw": {"k": "service", "e": 3, "c": ID}}),
            200,
        ),
        (
            "a session, for a client",
            json!({"sid": ID, "dw": user(json!({"c": OTHER}))}),
            200,
        ),
        ("nothing", json!({"dw": user(json!({}))}), 401),
        (
            "a token and a session",
            json!({"sid": ID, "dw": user(json!({"t": OTHER}))}),
            401,
        ),
        (
            "a token and a client",
            json!({"dw": user(json!({"t": ID, "c": OTHER}))}),
            401,
        ),
        (
            "a client that is no id",
            json!({"dw": user(json!({"c": "app"}))}),
            401,
        ),
        (
            "a client that is no text",
            json!({"dw": user(json!({"c": 1}))}),
            401,
        ),
    ] {
        let (got, credential) = get(&gate, &bearer(&gate, &over)).await;
        assert_eq!(got, status, "{what}");
        assert_eq!(
            credential.as_deref(),
            (status == 200).then_some(ID),
            "{what}"
        );
    }
}

/// A chain of this many actors, whoever acts now outermost; the innermost acts by `last`.
fn chain(links: u8, last: &Value) -> Value {
    let mut act = Value::Null;
    for n in (0..links).rev() {
        let mut link = json!({
            "sub": SubjectId::from_bytes([n; 16]).to_string(),
            "dw": {"k": "service", "e": 3, "t": ApiTokenId::from_bytes([n; 16]).to_string()},
        });
        if act.is_null() {
            for (name, value) in last.as_object().unwrap() {
                link[name] = value.clone();
            }
        } else {
            link["act"] = act;
        }
        act = link;
    }
    act
}

#[tokio::test]
async fn a_chain_of_actors_is_whole_and_at_most_five_long() {
    let gate = start(|_| {}).await;
    let none = json!({});
    for (what, act, status) in [
        ("one", chain(1, &none), 200),
        ("five", chain(5, &none), 200),
        (
            "a client",
            chain(2, &json!({"dw": {"k": "service", "e": 3, "c": ID}})),
            200,
        ),
        ("six", chain(6, &none), 401),
        ("text", json!("bot"), 401),
        ("a list", json!([chain(1, &none)]), 401),
        ("an empty link", json!({}), 401),
        ("an inner text", chain(2, &json!({"act": "bot"})), 401),
        ("an inner null", chain(2, &json!({"act": null})), 401),
        ("no sub", chain(2, &json!({"sub": null})), 401),
        ("a foreign sub", chain(2, &json!({"sub": "bot"})), 401),
        ("no private object", chain(2, &json!({"dw": null})), 401),
        (
            "no credential",
            chain(2, &json!({"dw": {"k": "user", "e": 3}})),
            401,
        ),
        (
            "no epoch",
            chain(2, &json!({"dw": {"k": "user", "t": ID}})),
            401,
        ),
        ("two credentials", chain(2, &json!({"sid": ID})), 401),
        (
            "a session and a client",
            chain(2, &json!({"sid": ID, "dw": {"k": "user", "e": 3, "c": ID}})),
            401,
        ),
    ] {
        let (got, _) = get(&gate, &bearer(&gate, &json!({"act": act}))).await;
        assert_eq!(got, status, "{what}");
    }
}

/// Revoking any link kills what hangs on it, also from the cache of verified tokens.
#[tokio::test]
async fn the_end_of_any_link_ends_the_token() {
    let gate = start(|_| {}).await;
    let client = ClientId::from_bytes([9; 16]);
    let inner = json!({"sid": ID, "dw": {"k": "user", "e": 3}});
    let jwt = bearer(
        &gate,
        &json!({
            "sid": OTHER,
            "dw": {"k": "user", "e": 3, "c": client.to_string()},
            "act": chain(2, &inner),
        }),
    );
    let links: [CredentialId; 4] = [
        CredentialId::Session(OTHER.parse::<SessionId>().unwrap()),
        CredentialId::Client(client),
        CredentialId::ApiToken(ApiTokenId::from_bytes([0; 16])),
        CredentialId::Session(ID.parse().unwrap()),
    ];
    assert_eq!(get(&gate, &jwt).await.0, 200);
    for link in links {
        *gate.world.revoked_one.lock().unwrap() = Some(link);
        assert_eq!(get(&gate, &jwt).await.0, 401, "{link:?}");
        *gate.world.revoked_one.lock().unwrap() = None;
        assert_eq!(get(&gate, &jwt).await.0, 200);
    }
    // So does a change of what any of them may do.
    for n in [0, 1] {
        *gate.world.grown.lock().unwrap() = Some(SubjectId::from_bytes([n; 16]));
        assert_eq!(get(&gate, &jwt).await.0, 401, "{n}");
        *gate.world.grown.lock().unwrap() = None;
    }
    assert_eq!(get(&gate, &jwt).await.0, 200);
}
