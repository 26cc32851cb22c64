//! Upstreams that do not read what they were sent, say more than they were asked, or end
//! their connections: nobody gets another's answer by it, and no port of ours is taken.

use super::support::{Running, ask, route, send, soon, start};
use doorward_gate::policy::spec::{RouteSpec, UpstreamSpec};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A gate with `/own/**` at an upstream of the test's own.
async fn before(upstream: SocketAddr) -> Running {
    start(|realm| {
        let upstream = UpstreamSpec::Http {
            base: format!("http://{upstream}").parse().unwrap(),
            strip_prefix: None,
            preserve_host: false,
            tls: None,
        };
        realm.routes.push(RouteSpec {
            public: true,
            ..route("/own/**", upstream)
        });
    })
    .await
}

/// A listener and a gate before it.
async fn own() -> (TcpListener, Running) {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = before(upstream.local_addr().unwrap()).await;
    (upstream, gate)
}

/// Reads up to the end of a head; what came.
async fn head(stream: &mut TcpStream, seen: &mut Vec<u8>) -> Option<String> {
    loop {
        let end = seen.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head: Vec<u8> = seen.drain(..end + 4).collect();
            return Some(String::from_utf8_lossy(&head).into_owned());
        }
        if stream.read_buf(seen).await.ok()? == 0 {
            return None;
        }
    }
}

/// An upstream that never reads a body and keeps its connections: it answers each head with
/// the status that its path ends with, the request line, and the connection's number.
async fn that_reads_heads_alone() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = socket.accept().await {
            number += 1;
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while let Some(head) = head(&mut stream, &mut seen).await {
                    let line = head.lines().next().unwrap_or_default();
                    let path = line.split(' ').nth(1).unwrap_or_default();
                    let status = path.rsplit('/').next().unwrap_or_default();
                    let told = format!("{number} {line}");
                    let length = told.len();
                    let answer =
                        format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{told}");
                    stream.write_all(answer.as_bytes()).await.ok()?;
                }
                Some(())
            });
        }
    });
    addr
}

/// What an attacker writes into a body: the next request's head becomes a field of it.
const PREFIX: &str = "GET /own/stolen/200 HTTP/1.1\r\nX-Swallowed: ";

/// The whole body fits into what the kernel keeps, and the upstream answers by its head.
#[tokio::test]
async fn a_body_that_an_upstream_refused_unread_is_the_beginning_of_nobodys_request() {
    let gate = before(that_reads_heads_alone().await).await;
    for method in ["POST", "PUT", "PATCH"] {
        for status in [
            301, 302, 307, 400, 401, 403, 404, 405, 413, 422, 500, 501, 503,
        ] {
            let line = format!("{method} /own/{status}");
            let refused = send(gate.addr, &line, &[], PREFIX).await;
            assert_eq!(refused.status, status);
            let victims = ask(gate.addr, "GET /own/mine/200", &[]).await;
            let told = victims.body.split_once(' ').unwrap().1;
            assert_eq!(told, "GET /own/mine/200 HTTP/1.1", "{method} {status}");
        }
    }
}

/// It answers well, but before it can have read the body.
#[tokio::test]
async fn a_body_that_was_answered_before_it_came_is_the_beginning_of_nobodys_request() {
    let gate = before(that_reads_heads_alone().await).await;
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    let length = PREFIX.len();
    let asked =
        format!("POST /own/200 HTTP/1.1\r\nHost: gate.test\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"POST /own/200 HTTP/1.1") {
        assert!(soon(stream.read_buf(&mut seen)).await.unwrap() > 0);
    }
    stream.write_all(PREFIX.as_bytes()).await.unwrap();
    for _ in 0..50 {
        let victims = ask(gate.addr, "GET /own/mine/200", &[]).await;
        assert_eq!(victims.body, "2 GET /own/mine/200 HTTP/1.1");
    }
}

