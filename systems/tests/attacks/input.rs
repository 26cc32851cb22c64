//! Input that is too big, of the wrong type, or nonsense: a 4xx with a code, and the
//! next request is served.

use crate::{door, robot};
use doorward_testkit::{App, Person, raw, sign_in, site};
use serde_json::{Value, json};

fn assert_coded(what: &str, answer: &doorward_testkit::Response, status: u16) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert!(
        !answer.code().is_empty(),
        "{what}: no code in {}",
        answer.text()
    );
    assert!(
        answer.header("x-request-id").is_some(),
        "{what}: no request id"
    );
}

fn post(app: &App, path: &str, body: impl Into<Vec<u8>>) -> doorward_testkit::Response {
    app.request("POST", path)
        .header("Content-Type", "application/json")
        .body(body)
        .send()
}

#[test]
fn oversized_bodies_are_413() {
    let app = door(site!()).start();
    let huge = json!({"access_token": "a".repeat(2 * 1024 * 1024)}).to_string();
    assert_coded(
        "exchange",
        &post(&app, doorward_testkit::EXCHANGE, huge.clone()),
        413,
    );
    assert_coded("sign-in", &post(&app, "/me/v1/session", huge), 413);
    // What the length only announces is refused before it is sent.
    let announced = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n{{",
        doorward_testkit::EXCHANGE,
        app.addr()
    );
    assert_eq!(
        raw::status(&raw::exchange(app.addr(), announced.as_bytes())),
        413
    );
    app.get("/public/x").expect(200);
}

#[test]
fn oversized_headers_are_431() {
    let app = door(site!()).start();
    let long = app
        .request("GET", "/public/x")
        .header("X-Long", &"a".repeat(40 * 1024))
        .send();
    assert_eq!(long.status, 431);
    let mut many = app.request("GET", "/public/x");
    for number in 0..300 {
        many = many.header(&format!("X-{number}"), "a");
    }
    assert_eq!(many.send().status, 431);
    let far = app.get(&format!("/public/{}", "a".repeat(64 * 1024)));
    assert!(matches!(far.status, 414 | 431), "{}", far.status);
    app.get("/public/x").expect(200);
}

#[test]
fn wrong_types_are_400_everywhere() {
    let app = door(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let session = ada.sign_in(&app);
    for body in [
        json!(null),
        json!([]),
        json!("text"),
        json!(1),
        json!({"name": 1}),
        json!({"name": ["a"]}),
        json!({"expires_at": 5.5}),
        json!({"expires_at": "tomorrow"}),
    ] {
        let answer = session.request("POST", "/me/v1/tokens").json(&body).send();
        assert_coded(&body.to_string(), &answer, 400);
    }
    for body in [
        json!(null),
        json!({}),
        json!({"email": 1, "password": 2}),
        json!({"email": ada.email()}),
        json!({"email": ada.email(), "password": null}),
    ] {
        assert_coded(
            &body.to_string(),
            &post(&app, "/me/v1/session", body.to_string()),
            400,
        );
    }
    for id in ["x", "..", "1", "%00", "' OR 1=1--"] {
        let target = format!("/me/v1/tokens/{}", doorward_testkit::http::escape(id));
        let answer = session.request("DELETE", &target).send();
        assert!(
            matches!(answer.status, 400 | 404),
            "{id}: {}",
            answer.status
        );
    }
    assert_eq!(app.tokens(ada.email()), Vec::<Value>::new());
}

#[test]
fn a_sign_in_tells_nobody_who_exists() {
    let app = door(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let wrong = sign_in(&app, ada.email(), "not the password");
    let unknown = sign_in(&app, "nobody@example.com", "not the password");
    for answer in [&wrong, &unknown] {
        assert_coded("sign-in", answer, 401);
        assert_eq!(answer.code(), "invalid_credentials");
    }
    assert_eq!(wrong.text().len(), unknown.text().len());
    let names = |answer: &doorward_testkit::Response| {
        answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&wrong), names(&unknown));
    // Case of the address does not make another account.
    sign_in(&app, "ADA@Example.COM", ada.password()).expect(200);
}

#[test]
fn nonsense_leaves_no_panic_behind() {
    let app = door(site!()).start();
    let token = robot(&app);
    for bytes in [
        &b"\0\0\0\0"[..],
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff",
        b"\r\n\r\n\r\n",
        &[0xff; 4096],
    ] {
        let _ = raw::exchange(app.addr(), bytes);
    }
    let deep = format!(
        "{{\"access_token\":{}1{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    assert_eq!(post(&app, doorward_testkit::EXCHANGE, deep).status, 400);
    assert_eq!(
        post(&app, doorward_testkit::EXCHANGE, vec![0xff, 0xfe]).status,
        400
    );
    app.exchange(&token, &json!({})).expect(200);
    let log = std::fs::read_to_string(app.artifacts().path("server.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}
