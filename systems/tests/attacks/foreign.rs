//! Other people's things and other realms': the same answer as for what does not exist.

use crate::{GOVERNANCE, ROBOT};
use doorward_testkit::{App, Person, Setup, id_of, site};
use serde_json::{Value, json};

const UNKNOWN: &str = "00000000-0000-7000-8000-000000000000";

/// Two realms in one process, told apart by host.
fn two_realms(site: &str) -> App {
    Setup::new(site, doorward_systems::WITBOOST)
        .edit(|config| {
            let realms = config["realm"].as_table_mut().unwrap();
            let mut other = realms["witboost"].clone();
            realms["witboost"]["hosts"] = toml::Value::from(vec!["one.test"]);
            other["hosts"] = toml::Value::from(vec!["two.test"]);
            realms.insert("zweiter".to_owned(), other);
        })
        .start()
}

fn at(app: &App, host: &str, method: &str, path: &str) -> doorward_testkit::Request {
    app.request(method, path).host(host)
}

fn exchange_at(app: &App, host: &str, token: &str) -> doorward_testkit::Response {
    let body = json!({"access_token": token});
    at(app, host, "POST", doorward_testkit::EXCHANGE)
        .json(&body)
        .send()
}

#[test]
fn a_realms_tokens_are_nothing_in_another() {
    let app = two_realms(site!());
    app.service_account(ROBOT, &["--permission", GOVERNANCE]);
    let token = app.token("service", ROBOT, &[]);
    let answer = exchange_at(&app, "one.test", &token);
    let jwt = app.remembered(
        answer.expect(200).json()["jwt"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    at(&app, "one.test", "GET", "/api/catalog/entities")
        .bearer(&jwt)
        .send()
        .expect(200);
    // The other realm has the same issuer text, the same routes and the same classes.
    at(&app, "two.test", "GET", "/api/catalog/entities")
        .bearer(&jwt)
        .send()
        .expect(401);
    let foreign = exchange_at(&app, "two.test", &token);
    assert_eq!(
        (foreign.status, foreign.code().as_str()),
        (401, "invalid_token")
    );
    // Nor does it know the account, nor can it revoke its token.
    let listed = app
        .run(&["token", "list"], &["--realm", "zweiter", "--json"])
        .success()
        .json();
    assert_eq!(listed, json!([]));
    let _ = app
        .run_input(&["token", "revoke"], &["--realm", "zweiter", "-"], &token)
        .exit(1);
    exchange_at(&app, "one.test", &token).expect(200);
}

#[test]
fn a_host_nobody_serves_is_421() {
    let app = two_realms(site!());
    for host in ["three.test", "one.test.evil.example", ""] {
        let answer = at(&app, host, "GET", "/api/catalog/entities").send();
        assert!(
            matches!(answer.status, 400 | 421),
            "{host:?}: {}",
            answer.status
        );
    }
    // Case and the listener's own port do not make another host.
    let port = app.addr().port();
    for host in ["ONE.test".to_owned(), format!("one.test:{port}")] {
        assert_eq!(
            at(&app, &host, "GET", "/api/catalog/entities")
                .send()
                .status,
            401,
            "{host}"
        );
    }
}

#[test]
fn another_persons_token_is_not_there() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let grace = Person::make(&app, "grace@example.com", &[]);
    let made = ada.sign_in(&app).make_own_token(&json!({}));
    let id = id_of(made.expect(201));
    let session = grace.sign_in(&app);
    for method in ["GET", "DELETE"] {
        let theirs = session
            .request(method, &format!("/me/v1/tokens/{id}"))
            .send();
        let unknown = session
            .request(method, &format!("/me/v1/tokens/{UNKNOWN}"))
            .send();
        assert_eq!(theirs.status, unknown.status, "{method}");
        assert!(
            matches!(theirs.status, 404 | 405),
            "{method}: {}",
            theirs.status
        );
        assert_eq!(
            without_ids(&theirs.json()),
            without_ids(&unknown.json()),
            "{method}"
        );
    }
    assert_eq!(session.regenerate_own_token(&id).status, 404);
    assert_eq!(session.own_tokens().expect(200).json()["items"], json!([]));
    assert_eq!(app.tokens(ada.email())[0]["state"], "active");
}

#[test]
fn nobody_makes_a_token_for_another_by_naming_them() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let grace = Person::make(&app, "grace@example.com", &[]);
    let session = grace.sign_in(&app);
    for field in [
        "owner",
        "owner_id",
        "subject",
        "user",
        "user_id",
        "email",
        "tenant",
        "tenant_id",
    ] {
        let answer = session.make_own_token(&json!({field: ada.email()}));
        if answer.status == 201 {
            session.revoke_own_token(&id_of(&answer));
        }
        assert_eq!(app.tokens(ada.email()), Vec::<Value>::new(), "{field}");
    }
    // Nor by the administration, which grace has no part in.
    let answer = session.make_service_token(ada.email(), &json!({"kind": "personal"}));
    assert!(
        matches!(answer.status, 400 | 403 | 404),
        "{}",
        answer.status
    );
    assert_eq!(app.tokens(ada.email()), Vec::<Value>::new());
}

#[test]
fn the_administration_is_closed_to_who_holds_nothing() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let session_of = Person::make(&app, "ada@example.com", &[]);
    let session = session_of.sign_in(&app);
    for path in [
        "audit",
        "denials",
        "users",
        "service-accounts",
        "memberships?tenant=acme",
        "tokens",
    ] {
        let target = format!("/admin/v1/{path}");
        app.get(&target).expect(401);
        let answer = session.request("GET", &target).send();
        assert!(
            matches!(answer.status, 403 | 404),
            "{path}: {}",
            answer.status
        );
    }
}

/// A body without what differs in every answer.
fn without_ids(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("request");
        body.remove("request_id");
    }
    body
}
