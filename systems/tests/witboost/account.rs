//! Who may call, and with what: rows 01 to 06.

use crate::{GOVERNANCE, ROBOT, robot, witboost, witboost_with_basic};
use doorward_testkit::{Person, secret_of, site};
use serde_json::json;
use std::time::Duration;

#[test]
fn wb_01_platform_apis_require_authentication() {
    let app = witboost(site!()).start();
    for path in [
        "/api/catalog/entities",
        "/api/computational-governance/validate",
        "/api/provisioning/x",
    ] {
        let answer = app.get(path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "unauthorized"),
            "{path}"
        );
        // Backstage's body, and the header that RFC 9110 §11.6.1 asks for.
        assert_eq!(answer.json()["error"]["name"], "AuthenticationError");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
}

#[test]
fn wb_02_bearer_and_basic_are_the_two_methods() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    app.get_as(&jwt, "/api/catalog/entities").expect(200);
    let basic = app
        .request("GET", "/api/catalog/entities")
        .basic("witboost", &token);
    basic.send().expect(200);
    // The access token itself is neither.
    let answer = app.get_as(&token, "/api/catalog/entities");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (401, "invalid_token")
    );
    let header = app
        .request("GET", "/api/catalog/entities")
        .header("X-API-Key", &token);
    header.send().expect(401);
    app.get(&format!("/api/catalog/entities?access_token={token}"))
        .expect(401);
}

#[test]
fn wb_03_service_accounts_and_people_own_the_same_kind_of_token() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let service = robot(&app);
    let personal = app.token("personal", ada.email(), &[]);
    for token in [&service, &personal] {
        assert!(token.starts_with("wbat-"));
        let jwt = app.jwt(token, &json!({}));
        app.get_as(&jwt, "/api/catalog/entities").expect(200);
    }
    assert_eq!(
        app.tokens(ROBOT)[0]["class"],
        app.tokens(ada.email())[0]["class"]
    );
}

#[test]
fn wb_04_an_administrator_makes_a_service_account() {
    let app = witboost(site!()).start();
    let admin = Person::make(&app, "admin@example.com", &[crate::EDIT_ACCOUNTS]);
    let session = admin.sign_in(&app);
    session.make_service_account(ROBOT, &json!({})).expect(201);
    // The address identifies it: a second of the same is refused.
    let second = session.make_service_account(ROBOT, &json!({}));
    assert_eq!(
        (second.status, second.code().as_str()),
        (409, "already_exists")
    );
}

#[test]
fn wb_05_each_user_makes_a_pat_of_their_own() {
    let app = witboost(site!()).start();
    for email in ["ada@example.com", "grace@example.com"] {
        let session_of = Person::make(&app, email, &[]);
        let session = session_of.sign_in(&app);
        let made = session.make_own_token(&json!({"name": "laptop"}));
        made.expect(201);
        let jwt = app.jwt(&secret_of(&made), &json!({}));
        assert_eq!(app.get_as(&jwt, "/api/catalog/entities").status, 200);
        assert_eq!(
            session.own_tokens().expect(200).json()["items"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

#[test]
fn wb_06_a_revoked_or_expired_token_is_not_exchanged() {
    let app = witboost(site!()).with_clock().start();
    let revoked = robot(&app);
    app.revoke(&revoked);
    let answer = app.until_status(&exchange_request(&app, &revoked), 401);
    assert_eq!(answer.code(), "invalid_token");

    app.service_account("other@example.com", &["--permission", GOVERNANCE]);
    let short = app.token("service", "other@example.com", &["--expires", "1h"]);
    app.exchange(&short, &json!({})).expect(200);
    app.pass(Duration::from_secs(3601));
    let answer = app.exchange(&short, &json!({}));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (401, "token_expired")
    );
    // One that never existed looks as one that was revoked.
    let unknown = app.exchange("wbat-000000000000000000000000000aaaaaaaa", &json!({}));
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (401, "invalid_token")
    );
}

fn exchange_request(app: &doorward_testkit::App, token: &str) -> doorward_testkit::Request {
    app.request("POST", doorward_testkit::EXCHANGE)
        .json(&json!({"access_token": token}))
}
