//! Forwarding to a real server: bodies, hop-by-hop fields, WebSockets, failures.

use super::support::{ask, handshake, open_websocket, say, send, start, start_with};
use doorward_gate::{GateOptions, ListenerOptions};
use std::time::Duration;

#[tokio::test]
async fn a_request_arrives_as_it_was_judged() {
    let gate = start(|_| {}).await;
    let answer = send(
        gate.addr,
        "POST /up/%61b?q=1",
        &[("X-User-Id", "1"), ("TE", "trailers")],
        "hello",
    )
    .await;
    assert_eq!(answer.status, 200);
    let seen = answer.json();
    let head = seen["head"].as_str().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /up/ab?q=1 http/1.1"), "{head}");
    assert_eq!(seen["body"], "hello");
    for absent in ["x-user-id", "\nte:", "\nconnection:", "gate.test:"] {
        assert!(!head.contains(absent), "{absent}: {head}");
    }
    assert!(head.contains("x-forwarded-host: gate.test"), "{head}");
    assert!(head.contains("\nhost: 127.0.0.1:"), "{head}");
}

#[tokio::test]
async fn an_api_token_never_reaches_the_upstream() {
    let gate = start(|_| {}).await;
    let token = super::support::api_token(1);
    gate.world.know(&token);
    let bearer = format!("Bearer {token}");
    let answer = ask(gate.addr, "GET /private/x", &[("Authorization", &bearer)]).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains(&token), "{}", answer.body);
    assert_eq!(ask(gate.addr, "GET /private/x", &[]).await.status, 401);
}

