//! The exchange endpoint: rows 17, 19, 20, 25, 40 and 47.

use crate::{GOVERNANCE, ROBOT, robot, witboost};
use doorward_testkit::{App, Engine, jwt::Unverified, script, site};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::time::Duration;

#[test]
fn wb_17_the_published_exchange_answers_with_a_jwt() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let body = format!(
        r#"{{
"access_token": "{token}",
"duration_seconds": 3600,
"scope": "service:computational-governance"
}}"#
    );
    let answer = script::curl(&[
        "-X",
        "POST",
        &app.url("/api/auth/access-tokens/jwt"),
        "-H",
        "Content-Type: application/json",
        "-d",
        &body,
    ]);
    assert_eq!(answer.status, 200);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let jwt = app.remembered(answer["jwt"].as_str().unwrap().to_owned());
    let claims = app.verified(&jwt);
    assert_eq!(Unverified::of(&jwt).life(), 3600);
    assert_eq!(claims["scope"], GOVERNANCE);
    assert_eq!(claims["iss"], "http://127.0.0.1:8080");
}

#[test]
fn wb_17_an_answer_with_a_token_is_not_stored_by_caches() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let answer = app.exchange(&token, &json!({}));
    let _ = app.remembered(
        answer.expect(200).json()["jwt"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    assert!(answer.header("cache-control").unwrap().contains("no-store"));
    let other_method = app.request("GET", doorward_testkit::EXCHANGE).send();
    assert_eq!(other_method.status, 405);
}

#[test]
fn wb_17_malformed_requests_are_refused_with_a_code() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let post = |body: String| {
        let request = app.request("POST", doorward_testkit::EXCHANGE);
        request
            .header("Content-Type", "application/json")
            .body(body)
            .send()
    };
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        r#"{"access_token": 1}"#.to_owned(),
        r#"{"access_token": null}"#.to_owned(),
        format!(r#"{{"access_token": ["{token}"]}}"#),
        format!(r#"{{"access_token": "{token}", "access_token": "{token}"}}"#),
        format!(r#"{{"access_token": "{token}"}} trailing"#),
        format!(r#"{{"access_token": "{token}", "scope": ["a"]}}"#),
        format!(r#"{{"access_token": "{token}", "scope": 1}}"#),
        format!("access_token={token}"),
        "\u{feff}{}".to_owned(),
        "[".repeat(10_000),
    ] {
        let answer = post(body.clone());
        assert_eq!(
            answer.status,
            400,
            "{}",
            body.replace(&token, "TOKEN")
                .chars()
                .take(60)
                .collect::<String>()
        );
        assert!(!answer.code().is_empty());
    }
}

#[test]
fn wb_19_duration_and_scope_are_optional() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    for (body, life, scope) in [
        (json!({}), 300, None),
        (json!({"duration_seconds": 60}), 60, None),
        (json!({"scope": GOVERNANCE}), 300, Some(GOVERNANCE)),
    ] {
        let jwt = app.jwt(&token, &body);
        let parts = Unverified::of(&jwt);
        assert_eq!(parts.life(), life, "{body}");
        // A token without a scope carries none, whatever its owner may do.
        let carried = parts.claims["scope"].as_str().unwrap_or_default();
        assert_eq!(carried, scope.unwrap_or_default(), "{body}");
        app.get_as(&jwt, "/api/catalog/entities").expect(200);
    }
}

#[test]
fn wb_20_the_life_is_as_requested_and_five_minutes_by_default() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    assert_eq!(Unverified::of(&app.jwt(&token, &json!({}))).life(), 300);
    assert_eq!(
        Unverified::of(&app.jwt(&token, &json!({"duration_seconds": 3600}))).life(),
        3600
    );
    // The cap of the configuration: 24 h.
    assert_eq!(
        Unverified::of(&app.jwt(&token, &json!({"duration_seconds": 86_400}))).life(),
        86_400
    );
    refuse_duration(&app, &token, &json!(86_401));
}

#[test]
fn wb_20_the_default_is_a_setting() {
    let app = witboost(site!())
        .set("realm.witboost.tokens.access_ttl", "10m")
        .start();
    let token = robot(&app);
    assert_eq!(Unverified::of(&app.jwt(&token, &json!({}))).life(), 600);
}

#[test]
fn wb_20_a_duration_that_is_none_is_refused() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    for bad in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(60.0),
        json!("60"),
        json!(true),
        json!([60]),
        json!({"seconds": 60}),
        json!(u64::MAX),
        json!(1e300),
    ] {
        refuse_duration(&app, &token, &bad);
    }
}

