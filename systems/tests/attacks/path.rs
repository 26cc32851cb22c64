//! Paths that can be read in two ways. The path that is judged is the path that is
//! forwarded; what is ambiguous is refused.

use crate::{door, plain_jwt};
use doorward_testkit::{App, raw, site};

/// Ways to write a path that leads from a public prefix, or past one, to a guarded one.
const TRICKS: &[&str] = &[
    "/public/../api/catalog/entities",
    "/public/%2e%2e/api/catalog/entities",
    "/public/%2E%2E/api/catalog/entities",
    "/public/.%2e/api/catalog/entities",
    "/public/%252e%252e/api/catalog/entities",
    "/public/..;/api/catalog/entities",
    "/public/..;x=y/api/catalog/entities",
    "/public/..%2fapi/catalog/entities",
    "/public%2f..%2fapi/catalog/entities",
    "/public/..%5capi/catalog/entities",
    "/public/..\\api\\catalog\\entities",
    "/public/..%00/api/catalog/entities",
    "/public/..%c0%afapi/catalog/entities",
    "/public/%c0%ae%c0%ae/api/catalog/entities",
    "/public/%ef%bc%8e%ef%bc%8e/api/catalog/entities",
    "//api/catalog/entities",
    "/api//catalog/entities",
    "/./api/catalog/entities",
    "/api/./catalog/entities",
    "/%2e/api/catalog/entities",
    "/api;x/catalog/entities",
    "/api/catalog;x=1/entities",
    "/api%2fcatalog/entities",
    "/api%5ccatalog/entities",
    "/api\\catalog\\entities",
    "/api/catalog%00/entities",
    "/API/catalog/entities",
    "/api/Catalog/entities",
    "/api/c%61talog/entities",
    "/%61pi/catalog/entities",
    "/api/catalog./entities",
    "/api/catalog%20/entities",
    "/api/catalog/entities/",
    "/api/catalog/entities/.",
    "/api/catalog/%2e%2e/catalog/entities",
    "/api/catalog/%zz",
    "/api/catalog/%2",
];

fn send(app: &App, target: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\n{authorization}Connection: close\r\n\r\n",
        app.addr()
    );
    raw::exchange(app.addr(), request.as_bytes())
}

#[test]
fn no_spelling_of_a_guarded_path_is_open_to_anybody() {
    let app = door(site!()).start();
    raw::response(&send(&app, "/public/x", None)).expect(200);
    for target in TRICKS {
        assert_harmless(target, &send(&app, target, None), &["/public/"]);
    }
}

#[test]
fn no_spelling_reaches_a_route_that_takes_more() {
    let app = door(site!()).start();
    let jwt = plain_jwt(&app);
    for trick in TRICKS {
        let target = trick.replace("catalog/entities", "computational-governance/validate");
        let target = target.replace("catalog", "computational-governance");
        // From anybody's route, and from a route of the caller's own.
        for target in [
            target.clone(),
            target.replacen("/public/", "/api/catalog/", 1),
        ] {
            assert_harmless(&target, &send(&app, &target, Some(&jwt)), OWN);
        }
    }
}

#[test]
fn what_is_forwarded_is_what_was_judged() {
    let app = door(site!()).start();
    let jwt = plain_jwt(&app);
    for target in TRICKS {
        assert_harmless(target, &send(&app, target, Some(&jwt)), OWN);
    }
}

/// Where somebody with a token of no scope may go.
const OWN: &[&str] = &["/api/catalog/", "/public/"];

/// Refused, or forwarded under a path that is the caller's own in any reading.
fn assert_harmless(target: &str, answer: &[u8], own: &[&str]) {
    let status = raw::status(answer);
    if status != 200 {
        assert!(
            matches!(status, 400 | 401 | 403 | 404),
            "{target}: {status}"
        );
        return;
    }
    let path = raw::response(answer).json()["path"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        own.iter().any(|own| path.starts_with(own)),
        "{target} was forwarded as {path}"
    );
    let lower = path.to_lowercase();
    for trace in ["//", "/.", "%2e", "%2f", "%5c", "%00", "%25", ";", "\\"] {
        assert!(!lower.contains(trace), "{target} was forwarded as {path}");
    }
}

#[test]
fn traversal_in_any_coding_is_ambiguous() {
    let app = door(site!()).start();
    for target in [
        "/public/../x",
        "/public/%2e%2e/x",
        "/public/..%2fx",
        "/public/..;/x",
        "/public/%00",
        "/public/a%2fb",
        "/public/a%5cb",
    ] {
        let answer = raw::response(&send(&app, target, None));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "path_ambiguous"),
            "{target}"
        );
    }
}

#[test]
fn a_query_is_no_path() {
    let app = door(site!()).start();
    for target in [
        "/api/catalog/entities?/public/x",
        "/api/catalog/entities?path=/public",
        "/api/catalog/entities?..%2f..%2fpublic",
    ] {
        assert_eq!(raw::status(&send(&app, target, None)), 401, "{target}");
    }
    let answer = raw::response(&send(&app, "/public/x?next=%2F..%2Fapi", None));
    assert_eq!(answer.expect(200).json()["query"], "next=%2F..%2Fapi");
}

#[test]
fn request_lines_that_are_no_path_are_refused() {
    let app = door(site!()).start();
    let host = app.addr();
    for line in [
        "GET http://evil.example/api/catalog/entities HTTP/1.1".to_owned(),
        format!("GET http://evil.example@{host}/public/x HTTP/1.1"),
        "GET * HTTP/1.1".to_owned(),
        format!("CONNECT {host} HTTP/1.1"),
        "GET api/catalog/entities HTTP/1.1".to_owned(),
        "TRACE /public/x HTTP/1.1".to_owned(),
        "GET /api/catalog/entities#/public/x HTTP/1.1".to_owned(),
        "GET /api/catalog/entities HTTP/1.32".to_owned(),
        "GET /api/catalog/entities".to_owned(),
    ] {
        let request = format!("{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(host, request.as_bytes());
        let status = raw::status(&answer);
        assert!(status == 0 || status >= 400, "{line}: {status}");
    }
}
