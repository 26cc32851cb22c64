//! What a credential that was accepted once is worth after something changed: what its
//! role means, whether the store answers, how long a life may be, its own grace.
#![cfg(test)]

use doorward_testkit::{App, Setup, site};
use serde_json::json;
use std::time::Duration;

const REALM: &str = r#"
[realm.witboost]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]

[realm.witboost.tokens]
revocation = "immediate"
claims = { scope = "{scope}" }

[realm.witboost.roles]
reader = ["reports:read"]

[realm.witboost.api_tokens.access]
kinds = ["personal", "service"]
prefix = "acme-"
presentations = ["exchange", "bearer"]
grace = "1m"

[realm.witboost.exchange]
path = "/api/auth/access-tokens/jwt"

[[realm.witboost.route]]
path = "/reports/**"
upstream = "builtin:echo"
permissions = ["reports:read"]
credentials = ["api_token"]

[[realm.witboost.route]]
path = "/plain/**"
upstream = "builtin:echo"
"#;

fn realm(site: &str) -> Setup {
    Setup::new(site, REALM)
}

/// A service account that reads reports by its role, and its token.
fn reader(app: &App) -> String {
    app.service_account("ci@example.com", &["--role", "reader"]);
    app.token("service", "ci@example.com", &[])
}

#[test]
fn a_reload_reaches_tokens_that_were_looked_up_before_it() {
    let mut app = realm(site!()).start();
    let token = reader(&app);
    let reports = app.request("GET", "/reports/1").bearer(&token);
    for _ in 0..3 {
        reports.send().expect(200);
    }
    let role = |permission: &str| {
        let permission = permission.to_owned();
        move |config: &mut toml::Table| {
            config["realm"]["witboost"]["roles"]["reader"] = vec![permission].into();
        }
    };
    app.reconfigure(role("other:read"));
    app.server().signal("HUP");
    app.until_status(&reports, 403);
    app.reconfigure(role("reports:read"));
    app.server().signal("HUP");
    app.until_status(&reports, 200);
}

#[test]
fn without_its_store_an_immediate_realm_stops_accepting_after_the_lease() {
    let app = realm(site!()).start();
    let token = reader(&app);
    let jwt = app.jwt(&token, &json!({"duration_seconds": 600}));
    let by_token = app.request("GET", "/reports/1").bearer(&token);
    let by_jwt = app.request("GET", "/plain/1").bearer(&jwt);
    by_token.send().expect(200);
    by_jwt.send().expect(200);
    app.take_store_away();
    app.until_status(&by_jwt, 503);
    app.until_status(&by_token, 503);
}

#[test]
fn what_was_made_from_a_replaced_token_ends_with_its_grace() {
    let app = realm(site!()).with_clock().start();
    let token = reader(&app);
    let jwt = app.jwt(&token, &json!({"duration_seconds": 3600}));
    let plain = app.request("GET", "/plain/1").bearer(&jwt);
    plain.send().expect(200);
    let realm = ["--realm", "witboost", "--quiet", "-"];
    let _successor = app
        .run_secret(&["token", "regenerate"], &realm, &token)
        .success();
    app.exchange(&token, &json!({})).expect(200);
    plain.send().expect(200);
    app.pass(Duration::from_secs(61));
    app.exchange(&token, &json!({})).expect(401);
    // The command was another process; the server hears of it within a second.
    app.until_status(&plain, 401);
}

#[test]
fn a_shorter_cap_holds_for_what_was_minted_under_a_longer_one() {
    let mut app = realm(site!()).start();
    let token = reader(&app);
    let jwt = app.jwt(&token, &json!({"duration_seconds": 7200}));
    let plain = app.request("GET", "/plain/1").bearer(&jwt);
    plain.send().expect(200);
    app.revoke(&token);
    app.until_status(&plain, 401);
    app.stop();
    app.reconfigure(|config| {
        let tokens = config["realm"]["witboost"]["tokens"]
            .as_table_mut()
            .unwrap();
        tokens.insert("access_ttl".to_owned(), "1m".into());
        tokens.insert("max_ttl".to_owned(), "10m".into());
    });
    app.start();
    app.request("GET", "/plain/1")
        .bearer(&jwt)
        .send()
        .expect(401);
}