#[test]
fn wb_20_no_jwt_outlives_its_access_token() {
    let app = witboost(site!()).with_clock().start();
    app.service_account(ROBOT, &[]);
    let token = app.token("service", ROBOT, &["--expires", "2h"]);
    app.exchange(&token, &json!({"duration_seconds": 3600}))
        .expect(200);
    refuse_duration(&app, &token, &json!(7201));
    app.pass(Duration::from_secs(7200 - 120));
    // About two minutes are left: more is refused, the default is cut to what is left.
    refuse_duration(&app, &token, &json!(180));
    let jwt = app.jwt(&token, &json!({}));
    let life = Unverified::of(&jwt).life();
    assert!((1..=120).contains(&life), "{life}");
}

#[test]
fn wb_25_a_jwt_outlives_the_revocation_of_its_access_token_until_exp() {
    let app = witboost(site!()).with_clock().start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    app.revoke(&token);
    let body = json!({"access_token": token});
    let exchange = app.request("POST", doorward_testkit::EXCHANGE).json(&body);
    app.until_status(&exchange, 401);
    app.get_as(&jwt, "/api/catalog/entities").expect(200);
    app.pass(Duration::from_secs(240));
    app.get_as(&jwt, "/api/catalog/entities").expect(200);
    app.pass(Duration::from_secs(301));
    let answer = app.get_as(&jwt, "/api/catalog/entities");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (401, "token_expired")
    );
}

#[test]
fn wb_40_a_life_of_one_second_is_accepted() {
    let app = witboost(site!()).with_clock().start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({"duration_seconds": 1}));
    assert_eq!(Unverified::of(&jwt).life(), 1);
    app.pass(Duration::from_secs(2));
    app.get_as(&jwt, "/api/catalog/entities").expect(401);
}

fn refuse_duration(app: &App, token: &str, duration: &Value) {
    let answer = app.exchange(token, &json!({"duration_seconds": duration}));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "duration_invalid"),
        "{duration}"
    );
    assert_eq!(answer.json()["error"]["name"], "InputError");
}

/// How many rows each table of the store has.
fn rows(app: &App) -> BTreeMap<String, i64> {
    match app.engine() {
        Engine::Sqlite => {
            let store = rusqlite::Connection::open(app.store_path()).unwrap();
            let mut tables = store
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
                .unwrap();
            let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
            names
                .map(Result::unwrap)
                .map(|name| {
                    let count = format!("SELECT count(*) FROM \"{name}\"");
                    let count = store.query_row(&count, [], |row| row.get(0)).unwrap();
                    (name, count)
                })
                .collect()
        }
        Engine::Postgres => app
            .postgres()
            .tables()
            .into_iter()
            .map(|name| {
                let count = app
                    .postgres()
                    .query(&format!("SELECT count(*) FROM {name}"));
                let short = name.rsplit('.').next().unwrap().to_owned();
                (short, count.parse().unwrap())
            })
            .collect(),
    }
}

#[test]
fn wb_47_jobs_that_share_an_account_exchange_at_once() {
    const JOBS: usize = 64;
    let app = witboost(site!()).start();
    let token = robot(&app);
    let before = rows(&app);
    let start = Barrier::new(JOBS);
    let jwts: Vec<String> = std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..JOBS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    app.exchange(&token, &json!({}))
                })
            })
            .collect();
        jobs.into_iter()
            .map(|job| {
                let answer = job.join().unwrap();
                let jwt = answer.expect(200).json()["jwt"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                app.remembered(jwt)
            })
            .collect()
    });
    assert_eq!(jwts.iter().collect::<BTreeSet<_>>().len(), JOBS);
    let mut grown = rows(&app);
    // Background work keeps a book of its own.
    grown.remove("job_lease");
    grown.retain(|table, count| before.get(table) != Some(count));
    let audit = before["audit"] + i64::try_from(JOBS).unwrap();
    assert_eq!(grown, BTreeMap::from([("audit".to_owned(), audit)]));
}
