//! Keys decided by their shape, plain HTTP, and what a key may not: rows 01, 02, 12, 13, 14,
//! 15, 16, 27, 30, 35 and 37.

use crate::furnished::{
    ACME, BASE, CUSTOMERS, customers, flotac, flotac_over_tls, furnish, key, key_of, person,
};
use doorward_testkit::{App, Request, script, site};
use serde_json::json;

/// The number of a metric.
fn metric(app: &App, name: &str) -> u64 {
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    let start = format!("{name} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap().parse().unwrap()
}

fn lookups(app: &App) -> u64 {
    metric(app, "doorward_token_lookups_total")
}

/// The same header for both, and which of the two it was is told by neither.
#[test]
fn fl_01_a_session_and_a_key_are_both_bearers() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let jwt = person(&app, Some(ACME), "ann@acme.example");
    assert_eq!(jwt.split('.').count(), 3);
    let seen = [&key, &jwt].map(|credential| {
        let answer = customers(&app, credential).send();
        answer.expect(200).json()["data"].clone()
    });
    assert_eq!(seen[0], seen[1]);
    for other in ["Basic", "Token", "ApiKey"] {
        let request = app.request("GET", CUSTOMERS);
        let refused = request.header("Authorization", &format!("{other} {key}"));
        refused.send().expect(401);
    }
}

#[test]
fn fl_02_all_but_health_and_the_root_need_a_credential() {
    let app = flotac(site!()).start();
    for path in ["", "/", "/health"] {
        app.get(&format!("{BASE}{path}")).expect(200);
    }
    for path in [
        "/api/v1/customers",
        "/api/v1/other",
        "/healthy",
        "/health/x",
    ] {
        app.get(&format!("{BASE}{path}")).expect(401);
    }
}

#[test]
fn fl_12_a_key_has_one_shape_and_another_is_refused_without_a_look_up() {
    let app = flotac(site!()).start();
    furnish(&app);
    for kind in ["live", "test"] {
        let key = key_of(&app, ACME, kind, &["customers:read"]);
        let digits = key
            .strip_prefix(&format!("flotac_api_key_{kind}_"))
            .unwrap();
        assert_eq!(digits.len(), 64);
        assert!(
            digits
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        );
    }
    let key = key(&app, ACME, &["customers:read"]);
    customers(&app, &key).send().expect(200);
    let known = lookups(&app);
    assert!(known > 0);
    let digits = &key["flotac_api_key_live_".len()..];
    let upper = digits.to_uppercase();
    for wrong in [
        format!("flotac_api_key_live_{}", &digits[..63]),
        format!("flotac_api_key_live_{digits}0"),
        format!("flotac_api_key_live_A{}", &digits[1..]),
        format!("flotac_api_key_live_{}g", &digits[..63]),
        format!("flotac_api_key_prod_{digits}"),
        format!("flotac_api_key__{digits}"),
        format!("flotac_api_key_LIVE_{digits}"),
        format!("flotac_api_key_live_{} {}", &digits[..32], &digits[32..]),
        format!("flotac_api_key_live_{}.{}", &digits[..32], &digits[33..]),
        format!("flotac_api_key_live_{upper}A"),
        format!("Flotac_api_key_live_{digits}"),
        "flotac_api_key_live_".to_owned(),
    ] {
        customers(&app, &wrong).send().expect(401);
    }
    assert_eq!(lookups(&app), known);
    // One that could be is looked up, and is none.
    let other = format!("flotac_api_key_live_{}", "0".repeat(64));
    customers(&app, &other).send().expect(401);
    assert_eq!(lookups(&app), known + 1);
}

#[test]
fn fl_13_a_test_key_is_refused_where_the_route_is_live() {
    let app = flotac(site!()).start();
    furnish(&app);
    let test = key_of(&app, ACME, "test", &["customers:read"]);
    let answer = customers(&app, &test).send();
    let said = answer.expect(403).json();
    assert_eq!(said["error"]["code"], "ENVIRONMENT_FORBIDDEN");
}

#[test]
fn fl_27_a_route_may_allow_test_keys() {
    let mut app = flotac(site!()).start();
    furnish(&app);
    let test = key_of(&app, ACME, "test", &["customers:read"]);
    customers(&app, &test).send().expect(403);
    app.reconfigure(|config| {
        let routes = config["realm"]["flotac"]["route"].as_array_mut().unwrap();
        for route in routes.iter_mut().filter_map(toml::Value::as_table_mut) {
            route.remove("environments");
        }
    });
    app.until_status(&customers(&app, &test), 200);
}

#[test]
fn fl_14_a_key_by_curl() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let header = format!("Authorization: Bearer {key}");
    let json = "Content-Type: application/json";
    let url = app.url(CUSTOMERS);
    let answer = script::curl(&["-X", "GET", &url, "-H", &header, "-H", json]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("Ann's Anvils"), "{}", answer.body);
}

