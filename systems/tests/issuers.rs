//! An external issuer, played by another installation: its keys are fetched, kept when
//! it is gone, and asked for only where the operator allows it.
#![cfg(test)]

use doorward_testkit::{App, Setup, site};
use serde_json::json;

const ISSUER: &str = r#"
[realm.idp]
hosts = ["*"]
issuer = "https://idp.example"
require_https = "off"
dialects = ["oauth"]

[realm.idp.tokens]
audiences = ["reports"]

[realm.idp.api_tokens.access]
kinds = ["service"]
prefix = "idp-"
expiry = "optional"
presentations = ["exchange"]

[realm.idp.exchange]
path = "/api/auth/access-tokens/jwt"
answer_field = "jwt"
"#;

const RELYING: &str = r#"
[server]
egress_allow = ["127.0.0.0/8"]

[realm.api]
hosts = ["*"]
issuer = "https://api.example"
require_https = "off"

[[realm.api.issuers]]
issuer = "https://idp.example"
audiences = ["reports"]
algorithms = ["ES256"]
jwks_url = "http://127.0.0.1:1/jwks"

[[realm.api.route]]
path = "/reports/**"
upstream = "builtin:echo"
"#;

/// An issuer and a token of its.
fn issuer(site: &str) -> (App, String) {
    let app = Setup::new(site, ISSUER).start();
    app.service_account("ci@example.com", &[]);
    let secret = app.token("service", "ci@example.com", &[]);
    let token = app.jwt(&secret, &json!({}));
    (app, token)
}

/// One that accepts its tokens, not started.
fn relying(site: &str, issuer: &App) -> Setup {
    let url = issuer.url("/.well-known/jwks.json");
    Setup::new(site, RELYING).edit(|config| {
        config["realm"]["api"]["issuers"][0]["jwks_url"] = url.into();
    })
}

#[test]
fn an_issuers_keys_are_fetched_and_outlive_it() {
    let (mut issuer, token) = issuer(&format!("{}_issuer", site!()));
    let mut app = relying(site!(), &issuer).start();
    let reports = || app.request("GET", "/reports/1").bearer(&token);
    // The first request may come before the first fetch, and waits for it.
    reports().send().expect(200);
    issuer.stop();
    reports().send().expect(200);
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{unsigned}.AAAA");
    app.request("GET", "/reports/1")
        .bearer(&forged)
        .send()
        .expect(401);
    app.stop();
    app.start();
    // What was never fetched by this process is not known.
    let answer = app.request("GET", "/reports/1").bearer(&token).send();
    assert_eq!((answer.status, &*answer.code()), (503, "keys_unavailable"));
}

#[test]
fn an_issuer_inside_is_not_asked_unless_its_network_is_named() {
    let (issuer, _) = issuer(&format!("{}_issuer", site!()));
    let app = relying(site!(), &issuer)
        .edit(|config| {
            config["server"]
                .as_table_mut()
                .unwrap()
                .remove("egress_allow");
        })
        .prepare();
    let refused = app.refuse_to_start();
    assert!(
        refused.stderr.contains("egress_allow"),
        "{}",
        refused.stderr
    );
}

/// Where the realm says so, who comes by another login is somebody here, and is out when
/// disabled here, whatever its own login says.
#[test]
fn a_foreign_subject_is_known_on_first_sight_and_disabled_here() {
    let (issuer, token) = issuer(&format!("{}_issuer", site!()));
    let app = relying(site!(), &issuer)
        .edit(|config| {
            let realm = config["realm"]["api"].as_table_mut().unwrap();
            let issuer = realm["issuers"][0].as_table_mut().unwrap();
            issuer.insert("provision".to_owned(), "first_sight".into());
            let tokens = toml::Table::from_iter([("revocation".to_owned(), "immediate".into())]);
            realm.insert("tokens".to_owned(), tokens.into());
        })
        .start();
    let reports = app.request("GET", "/reports/1").bearer(&token);
    reports.send().expect(200);
    reports.send().expect(200);
    let realm = ["--realm", "api", "--json"];
    let rows = app.run(&["audit"], &realm).success().json();
    let made: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"] == "subject.provision")
        .collect();
    assert_eq!(made.len(), 1, "{rows}");
    let id = made[0]["subject"].as_str().unwrap();
    let _ = app
        .run(&["user", "disable"], &["--realm", "api", "--id", id])
        .success();
    app.until_status(&reports, 401);
}
