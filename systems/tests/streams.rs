//! What a credential opened ends with it, on the running binary: whoever ends it, and by
//! whatever way.
#![cfg(test)]

use doorward_testkit::{App, Cable, Engine, Person, Setup, engine, raw, site, streaming, wait};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The promise for other processes than the one that revoked, and some time for a busy
/// machine: what nobody ends is open for minutes.
const SOON: Duration = Duration::from_secs(3);
const ROBOT: &str = "robot@example.com";

fn realm(site: &str) -> Setup {
    let upstream = streaming::start();
    let text = format!(
        r#"
[realm.witboost]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]
console = {{ admin = true, self_service = true }}
tokens = {{ revocation = "immediate", claims = {{ scope = "{{scope}}" }} }}
exchange = {{ path = "/api/auth/access-tokens/jwt" }}
api_tokens.access = {{ kinds = ["personal", "service"], prefix = "acme-", presentations = ["exchange", "bearer"] }}
route = [{{ path = "/live/**", upstream = "{upstream}" }}]
"#
    );
    Setup::new(site, &text)
}

/// Opens a stream and waits for what it says first.
fn open(app: &App, path: &str, credential: &str) -> TcpStream {
    let upgrade = if path.ends_with("/websocket") {
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    } else {
        ""
    };
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {credential}\r\n{upgrade}\r\n"
    );
    let mut stream = raw::connect(app.addr());
    stream.write_all(head.as_bytes()).unwrap();
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"ping") {
        stream.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    stream
}

const KINDS: [&str; 3] = ["/live/websocket", "/live/events", "/live/text"];

fn open_all(app: &App, credentials: &[&str]) -> Vec<(&'static str, TcpStream)> {
    let all = credentials
        .iter()
        .flat_map(|credential| KINDS.map(|path| (path, open(app, path, credential))));
    all.collect()
}

/// What a WebSocket is told at its end.
fn close(code: u16, reason: &str) -> Vec<u8> {
    let length = u8::try_from(reason.len() + 2).unwrap();
    [&[0x88, length][..], &code.to_be_bytes(), reason.as_bytes()].concat()
}

/// All end soon, and a WebSocket is told one of these.
fn all_end(streams: Vec<(&str, TcpStream)>, reasons: &[&str]) {
    let began = Instant::now();
    for (path, mut stream) in streams {
        let seen = raw::read_all(&mut stream);
        if path.ends_with("/websocket") {
            let told = reasons.iter().any(|reason| seen == close(1008, reason));
            assert!(told, "{}", String::from_utf8_lossy(&seen));
        } else {
            assert!(
                !seen.ends_with(b"0\r\n\r\n"),
                "{path}: not as if it were whole"
            );
        }
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// Whether nothing ends it while another is ended.
fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut part = [0; 1024];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn s1_a_revoked_token_takes_what_it_and_its_jwt_opened_along_and_nothing_else() {
    let app = realm(site!()).start();
    app.service_account(ROBOT, &[]);
    let [token, other] = [(); 2].map(|()| app.token("service", ROBOT, &[]));
    let jwt = app.jwt(&token, &json!({}));
    let streams = open_all(&app, &[&token, &jwt]);
    let mut others = open_all(&app, &[&other]);
    app.revoke(&token);
    all_end(streams, &["credential revoked"]);
    for (path, stream) in &mut others {
        assert!(is_open(stream), "{path}");
    }
}

#[test]
fn s1_who_is_disabled_or_leaves_a_tenant_loses_what_is_open() {
    let app = realm(site!()).start();
    let ways: [&[&str]; 2] = [&["user", "disable"], &["membership", "end"]];
    for (number, way) in ways.into_iter().enumerate() {
        let email = format!("person{number}@acme.example");
        let person = Person::make_in(&app, "acme", &email, &[]);
        let session = person.sign_in(&app);
        let token = app.token("personal", &email, &[]);
        let streams = open_all(&app, &[session.token(), &token]);
        let mut arguments = vec!["--realm", "witboost", "--email", &email];
        if way == ["membership", "end"] {
            arguments.extend(["--tenant", "acme"]);
        }
        // The command is another process: the server hears of it.
        let _ = app.run(way, &arguments).success();
        all_end(streams, &["credential revoked", "authority changed"]);
    }
}

#[test]
fn s1_a_sign_out_ends_what_its_session_opened_when_it_is_acknowledged() {
    let app = realm(site!()).start();
    let person = Person::make_in(&app, "acme", "person@acme.example", &[]);
    let [session, other] = [(); 2].map(|()| person.sign_in(&app));
    let streams = open_all(&app, &[session.token()]);
    let mut others = open_all(&app, &[other.token()]);
    let out = session.request("DELETE", "/me/v1/session").send();
    assert!(out.status < 300, "{}", out.text());
    all_end(streams, &["credential revoked"]);
    for (path, stream) in &mut others {
        assert!(is_open(stream), "{path}");
    }
}

#[test]
fn s1_at_its_exp_a_token_takes_what_it_opened_along() {
    let app = realm(site!()).with_clock().start();
    app.service_account(ROBOT, &[]);
    let token = app.token("service", ROBOT, &[]);
    let jwt = app.jwt(&token, &json!({"duration_seconds": 60}));
    let streams = open_all(&app, &[&jwt]);
    let mut others = open_all(&app, &[&token]);
    app.pass(Duration::from_secs(61));
    let began = Instant::now();
    for (path, mut stream) in streams {
        let seen = raw::read_all(&mut stream);
        if path.ends_with("/websocket") {
            assert_eq!(seen, close(1008, "credential expired"));
        }
    }
    // They look every five seconds at the latest: this clock jumps.
    assert!(began.elapsed() < Duration::from_secs(5) + SOON);
    for (path, stream) in &mut others {
        assert!(is_open(stream), "{path}");
    }
}

#[test]
fn s1_another_node_ends_what_it_holds_open_within_a_second() {
    if engine() != Engine::Postgres {
        return;
    }
    let mut cluster = realm(site!()).cluster(2, Cable::Direct);
    cluster.start();
    let (here, there) = (cluster.node(0), cluster.node(1));
    here.service_account(ROBOT, &[]);
    let token = here.token("service", ROBOT, &[]);
    let jwt = here.jwt(&token, &json!({}));
    let streams = open_all(there, &[&token, &jwt]);
    here.revoke(&token);
    all_end(streams, &["credential revoked"]);
    wait::until("nothing open", wait::PATIENCE, || {
        let metrics = doorward_testkit::Request::new(there.ops(), "GET", "/metrics").send();
        metrics
            .text()
            .contains("doorward_streams_open 0")
            .then_some(())
    });
}