#[test]
fn fl_15_a_key_by_fetch() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let program = format!(
        "const FLOTAC_API_KEY = '{key}';\nconst BASE_URL = '{base}';\nconst response = await fetch(`${{BASE_URL}}/api/v1/customers`, {{ headers: {{ 'Authorization': `Bearer ${{FLOTAC_API_KEY}}`, 'Content-Type': 'application/json' }} }});\nconsole.log(response.status);\n",
        base = app.url(BASE)
    );
    assert_eq!(script::node(&program).success().stdout.trim(), "200");
}

#[test]
fn fl_16_a_key_by_requests() {
    let app = flotac(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let program = format!(
        "import requests\nFLOTAC_API_KEY = '{key}'\nBASE_URL = '{base}'\nresponse = requests.get(\n    f'{{BASE_URL}}/api/v1/customers',\n    headers={{'Authorization': f'Bearer {{FLOTAC_API_KEY}}'}}\n)\nprint(response.status_code)\n",
        base = app.url(BASE)
    );
    assert_eq!(script::python(&program).success().stdout.trim(), "200");
}

#[test]
fn fl_30_plain_http_is_refused_and_never_acts() {
    let app = flotac_over_tls(site!()).start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read", "customers:write"]);
    let post = || {
        let request = app.request("POST", CUSTOMERS).bearer(&key);
        request.json(&json!({"name": "New"}))
    };
    // Nobody is a proxy here whose word counts.
    for request in [post(), post().header("X-Forwarded-Proto", "https")] {
        let said = request.send();
        assert_eq!(said.expect(403).json()["error"]["code"], "HTTPS_REQUIRED");
        assert_eq!(said.header("location"), None);
    }
    app.get(&format!("{BASE}/health")).expect(403);
    // The key is as good as before, and what it saw is told once.
    let about = [
        "--realm",
        "flotac",
        "--action",
        "credential.exposed",
        "--json",
    ];
    let rows = app.run(&["audit"], &about).success().json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        rows[0].to_string().contains("\"revoked\":false"),
        "{rows:?}"
    );
}

#[test]
fn fl_30_a_proxy_that_the_configuration_trusts_says_that_tls_was_there() {
    let trusted = toml::Value::from(vec!["127.0.0.0/8"]);
    let app = flotac_over_tls(site!())
        .set("server.trusted_proxies", trusted)
        .start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let by = |proto: &str| customers(&app, &key).header("X-Forwarded-Proto", proto);
    by("https").send().expect(200);
    by("http").send().expect(403);
    customers(&app, &key).send().expect(403);
    // What nobody wrote down since was refused all the same.
    by("https").send().expect(200);
}

#[test]
fn fl_30_a_key_that_came_by_plain_http_may_be_revoked() {
    let trusted = toml::Value::from(vec!["127.0.0.0/8"]);
    let app = flotac_over_tls(site!())
        .set("server.trusted_proxies", trusted)
        .set("realm.flotac.exposed_credentials", "revoke")
        .start();
    furnish(&app);
    let key = key(&app, ACME, &["customers:read"]);
    let by_tls = || customers(&app, &key).header("X-Forwarded-Proto", "https");
    by_tls().send().expect(200);
    let refused = customers(&app, &key).send();
    assert_eq!(
        refused.expect(403).json()["error"]["code"],
        "HTTPS_REQUIRED"
    );
    by_tls().send().expect(401);
    let rows = app.tokens(&format!("tenant:{ACME}"));
    assert!(rows.iter().any(|row| row.to_string().contains("revoked")));
}

#[test]
fn fl_35_a_missing_a_wrong_a_revoked_and_an_expired_credential_are_refused() {
    let app = flotac(site!()).with_clock().start();
    furnish(&app);
    app.get(CUSTOMERS).expect(401);
    let jwt = person(&app, Some(ACME), "ann@acme.example");
    customers(&app, &jwt).send().expect(200);
    customers(&app, &format!("{jwt}x")).send().expect(401);
    let revoked = key(&app, ACME, &["customers:read"]);
    app.revoke(&revoked);
    app.until_status(&customers(&app, &revoked), 401);
    let owner = format!("tenant:{ACME}");
    let further = [
        "--environment",
        "live",
        "--scope",
        "customers:read",
        "--expires",
        "1d",
    ];
    let short = app.token("key", &owner, &further);
    customers(&app, &short).send().expect(200);
    app.pass(std::time::Duration::from_secs(2 * 86_400));
    app.until_status(&customers(&app, &short), 401);
    app.until_status(&customers(&app, &jwt), 401);
}

#[test]
fn fl_37_a_key_without_the_permission_is_refused() {
    let app = flotac(site!()).start();
    furnish(&app);
    let reader = key(&app, ACME, &["customers:read"]);
    let writer = key(&app, ACME, &["customers:read", "customers:write"]);
    let post = |key: &str| {
        let request = app.request("POST", CUSTOMERS).bearer(key);
        request.json(&json!({"name": "New"})).send()
    };
    let refused = post(&reader);
    let said = refused.expect(403).json();
    assert_eq!(said["error"]["code"], "INSUFFICIENT_PERMISSION");
    post(&writer).expect(201);
}
