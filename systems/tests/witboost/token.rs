//! Life of an access token: rows 12 to 16, 18 and 39.

use crate::{ROBOT, robot, witboost, witboost_with_basic};
use doorward_testkit::{App, Person, id_of, secret_of, site};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn wb_12_one_active_pat_per_account() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let session = ada.sign_in(&app);
    let first = session.make_own_token(&json!({}));
    first.expect(201);
    let second = session.make_own_token(&json!({}));
    assert_eq!(
        (second.status, second.code().as_str()),
        (409, "token_limit_reached")
    );
    assert_eq!(second.json()["error"]["name"], "ConflictError");
    // The command line is held to the same.
    let arguments = [
        "--realm",
        "witboost",
        "--kind",
        "personal",
        "--owner",
        ada.email(),
        "--quiet",
    ];
    let refused = app.run(&["token", "create"], &arguments).exit(1);
    assert_eq!(refused.stdout, "");
    // Another person is not.
    let grace = Person::make(&app, "grace@example.com", &[]);
    grace.sign_in(&app).make_own_token(&json!({})).expect(201);
    // After the first is revoked there is room again.
    session.revoke_own_token(&id_of(&first));
    session.make_own_token(&json!({})).expect(201);
}

#[test]
fn wb_12_an_expired_token_makes_room() {
    let app = witboost(site!()).with_clock().start();
    app.service_account(ROBOT, &[]);
    let _ = app.token("service", ROBOT, &["--expires", "1h"]);
    let create = [
        "--realm", "witboost", "--kind", "service", "--owner", ROBOT, "--quiet",
    ];
    let _ = app.run(&["token", "create"], &create).exit(1);
    app.pass(Duration::from_secs(3601));
    let _ = app.token("service", ROBOT, &[]);
}

#[test]
fn wb_13_expiry_is_optional() {
    let app = witboost(site!()).start();
    let endless = robot(&app);
    assert_eq!(app.tokens(ROBOT)[0]["expires_at"], Value::Null);
    app.service_account("other@example.com", &[]);
    let ending = app.token("service", "other@example.com", &["--expires", "90d"]);
    assert!(app.tokens("other@example.com")[0]["expires_at"].is_string());
    for token in [endless, ending] {
        app.exchange(&token, &json!({})).expect(200);
    }
}

#[test]
fn wb_14_the_secret_is_visible_only_at_creation() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let session = ada.sign_in(&app);
    let secret = secret_of(&session.make_own_token(&json!({"name": "laptop"})));
    let own = session.own_tokens();
    assert_eq!(own.expect(200).json()["items"][0]["name"], "laptop");
    let listed = app
        .run(&["token", "list"], &["--realm", "witboost", "--json"])
        .success();
    let table = app
        .run(&["token", "list"], &["--realm", "witboost"])
        .success();
    for text in [own.text(), listed.stdout, table.stdout] {
        assert!(text.contains("laptop"));
        assert!(!text.contains(&secret));
        // Nor a part of it that would make a search shorter.
        assert!(!text.contains(&secret[5..21]));
    }
}

