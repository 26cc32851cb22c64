//! Basic is switched on module by module: rows 29 to 31 and 42.

use crate::{GOVERNANCE, robot, witboost, witboost_with_basic};
use doorward_testkit::{App, Person, script, site};
use serde_json::{Value, json};

/// The statuses of Basic on the catalogue, governance and a module without a switch.
fn statuses(app: &App, token: &str) -> [u16; 3] {
    [
        "/api/catalog/entities",
        "/api/computational-governance/validate",
        "/api/provisioning/x",
    ]
    .map(|path| {
        app.request("POST", path)
            .basic("witboost", token)
            .json(&json!({"policy": "..."}))
            .send()
            .status
    })
}

#[test]
fn wb_29_one_key_switches_the_ui_on() {
    let app = witboost(site!())
        .set("realm.witboost.basic.modules.ui.enabled", true)
        .start();
    assert_eq!(statuses(&app, &robot(&app)), [200, 401, 401]);
}

#[test]
fn wb_30_another_key_switches_governance_on_independently() {
    let app = witboost(site!())
        .set("realm.witboost.basic.modules.governance.enabled", true)
        .start();
    assert_eq!(statuses(&app, &robot(&app)), [401, 200, 401]);
}

#[test]
fn wb_31_basic_is_for_the_two_modules_only() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    assert_eq!(statuses(&app, &token), [200, 200, 401]);
    // The module itself is open to a bearer.
    app.get_as(&app.jwt(&token, &json!({})), "/api/provisioning/x")
        .expect(200);
    // Nor do the engine's own surfaces take Basic.
    for path in ["/me/v1/tokens", "/admin/v1/audit"] {
        let answer = app.request("GET", path).basic("witboost", &token).send();
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[test]
fn wb_42_governance_supports_basic_fully() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    let answer = script::curl(&[
        "-u",
        &format!("witboost:{token}"),
        &app.url("/api/computational-governance/validate"),
        "-H",
        "Content-Type: application/json",
        "-d",
        r#"{"policy": "..."}"#,
    ]);
    assert_eq!(answer.status, 200);
    let seen: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(seen["method"], "POST");
    assert!(seen["body"].to_string().contains("policy"));
}

#[test]
fn wb_42_basic_gives_the_modules_scope_only_to_who_has_it() {
    let app = witboost_with_basic(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let without = app.token("personal", ada.email(), &[]);
    let answer = app
        .request("POST", "/api/computational-governance/validate")
        .basic("witboost", &without)
        .json(&json!({}))
        .send();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "insufficient_scope")
    );
    let grace = Person::make(&app, "grace@example.com", &[GOVERNANCE]);
    let with = app.token("personal", grace.email(), &[]);
    assert_eq!(statuses(&app, &with), [200, 200, 401]);
}