/// Most upstreams read what they are sent, and most requests are answered well.
#[tokio::test]
async fn a_connection_serves_again_after_a_body_that_was_taken_and_a_refusal_without_one() {
    let gate = start(|_| {}).await;
    let connection = async |method: &str, body: &str| {
        let answer = send(gate.addr, &format!("{method} /up/x"), &[], body).await;
        answer.json()["connection"].as_u64().unwrap()
    };
    let first = connection("POST", "body").await;
    for method in ["PUT", "PATCH", "POST"] {
        assert_eq!(connection(method, "body").await, first, "{method}");
    }
    let gate = before(that_reads_heads_alone().await).await;
    for line in ["GET /own/404", "POST /own/422", "DELETE /own/500"] {
        let answer = ask(gate.addr, line, &[]).await;
        assert!(answer.body.starts_with("1 "), "{line}: {}", answer.body);
    }
}

/// What an upstream says of its own accord ends the connection, however late it comes: it
/// would be the next caller's answer.
#[tokio::test]
async fn what_comes_long_after_an_answer_is_nobodys_answer() {
    let (upstream, gate) = own().await;
    let (tell, told) = oneshot::channel::<()>();
    let (said, heard) = oneshot::channel();
    let serving = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        assert!(head(&mut stream, &mut Vec::new()).await.is_some());
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        told.await.unwrap();
        let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
        stream.write_all(stray).await.unwrap();
        said.send(()).unwrap();
        let (mut second, _) = upstream.accept().await.unwrap();
        assert!(head(&mut second, &mut Vec::new()).await.is_some());
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine";
        second.write_all(answer).await.unwrap();
        (stream, second)
    };
    let asking = async {
        assert_eq!(ask(gate.addr, "HEAD /own/x", &[]).await.status, 200);
        // Longer than a connection rests after such an answer.
        let mut ticks = tokio::time::interval(Duration::from_millis(80));
        ticks.tick().await;
        ticks.tick().await;
        tell.send(()).unwrap();
        heard.await.unwrap();
        ask(gate.addr, "GET /own/x", &[]).await.body
    };
    let (_open, answer) = soon(async { tokio::join!(serving, asking) }).await;
    assert_eq!(answer, "mine");
}

/// An upstream that answers one request on each connection, and leaves its end to us, as many
/// answers as a client asks for: a farewell would keep a port each time.
#[tokio::test]
async fn a_connection_whose_answer_is_its_last_is_reset() {
    for body in ["", "body"] {
        let (upstream, gate) = own().await;
        let asking = send(gate.addr, "POST /own/x", &[], body);
        let serving = async {
            let (mut stream, _) = upstream.accept().await.unwrap();
            let mut seen = Vec::new();
            assert!(head(&mut stream, &mut seen).await.is_some());
            while seen.len() < body.len() {
                assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
            }
            let last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(last).await.unwrap();
            stream.read(&mut [0; 16]).await
        };
        let (answer, end) = soon(async { tokio::join!(asking, serving) }).await;
        assert_eq!(answer.body, "ok");
        let kind = end.expect_err("it said farewell").kind();
        assert_eq!(kind, ErrorKind::ConnectionReset, "{body}");
    }
}

/// A reset at once would take from it what it has not read.
#[tokio::test]
async fn an_upstream_whose_early_answer_is_its_last_reads_the_request_whole() {
    const LENGTH: usize = 200_000;
    let (upstream, gate) = own().await;
    let body = "b".repeat(LENGTH);
    let (answered, hears) = oneshot::channel::<()>();
    let asking = async {
        let answer = send(gate.addr, "POST /own/x", &[], &body).await;
        answered.send(()).unwrap();
        answer.status
    };
    let serving = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut seen = Vec::new();
        assert!(head(&mut stream, &mut seen).await.is_some());
        let early = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(early).await.unwrap();
        // It reads on when its answer has long been taken.
        hears.await.unwrap();
        while seen.len() < LENGTH {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "cut short");
        }
    };
    let (status, ()) = soon(async { tokio::join!(asking, serving) }).await;
    assert_eq!(status, 202);
}
