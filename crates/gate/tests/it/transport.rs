//! Framing and time on the way to an upstream: what the client framed arrives as framed,
//! what flows is not cut, what stands still is.

use super::support::{
    Answer, Running, ask, handshake, request_h2, route, say, send, soon, start, start_with,
    tls_upstream, until_closed,
};
use bytes::Bytes;
use doorward_gate::policy::spec::{RouteSpec, UpstreamSpec};
use doorward_gate::{GateOptions, ListenerOptions, Pace, Roots, UpstreamTls};
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the upstream got of a raw request: its head in lower case, and its body.
async fn arrived(gate: &Running, request: &str) -> (String, String) {
    let answer = Answer::parse(&say(gate.addr, request.as_bytes()).await);
    assert_eq!(answer.status, 200, "{request}: {answer:?}");
    told(&answer)
}

fn told(answer: &Answer) -> (String, String) {
    let told = answer.json();
    let head = told["head"].as_str().unwrap().to_ascii_lowercase();
    (head, told["body"].as_str().unwrap().to_owned())
}

fn raw(line: &str, framing: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n{framing}\r\n{body}")
}

/// A body whose length nobody knows beforehand.
fn unknown(text: &'static str) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin {
    let frame = Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    StreamBody::new(stream::iter([frame]))
}

