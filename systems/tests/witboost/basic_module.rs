//! Basic is switched on module by module: rows 29 to 31, 42 and
//! 44.

use crate::{GOVERNANCE, ROBOT, robot, witboost, witboost_with_basic};
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

/// Every restricted token at every module, by every way in.
#[test]
fn wb_44_a_token_restricted_to_a_module_opens_no_other() {
    const MODULES: [&str; 3] = ["computational-governance", "marketplace", "provisioner"];
    let scope = |module: &str| format!("service:{module}");
    let path = |module: &str| format!("/api/{module}/x");
    let app = witboost_with_basic(site!())
        .edit(|config| {
            let realm = &mut config["realm"]["witboost"];
            for module in &MODULES[1..] {
                let route = format!(
                    "path = \"/api/{module}/**\"\nupstream = \"builtin:echo\"\n\
                     scopes = [\"service:{module}\"]\nbasic = \"{module}\"\n"
                );
                let module_of = format!("enabled = true\nscopes = [\"service:{module}\"]\n");
                let table = |text: &str| toml::Value::Table(text.parse().unwrap());
                realm["route"].as_array_mut().unwrap().push(table(&route));
                realm["basic"]["modules"]
                    .as_table_mut()
                    .unwrap()
                    .insert((*module).to_owned(), table(&module_of));
            }
        })
        // An account may have one token for each module, and one for all.
        .set("realm.witboost.api_tokens.access.max_active", 9)
        .start();
    let scopes: Vec<String> = MODULES.iter().map(|module| scope(module)).collect();
    let permissions: Vec<&str> = scopes
        .iter()
        .flat_map(|scope| ["--permission", scope])
        .collect();
    app.service_account(ROBOT, &permissions);
    let whole = app.token("service", ROBOT, &[]);
    for of in MODULES {
        let restricted = app.token("service", ROBOT, &["--scope", &scope(of)]);
        // Restricted when it was made, or when it was exchanged.
        let all = app.jwt(&restricted, &json!({"scope": scope(of)}));
        let narrowed = app.jwt(&whole, &json!({"scope": scope(of)}));
        for at in MODULES {
            let wanted = if of == at { 200 } else { 403 };
            let by_basic = app.request("GET", &path(at)).basic("witboost", &restricted);
            assert_eq!(by_basic.send().status, wanted, "Basic of {of} at {at}");
            for jwt in [&all, &narrowed] {
                let by_jwt = app.get_as(jwt, &path(at));
                assert_eq!(by_jwt.status, wanted, "JWT of {of} at {at}");
            }
        }
        // Nor is it widened by asking for more.
        let more = scopes.join(" ");
        let refused = app.exchange(&restricted, &json!({"scope": more}));
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "invalid_scope")
        );
        app.revoke(&restricted);
    }
}
