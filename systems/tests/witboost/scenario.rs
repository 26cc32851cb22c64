//! The whole story of the guide, once from its first page to its last, and once with
//! everything that must not work.

use crate::{EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE, ROBOT, robot, witboost, witboost_with_basic};
use doorward_testkit::{App, Fetched, Person, id_of, jwt::Unverified, script, secret_of, site};
use serde_json::{Value, json};
use std::time::Duration;

const CATALOGUE: &str = "/api/catalog/entities";

#[test]
fn a4_from_the_service_account_to_basic() {
    let mut app = witboost(site!()).start();

    // 1. An administrator makes a service account and its token, shown once.
    let _ = app
        .run(&["tenant", "create"], &["--realm", "witboost", "platform"])
        .success();
    let admin = Person::make_in(
        &app,
        "platform",
        "admin@example.com",
        &[EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE],
    );
    let token = {
        let session = admin.sign_in(&app);
        session
            .make_service_account(
                ROBOT,
                &json!({"tenant": "platform", "permissions": [GOVERNANCE]}),
            )
            .expect(201);
        let made = session.make_service_token(ROBOT, &json!({}));
        secret_of(made.expect(201))
    };
    assert!(
        app.tokens(ROBOT)
            .iter()
            .all(|listed| !listed.to_string().contains(&token))
    );

    // 2. The exchange; the JWT opens the catalogue; the Python program runs.
    let body = json!({"access_token": token, "duration_seconds": 3600, "scope": GOVERNANCE});
    let answer = post_json(&app, "/api/auth/access-tokens/jwt", &body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let jwt = app.remembered(answer["jwt"].as_str().unwrap().to_owned());
    let bearer = format!("Authorization: Bearer {jwt}");
    assert_eq!(
        script::curl(&[&app.url(CATALOGUE), "-H", &bearer]).status,
        200
    );
    let program = format!(
        "import requests\njwt_token = requests.post('{base}/api/auth/access-tokens/jwt', json={{'access_token': '{token}', 'duration_seconds': 3600}}).json()['jwt']\nresponse = requests.get('{base}{CATALOGUE}', headers={{'Authorization': f'Bearer {{jwt_token}}'}})\nprint(response.json())\n",
        base = app.url("")
    );
    assert!(
        script::python(&program)
            .success()
            .stdout
            .contains(CATALOGUE)
    );

    // 3. Basic: 401 while it is off, 200 after the two keys are set.
    assert_eq!(basic_statuses(&app, &token), [401, 401, 401]);
    app.reconfigure(|config| {
        let modules = &mut config["realm"]["witboost"]["basic"]["modules"];
        for module in ["ui", "governance"] {
            modules[module]
                .as_table_mut()
                .unwrap()
                .insert("enabled".to_owned(), true.into());
        }
    });
    app.server().signal("HUP");
    app.until_status(
        &app.request("GET", CATALOGUE).basic("witboost", &token),
        200,
    );
    assert_eq!(basic_statuses(&app, &token), [200, 200, 200]);
}

/// The Basic curl, the Basic Python program and the Basic governance curl.
fn basic_statuses(app: &App, token: &str) -> [u16; 3] {
    let user = format!("witboost:{token}");
    let content_type = "Content-Type: application/json";
    let catalogue = script::curl(&["-u", &user, &app.url(CATALOGUE), "-H", content_type]);
    let validate = app.url("/api/computational-governance/validate");
    let governance = script::curl(&[
        "-u",
        &user,
        &validate,
        "-H",
        content_type,
        "-d",
        r#"{"policy": "..."}"#,
    ]);
    let program = format!(
        "import requests\nresponse = requests.get('{}', auth=('witboost', '{token}'))\nprint(response.status_code)\n",
        app.url(CATALOGUE)
    );
    let python = script::python(&program).success().line().parse().unwrap();
    [catalogue.status, python, governance.status]
}

fn post_json(app: &App, path: &str, body: &Value) -> Fetched {
    script::curl(&[
        "-X",
        "POST",
        &app.url(path),
        "-H",
        "Content-Type: application/json",
        "-d",
        &body.to_string(),
    ])
}

#[test]
fn a4_negative_half() {
    let app = witboost_with_basic(site!()).with_clock().start();
    app.service_account(ROBOT, &["--permission", GOVERNANCE]);
    let token = app.token("service", ROBOT, &["--expires", "2h"]);

    let named = |name: &str| {
        app.request("GET", CATALOGUE)
            .basic(name, &token)
            .send()
            .status
    };
    assert_eq!((named("Witboost"), named("witboost")), (401, 200));
    app.request("GET", "/api/provisioning/x")
        .basic("witboost", &token)
        .send()
        .expect(401);
    let plain = app.jwt(&token, &json!({}));
    app.request("POST", "/api/computational-governance/validate")
        .bearer(&plain)
        .send()
        .expect(403);
    app.exchange(&token, &json!({"duration_seconds": 7201}))
        .expect(400);
    assert_eq!(Unverified::of(&plain).life(), 300);

    let second = [
        "--realm", "witboost", "--kind", "service", "--owner", ROBOT, "--quiet",
    ];
    let _ = app.run(&["token", "create"], &second).exit(1);
    let ada = Person::make(&app, "ada@example.com", &[]);
    let session = ada.sign_in(&app);
    let pat = session.make_own_token(&json!({}));
    session.make_own_token(&json!({})).expect(409);

    let expiry = app.tokens(ROBOT)[0]["expires_at"].clone();
    let arguments = ["--realm", "witboost", "--quiet", "-"];
    let new = app
        .run_secret(&["token", "regenerate"], &arguments, &token)
        .success()
        .line();
    let new = app.remembered(new);
    let basic = |token: &str| app.request("GET", CATALOGUE).basic("witboost", token);
    app.until_status(&basic(&token), 401);
    app.exchange(&token, &json!({})).expect(401);
    app.until_status(&basic(&new), 200);
    let live: Vec<Value> = app
        .tokens(ROBOT)
        .into_iter()
        .filter(|token| token["state"] == "active")
        .collect();
    assert_eq!((live.len(), &live[0]["expires_at"]), (1, &expiry));

    let secret = secret_of(&pat);
    let jwt = app.jwt(&secret, &json!({}));
    basic(&secret).send().expect(200);
    session.revoke_own_token(&id_of(&pat));
    basic(&secret).send().expect(401);
    app.get_as(&jwt, CATALOGUE).expect(200);
    app.pass(Duration::from_secs(301));
    app.get_as(&jwt, CATALOGUE).expect(401);
}

#[test]
fn a4_leaves_a_record_of_everything() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let _ = app.jwt(&token, &json!({}));
    app.exchange(&token, &json!({"duration_seconds": 0}))
        .expect(400);
    app.revoke(&token);
    let rows = app
        .run(&["audit"], &["--realm", "witboost", "--json"])
        .success()
        .json();
    let found = |action: &str, outcome: &str| {
        rows.as_array().unwrap().iter().any(|row| {
            row["action"] == action && [&row["outcome"], &row["code"]].contains(&&json!(outcome))
        })
    };
    for (action, outcome) in [
        ("service_account.create", "success"),
        ("token.create", "success"),
        ("token.exchange", "success"),
        ("token.exchange", "duration_invalid"),
        ("token.revoke", "success"),
    ] {
        assert!(found(action, outcome), "{action} {outcome}");
    }
    assert!(!rows.to_string().contains(&token));
}