#[tokio::test]
async fn the_upstreams_hop_by_hop_fields_end_here() {
    let gate = start(|_| {}).await;
    let answer = ask(gate.addr, "GET /up/hop", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-secret"), None);
    assert_eq!(answer.header("keep-alive"), None);
}

#[tokio::test]
async fn failures_have_their_codes() {
    let gate = start(|_| {}).await;
    assert_eq!(
        ask(gate.addr, "GET /dead", &[]).await.code(),
        (502, "upstream_failed".into())
    );
    assert_eq!(
        ask(gate.addr, "GET /up/stuck", &[]).await.code(),
        (504, "upstream_timeout".into())
    );
    let large = "a".repeat(1001);
    assert_eq!(
        send(gate.addr, "POST /up/small", &[], &large).await.code(),
        (413, "body_too_large".into())
    );
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let wire = format!(
        "POST /up/small HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
    );
    let text = say(gate.addr, wire.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 413"), "{text}");
    assert_eq!(
        send(gate.addr, "POST /up/small", &[], "fits").await.status,
        200
    );
}

#[tokio::test]
async fn g18_a_websocket_is_joined_after_101_only() {
    let gate = start(|_| {}).await;
    let (_open, head) = open_websocket(gate.addr).await;
    assert!(
        head.contains("upgrade: websocket") && head.contains("sec-websocket-accept: yes"),
        "{head}"
    );
    assert!(
        say(
            gate.addr,
            handshake("/private/ws")
                .replace("Upgrade\r\n", "Upgrade, close\r\n")
                .as_bytes()
        )
        .await
        .starts_with("HTTP/1.1 401")
    );
    // The upstream answers 200: what follows is a request, not a tunnel.
    let raw = format!(
        "{}GET /open/second HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n",
        handshake("/up/plain")
    );
    let text = say(gate.addr, raw.as_bytes()).await;
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("/open/second"),
        "{text}"
    );
}

/// RFC 6455 §4.1: whatever else an upstream takes for an upgrade would be a tunnel.
#[tokio::test]
async fn g18_what_is_no_websocket_opens_nothing() {
    let gate = start(|_| {}).await;
    let sound = handshake("/up/ws");
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for broken in [
        sound.replace(key, ""),
        sound.replace(key, &key.repeat(2)),
        sound.replace("bm9uY2U=", "bm9u"),
        sound.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
        sound.replace(version, ""),
        sound.replace(": 13", ": 8"),
        sound.replace(version, &format!("{version}Content-Length: 2\r\n")) + "hi",
        sound.replace(version, &format!("{version}Transfer-Encoding: chunked\r\n"))
            + "2\r\nhi\r\n0\r\n\r\n",
    ] {
        if broken == sound {
            continue;
        }
        let wire = broken.replace("Upgrade\r\n", "Upgrade, close\r\n");
        let text = say(gate.addr, wire.as_bytes()).await.to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 400"), "{wire}: {text}");
        assert!(text.contains("sec-websocket-version: 13"), "{text}");
        assert!(text.contains("invalid_request"), "{text}");
    }
    // An upstream that switches to something else is not believed.
    let other = handshake("/up/other").replace("Upgrade\r\n", "Upgrade, close\r\n");
    let text = say(gate.addr, other.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 502"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn keep_alive_connections_are_served_one_request_after_another() {
    let gate = start(|_| {}).await;
    let one = "POST /up/x HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 2\r\n\r\nhi";
    let last = "GET /up/last HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n";
    let text = say(gate.addr, format!("{one}{one}{last}").as_bytes()).await;
    assert_eq!(text.matches("HTTP/1.1 200").count(), 3, "{text}");
}

#[tokio::test]
async fn an_upstream_that_falls_silent_within_its_answer_is_left() {
    let options = GateOptions {
        response_idle: Duration::from_millis(100),
        ..GateOptions::default()
    };
    let gate = start_with(ListenerOptions::default(), options, |_| {}).await;
    let get =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n");
    let stalled = say(gate.addr, get("/up/stall").as_bytes()).await;
    assert!(
        stalled.starts_with("HTTP/1.1 200") && stalled.ends_with("3\r\nabc\r\n"),
        "no end is made up: {stalled}"
    );
    let events = say(gate.addr, get("/up/events").as_bytes()).await;
    assert!(events.ends_with("3\r\nend\r\n0\r\n\r\n"), "{events}");
    let options = GateOptions {
        event_stream_idle: Duration::from_millis(100),
        ..GateOptions::default()
    };
    let gate = start_with(ListenerOptions::default(), options, |_| {}).await;
    let events = say(gate.addr, get("/up/events").as_bytes()).await;
    assert!(events.ends_with("3\r\nabc\r\n"), "{events}");
}

#[tokio::test]
async fn g26_an_answer_framed_twice_is_refused() {
    let gate = start(|_| {}).await;
    assert_eq!(
        ask(gate.addr, "GET /up/framed", &[]).await.code(),
        (502, "upstream_failed".into())
    );
}

#[tokio::test]
async fn a_route_is_served_with_whichever_method_it_names_and_no_other_is() {
    let gate = start(|spec| {
        let up = spec.routes.iter().find(|route| route.path == "/up/**");
        let mut dav = up.unwrap().clone();
        dav.path = "/dav/**".into();
        dav.methods = ["GET", "PROPFIND"].map(|name| name.parse().unwrap()).into();
        spec.routes.push(dav);
    })
    .await;
    let answer = send(gate.addr, "PROPFIND /dav/x", &[("Depth", "1")], "<a/>").await;
    assert_eq!(answer.status, 200);
    let seen = answer.json();
    let head = seen["head"].as_str().unwrap();
    assert!(head.starts_with("PROPFIND /dav/x HTTP/1.1"), "{head}");
    assert_eq!(seen["body"], "<a/>");
    for (line, status) in [
        ("GET /dav/x", 200),
        ("POST /dav/x", 405),
        ("REPORT /dav/x", 501),
        // A route that names no methods has the common ones.
        ("PROPFIND /open/x", 405),
        ("TRACE /dav/x", 405),
    ] {
        assert_eq!(ask(gate.addr, line, &[]).await.status, status, "{line}");
    }
}
