//! Requests whose end can be found in two places, and header sections that parsers
//! disagree about: one answer, an error, and a closed connection.

use crate::door;
use doorward_testkit::{App, raw, site, upstream::Upstream};

/// The request that the attacker hopes somebody else sees.
const SMUGGLED: &str = "GET /public/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

fn post(app: &App, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /public/x HTTP/1.1\r\nHost: {}\r\n{headers}\r\n{body}",
        app.addr()
    )
    .into_bytes()
}

/// Framings that RFC 9112 §6 forbids or leaves to guessing.
fn framings() -> Vec<(&'static str, String)> {
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let sized = format!("hello{SMUGGLED}");
    vec![
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            chunked.clone(),
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            chunked.clone(),
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
            chunked.clone(),
        ),
        (
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
            sized.clone(),
        ),
        (
            "Transfer-Encoding: gzip, chunked, identity\r\n",
            chunked.clone(),
        ),
        ("Transfer-Encoding: chunked, identity\r\n", chunked.clone()),
        ("Transfer-Encoding: xchunked\r\n", chunked.clone()),
        ("Transfer-Encoding : chunked\r\n", chunked.clone()),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            chunked.clone(),
        ),
        ("Transfer-Encoding: \x0bchunked\r\n", chunked),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", sized.clone()),
        ("Content-Length: 5, 6\r\n", sized.clone()),
        ("Content-Length: +5\r\n", sized.clone()),
        ("Content-Length: 0x5\r\n", sized.clone()),
        ("Content-Length: -5\r\n", sized.clone()),
        ("Content-Length: 5_0\r\n", sized.clone()),
        ("Content-Length: \r\n", sized.clone()),
        ("Content-Length: 99999999999999999999999\r\n", sized),
    ]
}

#[test]
fn ambiguous_framing_is_refused_and_closed() {
    let app = door(site!()).start();
    for (headers, body) in framings() {
        let answer = raw::exchange(app.addr(), &post(&app, headers, &body));
        let status = raw::status(&answer);
        assert!(
            matches!(status, 0 | 400 | 411 | 413 | 501),
            "{headers:?}: {status}"
        );
        assert!(
            raw::count_answers(&answer) <= 1,
            "{headers:?} was answered more than once"
        );
    }
}

#[test]
fn content_length_beside_transfer_encoding_is_a_400() {
    let app = door(site!()).start();
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let answer = raw::exchange(
            app.addr(),
            &post(&app, headers, &format!("0\r\n\r\n{SMUGGLED}")),
        );
        assert_eq!(
            (raw::status(&answer), raw::count_answers(&answer)),
            (400, 1),
            "{headers:?}"
        );
    }
}

#[test]
fn the_upstream_sees_exactly_the_requests_that_were_meant() {
    let upstream = Upstream::start();
    let app = door(site!()).leading_to(&upstream.origin()).start();
    for (headers, body) in framings() {
        let _ = raw::exchange(app.addr(), &post(&app, headers, &body));
    }
    assert!(!upstream.seen().contains("GET /public/smuggled"));
    // Two honest requests on one connection are two requests.
    let honest = format!(
        "GET /public/1 HTTP/1.1\r\nHost: {host}\r\n\r\nGET /public/2 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        host = app.addr()
    );
    let answers = raw::exchange(app.addr(), honest.as_bytes());
    assert_eq!(raw::count_answers(&answers), 2);
    let seen = upstream.seen();
    assert!(seen.contains("GET /public/1") && seen.contains("GET /public/2"));
}

#[test]
fn malformed_header_sections_are_refused() {
    let app = door(site!()).start();
    let host = app.addr();
    for section in [
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nX-A: b\rX-B: c\r\n\r\n"),
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nX-A: b\0c\r\n\r\n"),
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nX-A : b\r\n\r\n"),
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\n folded: b\r\n\r\n"),
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nno colon\r\n\r\n"),
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\n: empty\r\n\r\n"),
        "GET /public/x HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"),
        format!("GET /public/x HTTP/1.1\r\nHost: user@{host}\r\n\r\n"),
        format!("GET  /public/x  HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /public/x HTTP/\r1.1\r\nHost: {host}\r\n\r\n"),
        format!("G\0T /public/x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        let answer = raw::exchange(app.addr(), section.as_bytes());
        let status = raw::status(&answer);
        assert!(
            matches!(status, 0 | 400 | 421 | 505),
            "{section:?}: {status}"
        );
    }
    app.get("/public/x").expect(200);
}
