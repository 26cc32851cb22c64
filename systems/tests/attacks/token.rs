//! Tokens that were never issued, or not for this: every one is 401 with nothing told.

use crate::{door, plain_jwt, robot};
use doorward_testkit::{App, Person, jwt, jwt::Unverified, site};
use serde_json::{Value, json};

const CATALOGUE: &str = "/api/catalog/entities";

/// The token with some header members and claims laid over its own, its signature kept.
fn altered(token: &str, header: &Value, claims: &Value) -> String {
    let mut parts = Unverified::of(token);
    let signature = token.rsplit('.').next().unwrap().to_owned();
    parts
        .header
        .as_object_mut()
        .unwrap()
        .extend(header.as_object().unwrap().clone());
    parts
        .claims
        .as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    let unsigned = jwt::assemble(&parts.header, &parts.claims, b"");
    format!("{unsigned}{signature}")
}

fn assert_refused(app: &App, what: &str, token: &str) {
    let answer = app.get_as(token, CATALOGUE);
    assert!(
        matches!(answer.status, 400 | 401 | 431),
        "{what}: {}",
        answer.status
    );
    assert!(
        !answer.text().contains(token),
        "{what}: the answer repeats the token"
    );
}

#[test]
fn altered_tokens_are_refused() {
    let app = door(site!()).start();
    let token = plain_jwt(&app);
    app.get_as(&token, CATALOGUE).expect(200);
    let far = json!({"exp": 4_102_444_800_u64});
    for (what, header, claims) in [
        ("alg none", json!({"alg": "none"}), json!({})),
        ("alg None", json!({"alg": "None"}), json!({})),
        ("alg nOnE", json!({"alg": "nOnE"}), json!({})),
        ("alg HS256", json!({"alg": "HS256"}), json!({})),
        ("alg ES384", json!({"alg": "ES384"}), json!({})),
        ("unknown kid", json!({"kid": "other"}), json!({})),
        ("kid path", json!({"kid": "../../../dev/null"}), json!({})),
        ("kid sql", json!({"kid": "' UNION SELECT 'k'--"}), json!({})),
        (
            "own key",
            json!({"jwk": {"kty": "oct", "k": "AA"}}),
            json!({}),
        ),
        ("jku", json!({"jku": "http://127.0.0.1:9/jwks"}), json!({})),
        ("crit", json!({"crit": ["exp"]}), json!({})),
        ("typ", json!({"typ": "JWT+other"}), json!({})),
        ("longer life", json!({}), far),
        (
            "other subject",
            json!({}),
            json!({"sub": "00000000-0000-4000-8000-000000000000"}),
        ),
        ("more scope", json!({}), json!({"scope": crate::GOVERNANCE})),
        (
            "other issuer",
            json!({}),
            json!({"iss": "http://127.0.0.1:8080/"}),
        ),
        ("exp as text", json!({}), json!({"exp": "4102444800"})),
    ] {
        assert_refused(&app, what, &altered(&token, &header, &claims));
    }
}

#[test]
fn things_that_are_no_token_are_refused() {
    let app = door(site!()).start();
    let token = plain_jwt(&app);
    let parts: Vec<&str> = token.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    for (what, junk) in [
        ("no signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{token}.{signature}")),
        (
            "signature of zeros",
            format!("{header}.{claims}.{}", "A".repeat(86)),
        ),
        ("padding", format!("{token}==")),
        ("a space inside", format!("{header}. {claims}.{signature}")),
        ("dots", ".".repeat(1000)),
        ("empty parts", "..".to_owned()),
        ("words", "null".to_owned()),
        ("json", "{\"access_token\":1}".to_owned()),
        ("a comma", format!("{token},{token}")),
        ("a second word", format!("{token} {token}")),
        ("a quoted token", format!("\"{token}\"")),
        ("16 KiB", "a".repeat(16 * 1024)),
    ] {
        assert_refused(&app, what, &junk);
    }
}

#[test]
fn one_request_has_one_credential() {
    let app = door(site!())
        .set("realm.witboost.basic.modules.ui.enabled", true)
        .start();
    let access = robot(&app);
    let token = app.jwt(&access, &json!({}));
    let twice = app
        .request("GET", CATALOGUE)
        .bearer(&token)
        .bearer(&token)
        .send();
    assert_eq!(twice.status, 400, "{}", twice.text());
    let mixed = app
        .request("GET", CATALOGUE)
        .bearer(&token)
        .basic("witboost", &access)
        .send();
    assert_eq!(mixed.status, 400, "{}", mixed.text());
}

#[test]
fn every_kind_of_token_opens_only_its_own_door() {
    let app = door(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let access = robot(&app);
    let exchanged = app.jwt(&access, &json!({}));
    let session = ada.sign_in(&app);
    // An access token is no bearer token, a JWT is no access token.
    assert_refused(&app, "access token as a bearer", &access);
    for token in [exchanged.as_str(), session.token()] {
        let answer = app.exchange(token, &json!({}));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_token")
        );
    }
    // A machine has no session to manage; it may not administrate.
    let answer = app.get_as(&exchanged, "/admin/v1/audit");
    assert!(matches!(answer.status, 401 | 403), "{}", answer.status);
}

#[test]
fn a_token_on_an_open_route_is_judged_all_the_same() {
    let app = door(site!()).start();
    app.get("/public/x").expect(200);
    app.get_as(&plain_jwt(&app), "/public/x").expect(200);
    app.get_as("junk", "/public/x").expect(401);
}