#[tokio::test]
async fn an_empty_body_arrives_with_its_length() {
    let gate = start(|_| {}).await;
    for method in ["POST", "PUT", "PATCH"] {
        for framing in ["Content-Length: 0\r\n", ""] {
            let (head, _) = arrived(&gate, &raw(&format!("{method} /up/x"), framing, "")).await;
            assert!(head.contains("content-length: 0"), "{method}: {head}");
            assert!(!head.contains("transfer-encoding"), "{method}: {head}");
        }
        let request = Request::builder()
            .method(method)
            .uri("http://gate.test/up/x")
            .body(Empty::<Bytes>::new().boxed())
            .unwrap();
        let (head, _) = told(&request_h2(gate.addr, request).await);
        assert!(head.contains("content-length: 0"), "{method}: {head}");
    }
    let (head, _) = arrived(&gate, &raw("DELETE /up/x", "Content-Length: 0\r\n", "")).await;
    assert!(head.contains("content-length: 0"), "{head}");
    for method in ["GET", "DELETE"] {
        let (head, _) = arrived(&gate, &raw(&format!("{method} /up/x"), "", "")).await;
        assert!(!head.contains("content-length"), "{method}: {head}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_arrives_whatever_the_method() {
    let gate = start(|_| {}).await;
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    for method in ["GET", "DELETE", "POST", "OPTIONS"] {
        let chunked = raw(
            &format!("{method} /up/x"),
            "Transfer-Encoding: chunked\r\n",
            chunks,
        );
        let (head, body) = arrived(&gate, &chunked).await;
        assert!(
            head.contains("transfer-encoding: chunked"),
            "{method}: {head}"
        );
        assert!(body.contains("hello"), "{method}: {body}");
        let request = Request::builder()
            .method(method)
            .uri("http://gate.test/up/x")
            .body(unknown("hello").boxed())
            .unwrap();
        let (_, body) = told(&request_h2(gate.addr, request).await);
        assert!(body.contains("hello"), "HTTP/2 {method}: {body}");
    }
    // An answer to HEAD tells nothing; the upstream remembers.
    let head = raw("HEAD /up/x", "Transfer-Encoding: chunked\r\n", chunks);
    let text = say(gate.addr, head.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let text = text.to_ascii_lowercase();
    assert!(text.contains("x-body-bytes: 15\r\n"), "{text}");
}

#[tokio::test]
async fn after_an_answer_of_http_1_0_nothing_is_lost_and_the_client_hears_1_1() {
    let gate = start(|_| {}).await;
    for _ in 0..3 {
        let text = say(gate.addr, raw("GET /up/old", "", "").as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains("GET /up/old HTTP/1.1"), "{text}");
        let chunks = "5\r\nhello\r\n0\r\n\r\n";
        let post = raw("POST /up/old", "Transfer-Encoding: chunked\r\n", chunks);
        let (head, body) = arrived(&gate, &post).await;
        assert!(head.starts_with("post /up/old http/1.1"), "{head}");
        assert!(body.contains("hello"), "{body}");
    }
}

#[tokio::test]
async fn a_connection_to_an_upstream_is_used_again() {
    let gate = start(|_| {}).await;
    let connection = async || {
        let answer = ask(gate.addr, "GET /up/x", &[]).await;
        answer.json()["connection"].as_u64().unwrap()
    };
    let first = connection().await;
    for _ in 0..5 {
        assert_eq!(connection().await, first);
    }
    // One that its server closed meanwhile is no failure.
    assert_eq!(ask(gate.addr, "GET /up/last", &[]).await.status, 200);
    for _ in 0..3 {
        assert_eq!(ask(gate.addr, "GET /up/x", &[]).await.status, 200);
    }
}

/// An upstream that begins to sign a connection in, which whoever asks next would come by
/// as the same caller.
#[tokio::test]
async fn a_connection_that_is_being_signed_in_serves_nobody_else() {
    let gate = start(|_| {}).await;
    let connection = async |say: &str| {
        let answer = ask(gate.addr, "GET /up/x", &[("X-Say", say)]).await;
        assert_eq!(answer.status, 200);
        answer.json()["connection"].as_u64().unwrap()
    };
    let first = connection("X-Nothing: 1").await;
    for bound in [
        "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA",
        "WWW-Authenticate: Basic realm=\"a\", negotiate",
        "Proxy-Authenticate: Negotiate",
    ] {
        let used = connection(bound).await;
        assert_ne!(connection("X-Nothing: 1").await, used, "{bound}");
    }
    let last = connection("WWW-Authenticate: Basic realm=\"a\"").await;
    assert_ne!(last, first);
    assert_eq!(connection("X-Nothing: 1").await, last);
}

fn patient(pace: Pace) -> GateOptions {
    GateOptions {
        body_pace: pace,
        ..GateOptions::default()
    }
}

/// Sends the body one piece in 100 ms, and reads the answer.
async fn upload(gate: &Running, path: &str, pieces: usize) -> String {
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let head = raw(
        &format!("POST {path}"),
        &format!("Content-Length: {pieces}\r\n"),
        "",
    );
    let writing = async move {
        write.write_all(head.as_bytes()).await?;
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..pieces {
            ticks.tick().await;
            write.write_all(b"x").await?;
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let mut text = Vec::new();
    let reading = read.read_to_end(&mut text);
    soon(async {
        tokio::select! {
            _ = reading => {}
            _ = writing => {}
        }
    })
    .await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn an_upload_that_flows_is_not_cut_by_the_routes_timeout() {
    let gate = start(|_| {}).await;
    // The route's timeout is 200 ms.
    let text = upload(&gate, "/up/stuck", 8).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("xxxxxxxx"), "{text}");
    // It runs once the body is through.
    let text = upload(&gate, "/up/never", 4).await;
    assert!(text.starts_with("HTTP/1.1 504"), "{text}");
    assert!(text.contains("upstream_timeout"), "{text}");
}

#[tokio::test]
async fn an_upstream_that_takes_nothing_is_not_waited_for() {
    let gate = start(|_| {}).await;
    let length = 14 << 20;
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let head = raw(
        "POST /up/deaf",
        &format!("Content-Length: {length}\r\n"),
        "",
    );
    let writing = async move {
        write.write_all(head.as_bytes()).await?;
        write.write_all(&vec![b'x'; length]).await?;
        std::future::pending::<std::io::Result<()>>().await
    };
    let mut status = [0; 12];
    soon(async {
        let writing = async {
            let _ = writing.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            read = read.read_exact(&mut status) => drop(read.unwrap()),
            () = writing => {}
        }
    })
    .await;
    assert_eq!(&status, b"HTTP/1.1 504");
}

#[tokio::test]
async fn a_body_that_trickles_without_end_is_broken_off() {
    let slow = Pace {
        idle: Duration::from_millis(300),
        rate: 1000,
    };
    let gate = start_with(ListenerOptions::default(), patient(slow), |_| {}).await;
    for path in ["/open/x", "/up/x"] {
        let text = upload(&gate, path, 1000).await;
        assert!(text.starts_with("HTTP/1.1 400"), "{path}: {text}");
    }
    for rate in [0, 1] {
        let pace = Pace { rate, ..slow };
        let gate = start_with(ListenerOptions::default(), patient(pace), |_| {}).await;
        let text = upload(&gate, "/up/x", 10).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{rate}: {text}");
    }
}

/// A gate with one route to a TLS upstream of the fixture's certificate.
async fn behind_tls(tls: UpstreamTls) -> Running {
    let addr = tls_upstream().await;
    start(|realm| {
        let upstream = UpstreamSpec::Http {
            base: format!("https://{addr}").parse().unwrap(),
            strip_prefix: None,
            preserve_host: false,
            tls: Some(tls),
        };
        realm.routes.push(RouteSpec {
            public: true,
            ..route("/tls/**", upstream)
        });
    })
    .await
}

#[tokio::test]
async fn an_https_upstream_is_who_it_should_be_or_a_502_that_says_why() {
    let named = || Some("localhost".try_into().unwrap());
    let pem = || Roots::Pem(include_bytes!("../fixture/localhost.pem").to_vec());
    let others = || Roots::Pem(include_bytes!("../fixture/other.pem").to_vec());
    let gate = behind_tls(UpstreamTls::new(&pem(), None, named()).unwrap()).await;
    for _ in 0..3 {
        let answer = ask(gate.addr, "GET /tls/x?q", &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(told(&answer).0.starts_with("get /tls/x?q http/1.1"));
        assert_eq!(answer.json()["connection"], 0, "used again");
    }
    for (tls, check) in [
        (UpstreamTls::new(&pem(), None, None), "tls_name"),
        (
            UpstreamTls::new(&others(), None, named()),
            "tls_unknown_authority",
        ),
    ] {
        let gate = behind_tls(tls.unwrap()).await;
        let answer = ask(gate.addr, "GET /tls/x", &[]).await;
        assert_eq!(answer.code(), (502, "upstream_failed".into()));
        let realm = doorward_base::RealmName::new("test").unwrap();
        let denials = gate.gate.denials().list(&realm, None, 1);
        assert_eq!((denials[0].stage, denials[0].check), ("upstream", check));
    }
}

#[test]
fn an_authority_that_cannot_be_read_is_refused() {
    let text = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in [&b""[..], b"nonsense", text] {
        assert!(UpstreamTls::new(&Roots::Pem(pem.to_vec()), None, None).is_err());
    }
}

/// Bytes that an upstream sends after an answer without a body would be read as the next
/// answer.
#[tokio::test]
async fn what_follows_an_answer_without_a_body_is_nobodys_answer() {
    let gate = start(|_| {}).await;
    for (line, status) in [
        ("HEAD /up/stray", "200"),
        ("GET /up/stray", "204"),
        ("GET /up/stray", "304"),
    ] {
        for _ in 0..5 {
            let bare = ask(gate.addr, line, &[("X-Status", status)]).await;
            assert_eq!(bare.status.to_string(), status, "{line}");
            for _ in 0..5 {
                let answer = ask(gate.addr, "GET /up/x", &[]).await;
                assert!(answer.json()["connection"].is_u64(), "{status}: {answer:?}");
            }
        }
    }
}

/// Otherwise a flood of them takes all ports towards an upstream.
#[tokio::test]
async fn a_connection_serves_again_after_head() {
    const ASKED: u64 = 600;
    let gate = start(|_| {}).await;
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    for _ in 0..ASKED {
        let head = b"HEAD /up/x HTTP/1.1\r\nHost: gate.test\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(soon(stream.read_buf(&mut answer)).await.unwrap() > 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
    let answer = ask(gate.addr, "GET /up/x", &[]).await;
    let opened = answer.json()["connection"].as_u64().unwrap();
    assert!(opened < ASKED, "{opened} connections for {ASKED} requests");
}

/// Servers often do not read it, and take it for the next request.
#[tokio::test]
async fn a_connection_serves_nobody_else_after_a_body_that_is_seldom_read() {
    let gate = start(|_| {}).await;
    let connection = async |method: &str, body: &str| {
        let line = format!("{method} /up/x");
        let answer = send(gate.addr, &line, &[], body).await;
        answer.json()["connection"].as_u64().unwrap()
    };
    let first = connection("GET", "").await;
    assert_eq!(connection("POST", "body").await, first);
    for method in ["GET", "DELETE", "OPTIONS"] {
        let used = connection(method, "GET /up/x HTTP/1.1\r\n\r\n").await;
        assert_ne!(connection("GET", "").await, used, "{method}");
    }
}

/// Anybody's, to an upstream of the test's own.
fn own_route(origin: &str) -> RouteSpec {
    let upstream = UpstreamSpec::Http {
        base: origin.parse().unwrap(),
        strip_prefix: None,
        preserve_host: false,
        tls: None,
    };
    RouteSpec {
        public: true,
        ..route("/own/**", upstream)
    }
}

/// A farewell would keep a port for a minute, and a client can ask for many.
#[tokio::test]
async fn a_connection_that_serves_nobody_else_is_reset() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", upstream.local_addr().unwrap());
    let gate = start(|realm| realm.routes.push(own_route(&origin))).await;
    let asking = ask(gate.addr, "GET /own/x", &[]);
    let serving = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut buffer = [0; 4096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        let old = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(old).await.unwrap();
        stream.read(&mut buffer).await
    };
    let (answer, end) = tokio::join!(asking, soon(serving));
    assert_eq!(answer.body, "ok");
    let kind = end.expect_err("it said farewell").kind();
    assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
}

/// Else each WebSocket that a client opens and leaves has a port of this machine for a minute.
#[tokio::test]
async fn an_upstream_whose_websocket_the_client_left_is_reset() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", upstream.local_addr().unwrap());
    let gate = start(|realm| realm.routes.push(own_route(&origin))).await;
    let leaving = async {
        let mut client = TcpStream::connect(gate.addr).await.unwrap();
        let asked = handshake("/own/ws");
        client.write_all(asked.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        client.write_all(b"last").await.unwrap();
        client.shutdown().await.unwrap();
        // Its answers still come, until it is over.
        until_closed(client).await
    };
    let serving = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut head).await.unwrap() > 0);
        }
        let accepted = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n";
        stream.write_all(accepted).await.unwrap();
        let mut last = [0; 4];
        stream.read_exact(&mut last).await.unwrap();
        stream.write_all(b"late").await.unwrap();
        (last, stream.read(&mut [0; 4]).await)
    };
    let (heard, (last, end)) = soon(async { tokio::join!(leaving, serving) }).await;
    assert_eq!((&last, heard.as_slice()), (b"last", &b"late"[..]));
    let kind = end.expect_err("it said farewell").kind();
    assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
}

/// A reset at once would take from it what it has not read.
#[tokio::test]
async fn an_upstream_that_answers_early_reads_the_request_whole() {
    const LENGTH: usize = 200_000;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", upstream.local_addr().unwrap());
    let gate = start(|realm| realm.routes.push(own_route(&origin))).await;
    let body = "b".repeat(LENGTH);
    let (answered, hears) = tokio::sync::oneshot::channel::<()>();
    let asking = async {
        let answer = send(gate.addr, "DELETE /own/x", &[], &body).await;
        answered.send(()).unwrap();
        answer.status
    };
    let serving = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut seen = Vec::new();
        let head = loop {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
            if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let early = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(early).await.unwrap();
        // It reads on when its answer has long been taken.
        hears.await.unwrap();
        while seen.len() < head + LENGTH {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "cut short");
        }
    };
    let (status, ()) = soon(async { tokio::join!(asking, serving) }).await;
    assert_eq!(status, 202);
}

/// A client that sends its next request there would lose it.
#[tokio::test]
async fn who_sent_a_body_that_nobody_read_is_told_so_after_the_permit_too() {
    let gate = start(|_| {}).await;
    let large = format!("Content-Length: {}\r\n", u64::MAX / 2);
    let request = format!("POST /up/x HTTP/1.1\r\nHost: gate.test\r\n{large}\r\n");
    let refused = Answer::parse(&say(gate.addr, request.as_bytes()).await);
    assert_eq!(refused.status, 413);
    assert_eq!(refused.header("connection"), Some("close"));
}
