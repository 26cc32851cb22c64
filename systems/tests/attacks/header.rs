//! Headers that pretend: identity that only the gate may state, addresses that only
//! the connection knows, other targets than the request line.

use crate::{door, plain_jwt};
use doorward_testkit::{App, Request, site};
use serde_json::Value;

/// Identity headers of ours and of the products we stand before, as an upstream might
/// read them. Frameworks fold `_` and `.` to `-`, and case is nothing.
const NAMES: &[&str] = &[
    "X-Doorward-Subject",
    "x-doorward-subject",
    "X-DOORWARD-SUBJECT",
    "X_Doorward_Subject",
    "X-Doorward_Subject",
    "X.Doorward.Subject",
    "X-Doorward-Tenant",
    "X-Doorward-Role",
    "X-Doorward-Roles",
    "X-Doorward-Scopes",
    "X-Doorward-Permissions",
    "X-Doorward-Kind",
    "X-Doorward-Credential",
    "X-Doorward-Anything-Else",
    "X_DOORWARD_SCOPES",
    "X-Hasura-Role",
    "X-Hasura-User-Id",
    "X-Hasura-Admin-Secret",
    "x_hasura_role",
    "X-Tenant-ID",
    "X-Tenant-Id",
    "X_Tenant_ID",
];

const FORGED: &str = "forged-by-the-client";

fn forged_in(answer: &Value) -> Vec<String> {
    answer["headers"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.to_string().contains(FORGED))
        .map(|(name, _)| name.clone())
        .collect()
}

/// A forged header is either refused or gone; it never reaches the upstream.
fn assert_never_passed(app: &App, request: &dyn Fn() -> Request) {
    for name in NAMES {
        let answer = request().header(name, FORGED).send();
        match answer.status {
            200 => assert_eq!(forged_in(&answer.json()), Vec::<String>::new(), "{name}"),
            400 => {}
            status => panic!("{name}: {status}"),
        }
        let twice = request().header(name, "first").header(name, FORGED).send();
        if twice.status == 200 {
            assert_eq!(
                forged_in(&twice.json()),
                Vec::<String>::new(),
                "{name}, twice"
            );
        }
    }
    let _ = app;
}

#[test]
fn forged_identity_never_reaches_the_upstream() {
    let app = door(site!()).start();
    let jwt = plain_jwt(&app);
    assert_never_passed(&app, &|| app.request("GET", "/public/x"));
    assert_never_passed(&app, &|| {
        app.request("GET", "/api/catalog/entities").bearer(&jwt)
    });
}

#[test]
fn identity_is_stated_by_the_gate_alone() {
    let app = door(site!()).start();
    let jwt = plain_jwt(&app);
    let sub = doorward_testkit::jwt::Unverified::of(&jwt).claims["sub"].clone();
    let honest = app.get_as(&jwt, "/api/catalog/entities");
    assert_eq!(
        honest.expect(200).json()["headers"]["x-doorward-subject"],
        sub
    );
    // A client that declares the header hop-by-hop does not make it vanish.
    for connection in [
        "close, X-Doorward-Subject",
        "close, x-doorward-subject, authorization",
    ] {
        let request = format!(
            "GET /api/catalog/entities HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {jwt}\r\nConnection: {connection}\r\n\r\n",
            app.addr()
        );
        let answer = doorward_testkit::raw::exchange(app.addr(), request.as_bytes());
        let answer = doorward_testkit::raw::response(&answer);
        if answer.status == 200 {
            assert_eq!(
                answer.json()["headers"]["x-doorward-subject"],
                sub,
                "{connection}"
            );
        } else {
            assert!(
                matches!(answer.status, 400 | 401),
                "{connection}: {}",
                answer.status
            );
        }
    }
    let anonymous = app.get("/public/x");
    assert!(
        anonymous.expect(200).json()["headers"]
            .get("x-doorward-subject")
            .is_none()
    );
}

#[test]
fn trailers_carry_no_identity() {
    let app = door(site!()).start();
    let request = format!(
        "POST /public/x HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Doorward-Subject\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nX-Doorward-Subject: {FORGED}\r\n\r\n",
        app.addr()
    );
    let answer = doorward_testkit::raw::exchange(app.addr(), request.as_bytes());
    let answer = doorward_testkit::raw::response(&answer);
    if answer.status == 200 {
        assert_eq!(forged_in(&answer.json()), Vec::<String>::new());
    } else {
        assert_eq!(answer.status, 400);
    }
}

#[test]
fn headers_that_name_another_target_are_not_followed() {
    let app = door(site!()).start();
    for name in [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Original-URI",
    ] {
        let inward = app
            .request("GET", "/public/x")
            .header(name, "/api/catalog/entities")
            .send();
        assert_eq!(inward.expect(200).json()["path"], "/public/x", "{name}");
        let outward = app
            .request("GET", "/api/catalog/entities")
            .header(name, "/public/x")
            .send();
        assert_eq!(outward.status, 401, "{name}");
    }
    for name in [
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-Method",
        "X-Forwarded-Method",
    ] {
        let answer = app
            .request("GET", "/public/x")
            .header(name, "DELETE")
            .send();
        assert_eq!(answer.expect(200).json()["method"], "GET", "{name}");
    }
}

#[test]
fn an_unknown_peer_states_no_address_of_its_own() {
    let app = door(site!()).start();
    let answer = app
        .request("GET", "/public/x")
        .header("X-Forwarded-For", "203.0.113.77")
        .header("X-Real-IP", "203.0.113.77")
        .header(
            "Forwarded",
            "for=203.0.113.77;proto=https;host=evil.example",
        )
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "evil.example")
        .send();
    let headers = answer.expect(200).json()["headers"].to_string();
    for trace in ["203.0.113.77", "evil.example"] {
        assert!(!headers.contains(trace), "{headers}");
    }
}

#[test]
fn the_credential_stays_at_the_door() {
    let app = door(site!())
        .set("realm.witboost.basic.modules.ui.enabled", true)
        .start();
    let token = crate::robot(&app);
    let answer = app
        .request("GET", "/api/catalog/entities")
        .basic("witboost", &token)
        .send();
    let text = answer.expect(200).text();
    assert!(!text.contains("wbat-"));
    assert!(!text.to_lowercase().contains("basic "));
}