#[test]
fn wb_15_a_revoked_token_is_dead_for_exchange_and_basic() {
    let app = witboost_with_basic(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let session = ada.sign_in(&app);
    let made = session.make_own_token(&json!({}));
    let token = secret_of(&made);
    let basic = app
        .request("GET", "/api/catalog/entities")
        .basic("witboost", &token);
    basic.send().expect(200);
    app.exchange(&token, &json!({})).expect(200);
    session.revoke_own_token(&id_of(&made));
    // The same node: not one accept after the acknowledgement.
    basic.send().expect(401);
    app.exchange(&token, &json!({})).expect(401);
    let state = app.tokens(ada.email());
    assert_eq!((state.len(), &state[0]["state"]), (1, &json!("revoked")));
}

#[test]
fn wb_16_regenerating_keeps_the_expiry_and_kills_the_old() {
    let app = witboost_with_basic(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let old = app.token("personal", ada.email(), &["--expires", "90d"]);
    let before = active(&app, ada.email());
    let session = ada.sign_in(&app);
    let answer = session.regenerate_own_token(before["id"].as_str().unwrap());
    assert!(matches!(answer.status, 200 | 201), "{}", answer.status);
    let new = secret_of(&answer);
    assert_ne!(old, new);
    app.exchange(&old, &json!({})).expect(401);
    app.request("GET", "/api/catalog/entities")
        .basic("witboost", &old)
        .send()
        .expect(401);
    app.exchange(&new, &json!({})).expect(200);
    let after = active(&app, ada.email());
    assert!(before["expires_at"].is_string());
    assert_eq!(after["expires_at"], before["expires_at"]);

    // By the command line, with the secret on standard input.
    let arguments = ["--realm", "witboost", "--quiet", "-"];
    let newest = app
        .run_secret(&["token", "regenerate"], &arguments, &new)
        .success()
        .line();
    let newest = app.remembered(newest);
    app.until_status(&exchange_request(&app, &new), 401);
    app.until_status(&exchange_request(&app, &newest), 200);
    assert_eq!(
        active(&app, ada.email())["expires_at"],
        before["expires_at"]
    );
}

#[test]
fn wb_16_a_revoked_token_cannot_be_regenerated() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    app.revoke(&token);
    let arguments = ["--realm", "witboost", "--quiet", "-"];
    let refused = app
        .run_input(&["token", "regenerate"], &arguments, &token)
        .exit(1);
    assert_eq!(refused.stdout, "");
    assert_eq!(
        app.tokens(ROBOT)
            .iter()
            .filter(|token| token["state"] == "active")
            .count(),
        0
    );
}

/// The console and the command line write a token the same way, wherever it is in its
/// life: one that was replaced and then ran out as well is revoked to both.
#[test]
fn wb_16_the_console_and_the_command_line_agree_on_every_state() {
    let app = witboost(site!())
        .set("realm.witboost.api_tokens.access.grace", "10m")
        .with_clock()
        .start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let revoked = app.token("personal", ada.email(), &[]);
    app.revoke(&revoked);
    let _ = app.token("personal", ada.email(), &["--expires", "1h"]);
    let regenerate = || {
        let session = ada.sign_in(&app);
        let before = active(&app, ada.email());
        let new = session.regenerate_own_token(before["id"].as_str().unwrap());
        let _ = secret_of(&new);
    };
    regenerate();
    app.pass(Duration::from_secs(3601));
    let _ = app.token("personal", ada.email(), &[]);
    regenerate();
    let by_id = |tokens: &[Value]| -> Vec<Value> {
        let mut tokens = tokens.to_vec();
        tokens.sort_by_key(|token| token["id"].to_string());
        tokens
    };
    let own = ada.sign_in(&app).own_tokens().expect(200).json();
    let (own, listed) = (
        by_id(own["items"].as_array().unwrap()),
        app.tokens(ada.email()),
    );
    assert_eq!(own, by_id(&listed));
    let mut states: Vec<&str> = own.iter().filter_map(|one| one["state"].as_str()).collect();
    states.sort_unstable();
    assert_eq!(
        states,
        ["active", "expired", "retiring", "revoked", "revoked"]
    );
}

#[test]
fn wb_18_tokens_are_known_by_their_prefix() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let body = token.strip_prefix("wbat-").unwrap();
    assert_eq!(body.len(), 35);
    assert!(
        body.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    );
    // Only this spelling of it is the token.
    for other in [
        token.to_uppercase(),
        format!("{token} "),
        format!(" {token}"),
        token.replace("wbat-", "WBAT-"),
        token.replace("wbat-", ""),
        format!("{token}\u{200b}"),
        token.replace("wbat-", "wbat%2D"),
    ] {
        let answer = app.exchange(&other, &json!({}));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_token"),
            "{}",
            other.len()
        );
    }
    app.exchange(&token, &json!({})).expect(200);
}

#[test]
fn wb_39_age_and_last_use_are_shown() {
    let mut app = witboost(site!()).start();
    let token = robot(&app);
    let fresh = &app.tokens(ROBOT)[0];
    assert!(fresh["created_at"].is_string());
    assert_eq!(fresh["last_used_at"], Value::Null);
    let _ = app.jwt(&token, &json!({}));
    // Last use is gathered in memory and written now and then, and at the end.
    assert_eq!(app.stop(), Some(0));
    assert!(app.tokens(ROBOT)[0]["last_used_at"].is_string());
}

fn active(app: &App, owner: &str) -> Value {
    let mut active = app.tokens(owner);
    active.retain(|token| token["state"] == "active");
    assert_eq!(active.len(), 1);
    active.remove(0)
}

fn exchange_request(app: &App, token: &str) -> doorward_testkit::Request {
    app.request("POST", doorward_testkit::EXCHANGE)
        .json(&json!({"access_token": token}))
}
