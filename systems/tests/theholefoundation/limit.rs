//! Limits, the audit log, and secrets in neither: rows 29 to 31 and 45.

use crate::provider::{ANN, BOB, Provider, REALM, call, refusal, told};
use doorward_testkit::{App, Setup, site, wait};
use serde_json::{Value, json};
use std::time::Duration;

const FOIA: &str = "/api/foia/requests";

/// The rows of the audit log that tell of requests, once there are so many.
fn accesses(app: &App, at_least: usize) -> Vec<Value> {
    let arguments = ["--realm", REALM, "--json", "--limit", "0"];
    wait::until("rows of the audit log", Duration::from_secs(15), || {
        let rows = app.run(&["audit"], &arguments).success().json();
        let rows = rows.as_array().unwrap().iter();
        let rows: Vec<Value> = rows
            .filter(|row| row["action"] == "access")
            .cloned()
            .collect();
        (rows.len() >= at_least).then_some(rows)
    })
}

#[test]
fn ho_29_no_token_is_written_anywhere() {
    let provider = Provider::start(site!());
    let mut app = provider.realm(site!()).start();
    let good = provider.user(ANN, "read:foia");
    let machine = provider.machine("read:foia");
    let expired = provider.token(&json!({"exp": crate::provider::now() - 3600}));
    let id_token = provider.login(ANN, None, "")["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let opaque = provider.login(ANN, None, "")["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut tokens = vec![good, machine, expired, id_token, opaque];
    for token in &tokens {
        for method in ["GET", "POST"] {
            let answer = call(&app, method, FOIA, token);
            let _ = app.run(
                &["explain"],
                &[answer.header("x-request-id").unwrap(), "--json"],
            );
        }
        let _ = app.get(&format!("{FOIA}?access_token={token}"));
    }
    let _ = accesses(&app, 4);
    app.stop();
    let rows = app.run(&["audit"], &["--realm", REALM, "--json", "--limit", "0"]);
    let mut left = vec![("audit".to_owned(), rows.success().stdout)];
    for file in ["server.log", "commands.log"] {
        let text = std::fs::read_to_string(app.artifacts().path(file)).unwrap();
        left.push((file.to_owned(), text));
    }
    // Neither a whole token nor the part that makes it one.
    let signatures: Vec<String> = tokens
        .iter()
        .filter_map(|token| token.rsplit_once('.'))
        .map(|(_, signature)| signature.to_owned())
        .collect();
    tokens.extend(signatures);
    for (place, text) in &left {
        assert!(!text.is_empty(), "{place}");
        for token in &tokens {
            assert!(!text.contains(token.as_str()), "{place} holds a token");
        }
    }
}

#[test]
fn ho_30_a_flood_of_one_subject_leaves_the_other_alone() {
    let provider = Provider::start(site!());
    let app = provider
        .realm(site!())
        .set("realm.theholefoundation.limits.subject.rate", "1/1h")
        .set("realm.theholefoundation.limits.subject.burst", 50)
        .start();
    let (ann, bob) = (
        provider.user(ANN, "read:foia"),
        provider.user(BOB, "read:foia"),
    );
    // The flood comes by several tokens: the limit is the subject's.
    let more = provider.user(ANN, "read:foia write:foia");
    let flood: Vec<u16> = (0..150)
        .map(|n| call(&app, "GET", FOIA, if n % 2 == 0 { &ann } else { &more }).status)
        .collect();
    let passed = flood.iter().filter(|status| **status == 200).count();
    assert_eq!(
        (
            passed,
            flood.iter().filter(|status| **status == 429).count()
        ),
        (50, 100)
    );
    let answer = call(&app, "GET", FOIA, &ann);
    assert_eq!(told(&answer), refusal(429, "RATE_LIMIT_EXCEEDED"));
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    for _ in 0..50 {
        assert_eq!(call(&app, "GET", FOIA, &bob).status, 200);
    }
    // A machine is a subject of its own.
    assert_eq!(
        call(&app, "GET", FOIA, &provider.machine("read:foia")).status,
        200
    );
}

#[test]
fn ho_31_the_audit_log_has_sub_route_and_decision() {
    let provider = Provider::start(site!());
    let app = provider.realm(site!()).start();
    let token = provider.user(ANN, "read:foia");
    for _ in 0..3 {
        let _ = call(&app, "GET", FOIA, &token).expect(200);
    }
    let _ = call(&app, "POST", FOIA, &token).expect(403);
    let _ = app.get(FOIA).expect(401);
    let _ = call(&app, "GET", "/api/nothing", &token).expect(404);
    let rows = accesses(&app, 4);
    let count = |sub: Option<&str>, route: Option<&str>, outcome: &str, method: &str| -> u64 {
        let same = |row: &&Value| {
            let detail = &row["detail"];
            detail["sub"].as_str() == sub
                && detail["route"].as_str() == route
                && detail["method"] == method
                && row["code"].as_str().unwrap_or("success") == outcome
        };
        let found = rows.iter().filter(same);
        found
            .map(|row| row["detail"]["count"].as_u64().unwrap())
            .sum()
    };
    let route = Some("/api/foia/**");
    assert_eq!(count(Some(ANN), route, "success", "GET"), 3, "{rows:#?}");
    assert_eq!(
        count(Some(ANN), route, "insufficient_scope", "POST"),
        1,
        "{rows:#?}"
    );
    assert_eq!(count(None, route, "unauthorized", "GET"), 1, "{rows:#?}");
    assert_eq!(
        count(Some(ANN), None, "route_unknown", "GET"),
        1,
        "{rows:#?}"
    );
    let row = rows.iter().find(|row| row["detail"]["sub"] == ANN).unwrap();
    assert_eq!(row["detail"]["issuer"], provider.issuer());
    assert!(
        row["request_id"].is_string() || row["request"].is_string(),
        "{row}"
    );
}

#[test]
fn ho_45_a_machine_that_asks_before_every_call_gets_one_token() {
    let setup = Setup::new(site!(), doorward_systems::THEHOLEFOUNDATION)
        .set("realm.theholefoundation.require_https", "off")
        .set(
            "realm.theholefoundation.issuers",
            toml::Value::Array(vec![]),
        )
        .set("realm.theholefoundation.dialects", vec!["oauth"])
        .edit(|config| {
            let realm = config["realm"][REALM].as_table_mut().unwrap();
            realm.remove("data");
            let routes = realm["route"].as_array_mut().unwrap();
            routes.retain(|route| route["upstream"].as_str() != Some("builtin:data"));
            let class = toml::toml! {
                kinds = ["service"]
                prefix = "hole-"
                expiry = "optional"
                presentations = ["exchange"]
            };
            let classes = toml::Table::from_iter([("machine".to_owned(), class.into())]);
            realm.insert("api_tokens".to_owned(), classes.into());
            let exchange = toml::toml! {
                path = "/oauth/exchange"
                reuse = true
            };
            realm.insert("exchange".to_owned(), exchange.into());
            realm.insert("expect".to_owned(), toml::Value::Array(vec![]));
        })
        .with_clock();
    let app = setup.start();
    app.service_account("ci@example.org", &["--permission", "read:foia"]);
    let secret = app.token("service", "ci@example.org", &[]);
    let exchange = |further: Value| {
        let mut body =
            json!({"access_token": secret, "scope": "read:foia", "duration_seconds": 3600});
        body.as_object_mut()
            .unwrap()
            .extend(further.as_object().unwrap().clone());
        let answer = app.request("POST", "/oauth/exchange").json(&body).send();
        let jwt = answer.expect(200).json()["jwt"]
            .as_str()
            .unwrap()
            .to_owned();
        app.remembered(jwt)
    };
    let rows = || {
        let rows = app.run(&["audit"], &["--realm", REALM, "--json", "--limit", "0"]);
        let rows = rows.success().json();
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| row["action"] == "token.exchange").count()
    };
    let first = exchange(json!({}));
    for _ in 0..20 {
        assert_eq!(exchange(json!({})), first);
    }
    assert_eq!(rows(), 1, "one token, one row");
    assert_ne!(exchange(json!({"duration_seconds": 300})), first);
    assert_eq!(call(&app, "GET", FOIA, &first).status, 200);
    app.pass(Duration::from_secs(1000));
    assert_eq!(exchange(json!({})), first, "70 % is left");
    app.pass(Duration::from_secs(1200));
    let second = exchange(json!({}));
    assert_ne!(second, first);
    // Another authority is another token, and one that is revoked gives none at all.
    let _ = app
        .run(
            &["grant", "add"],
            &[
                "--realm",
                REALM,
                "--email",
                "ci@example.org",
                "--permission",
                "write:foia",
            ],
        )
        .success();
    let third = exchange(json!({}));
    assert_ne!(third, second);
    app.revoke(&secret);
    let body = json!({"access_token": secret, "scope": "read:foia", "duration_seconds": 3600});
    let answer = app.request("POST", "/oauth/exchange").json(&body).send();
    assert_eq!(answer.status, 401);
}
