//! HTTP Basic: rows 27, 28 and 32 to 38.

use crate::{GOVERNANCE, robot, witboost, witboost_with_basic};
use doorward_testkit::{Person, jwt::Unverified, script, site, upstream::Upstream};
use serde_json::json;

const CATALOGUE: &str = "/api/catalog/entities";

#[test]
fn wb_27_basic_becomes_a_jwt_before_the_upstream() {
    let upstream = Upstream::start();
    let app = witboost_with_basic(site!())
        .leading_to(&upstream.origin())
        .start();
    let token = robot(&app);
    let answer = app
        .request("GET", CATALOGUE)
        .basic("witboost", &token)
        .send();
    assert_eq!(answer.expect(200).json()["upstream"], 1);
    app.request("POST", "/api/computational-governance/validate")
        .basic("witboost", &token)
        .json(&json!({"policy": "..."}))
        .send()
        .expect(200);
    // A bearer's access token does not carry the secret either.
    app.get_as(&app.jwt(&token, &json!({})), CATALOGUE)
        .expect(200);

    let seen = upstream.seen();
    assert!(!seen.contains("wbat-"));
    assert!(!seen.to_lowercase().contains("authorization: basic"));
    let bearers: Vec<&str> = bearers(&seen).collect();
    assert!(bearers.len() >= 2, "{} bearers", bearers.len());
    for bearer in &bearers {
        let _ = app.remembered((*bearer).to_owned());
        assert!(Unverified::of(bearer).life() <= 300);
    }
    let governance = Unverified::of(bearers[1]);
    assert_eq!(governance.claims["scope"], GOVERNANCE);
    // What Basic became is for upstreams; at the door it is refused.
    let inbound = app.get_as(bearers[0], CATALOGUE);
    assert_eq!(
        (inbound.status, inbound.code().as_str()),
        (401, "invalid_token")
    );
}

#[test]
fn wb_27_an_upstream_can_verify_what_basic_became() {
    let upstream = Upstream::start();
    let app = witboost_with_basic(site!())
        .leading_to(&upstream.origin())
        .start();
    let token = robot(&app);
    app.request("GET", CATALOGUE)
        .basic("witboost", &token)
        .send()
        .expect(200);
    let seen = upstream.seen();
    let bearer = app.remembered(bearers(&seen).next().unwrap().to_owned());
    let claims = app.verified(&bearer);
    assert_eq!(claims["iss"], "http://127.0.0.1:8080");
    assert_eq!(
        claims["sub"],
        app.verified(&app.jwt(&token, &json!({})))["sub"]
    );
}

#[test]
fn wb_28_basic_is_off_by_default() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    for (method, path) in [
        ("GET", CATALOGUE),
        ("POST", "/api/computational-governance/validate"),
    ] {
        let answer = app.request(method, path).basic("witboost", &token).send();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_token"),
            "{path}"
        );
        // No answer advertises what is switched off.
        assert!(!answer.header("www-authenticate").unwrap().contains("Basic"));
    }
}

#[test]
fn wb_32_the_header_is_base64_of_user_and_token() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    app.request("GET", CATALOGUE)
        .basic("witboost", &token)
        .send()
        .expect(200);
    let refused = |value: String| {
        let answer = app
            .request("GET", CATALOGUE)
            .header("Authorization", &value)
            .send();
        assert!(matches!(answer.status, 400 | 401), "{}", answer.status);
    };
    refused(format!("Basic witboost:{token}"));
    refused(format!("witboost:{token}"));
    refused("Basic".to_owned());
    refused("Basic ".to_owned());
    refused("Basic !!!!".to_owned());
    refused("Basic d2l0Ym9vc3Q=".to_owned()); // `witboost`, without a colon
    refused(format!("Bearer {token}"));
}

#[test]
fn wb_33_the_user_name_is_exactly_witboost() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    for name in [
        "Witboost",
        "WITBOOST",
        "",
        " witboost",
        "witboost ",
        "witbooster",
        "witboos",
        "wıtboost",
        "witboost\0",
    ] {
        let answer = app.request("GET", CATALOGUE).basic(name, &token).send();
        assert_eq!(answer.status, 401, "{name:?}");
    }
    app.request("GET", CATALOGUE)
        .basic("witboost", &token)
        .send()
        .expect(200);
}

#[test]
fn wb_34_the_password_is_an_access_token_of_a_service_account_or_a_person() {
    let app = witboost_with_basic(site!()).start();
    let service = robot(&app);
    let ada = Person::make(&app, "ada@example.com", &[]);
    let personal = app.token("personal", ada.email(), &[]);
    for token in [&service, &personal] {
        app.request("GET", CATALOGUE)
            .basic("witboost", token)
            .send()
            .expect(200);
    }
    // Nothing else is: a person's password, a JWT, nothing, a token with a neighbour.
    let jwt = app.jwt(&service, &json!({}));
    for other in [
        ada.password(),
        &jwt,
        "",
        &format!("{service}x"),
        &format!("{service}:"),
        &service[..39],
    ] {
        let answer = app
            .request("GET", CATALOGUE)
            .basic("witboost", other)
            .send();
        assert_eq!(answer.status, 401);
    }
}

#[test]
fn wb_35_the_published_curl_runs() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    let answer = script::curl(&[
        "-u",
        &format!("witboost:{token}"),
        &app.url(CATALOGUE),
        "-H",
        "Content-Type: application/json",
    ]);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(CATALOGUE));
    assert!(!answer.body.contains("wbat-"));
}

#[test]
fn wb_36_the_published_python_program_runs() {
    let app = witboost_with_basic(site!()).start();
    let token = robot(&app);
    let program = format!(
        "import requests

# Using auth parameter (recommended)
response = requests.get(
'{base}/api/catalog/entities',
auth=('witboost', '{token}')
)

print(response.json())
",
        base = app.url("")
    );
    let outcome = script::python(&program).success();
    assert!(outcome.stdout.contains("'path': '/api/catalog/entities'"));
}

#[test]
fn wb_38_basic_over_plain_http_is_refused_beyond_the_loopback() {
    let here = non_loopback();
    let app = witboost_with_basic(site!()).listen("0.0.0.0:0").start();
    let token = robot(&app);
    let port = app.addr().port();
    let there = std::net::SocketAddr::new(here, port);
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let basic =
        |addr| doorward_testkit::Request::new(addr, "GET", CATALOGUE).basic("witboost", &token);
    basic(loopback).send().expect(200);
    let answer = basic(there).send();
    assert!(matches!(answer.status, 401 | 403), "{}", answer.status);
    // Nobody talks a peer into the loopback.
    for forged in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
        let value = if forged == "Forwarded" {
            "for=127.0.0.1;proto=https"
        } else {
            "127.0.0.1"
        };
        let answer = basic(there)
            .header(forged, value)
            .header("X-Forwarded-Proto", "https")
            .send();
        assert!(
            matches!(answer.status, 401 | 403),
            "{forged}: {}",
            answer.status
        );
    }
}

#[test]
fn wb_38_a_realm_can_demand_https() {
    let app = witboost_with_basic(site!())
        .set("realm.witboost.require_https", "reject")
        .start();
    let token = robot(&app);
    let jwt_less = app
        .request("GET", CATALOGUE)
        .basic("witboost", &token)
        .send();
    assert_eq!(
        (jwt_less.status, jwt_less.code().as_str()),
        (403, "https_required")
    );
    let spoofed = app
        .request("GET", CATALOGUE)
        .basic("witboost", &token)
        .header("X-Forwarded-Proto", "https")
        .send();
    assert_eq!(
        (spoofed.status, spoofed.code().as_str()),
        (403, "https_required")
    );
    assert_eq!(app.exchange(&token, &json!({})).status, 403);
}

/// The address that this machine would use towards the outside. No packet is sent.
fn non_loopback() -> std::net::IpAddr {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket
        .connect("198.51.100.1:9")
        .expect("this test needs a network interface beside the loopback");
    let ip = socket.local_addr().unwrap().ip();
    assert!(!ip.is_loopback());
    ip
}

/// The bearer tokens in what an upstream received.
fn bearers(seen: &str) -> impl Iterator<Item = &str> {
    const HEADER: &str = "authorization: bearer ";
    seen.lines()
        .filter(|line| line.to_lowercase().starts_with(HEADER))
        .map(|line| &line[HEADER.len()..])
}
