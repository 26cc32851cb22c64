//! The listener: deadlines, caps, places. Not here: TLS and HTTP/2 (`tls`), the end (`drain`).

use super::support::{
    GET, answer_of, ask, echo_once, open_websocket, soon, start_listener, start_with, trickle,
    until_closed,
};
use doorward_gate::{GateOptions, ListenerOptions, Pace};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn g24_slow_headers_are_cut_and_others_served_meanwhile() {
    let gate = start_listener(|options| {
        options.header_timeout = Duration::from_millis(300);
        options.idle_timeout = Duration::from_millis(600);
    })
    .await;
    let began = Instant::now();
    let mut slow = Vec::new();
    for said in [
        "",
        "P",
        "GET /open/x HT",
        "GET /open/x HTTP/1.1\r\nHost: gate.test\r\nX: ",
    ] {
        let mut stream = TcpStream::connect(gate.addr).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let kept_alive = {
        let mut stream = TcpStream::connect(gate.addr).await.unwrap();
        stream
            .write_all(b"GET /open/x HTTP/1.1\r\nHost: gate.test\r\n\r\n")
            .await
            .unwrap();
        stream
    };
    assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 200);
    for stream in slow {
        let seen = until_closed(stream).await;
        assert!(
            !seen.starts_with(b"HTTP/1.1 2"),
            "{}",
            String::from_utf8_lossy(&seen)
        );
    }
    assert!(until_closed(kept_alive).await.starts_with(b"HTTP/1.1 200"));
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

#[tokio::test]
async fn g24_a_trickle_does_not_move_the_deadline() {
    let gate = start_listener(|options| options.header_timeout = Duration::from_millis(300)).await;
    let head = b"GET /open/x HTTP/1.1\r\nHost: gate.test\r\n";
    let seen = trickle(gate.addr, head, b"X: y\r\n").await;
    assert!(!seen.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test]
async fn g36_connections_have_a_cap_and_a_place_that_is_free_is_used() {
    let gate = start_listener(|options| options.max_connections = 2).await;
    let hold = async || {
        let mut stream = TcpStream::connect(gate.addr).await.unwrap();
        stream
            .write_all(b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 12];
        soon(stream.read_exact(&mut first)).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    };
    let (first, _second) = (hold().await, hold().await);
    let third = TcpStream::connect(gate.addr).await.unwrap();
    assert!(until_closed(third).await.is_empty());
    assert_eq!(gate.gate.counters().connections_refused.load(SeqCst), 1);
    drop(first);
    soon(async {
        while gate.gate.counters().connections_open.load(SeqCst) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let _fourth = hold().await;
}

#[tokio::test]
async fn many_connections_at_once_are_all_answered() {
    let gate = start_listener(|_| {}).await;
    let mut open = Vec::new();
    for _ in 0..4000 {
        open.push(TcpStream::connect(gate.addr).await.unwrap());
    }
    for stream in &mut open {
        stream
            .write_all(b"GET /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
    }
    for stream in open {
        assert!(until_closed(stream).await.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_connection_is_kept_longer_than_a_header_section_may_take() {
    let gate = start_listener(|options| {
        options.header_timeout = Duration::from_millis(200);
        options.idle_timeout = Duration::from_millis(1200);
    })
    .await;
    let began = Instant::now();
    let mut kept = TcpStream::connect(gate.addr).await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(600));
    for _ in 0..3 {
        ticks.tick().await;
        kept.write_all(GET).await.unwrap();
        assert!(answer_of(&mut kept).await.starts_with("http/1.1 200"));
    }
    assert!(began.elapsed() >= Duration::from_millis(1200));
    // A section that began has the shorter time.
    let began = Instant::now();
    kept.write_all(b"GET /open").await.unwrap();
    assert!(until_closed(kept).await.is_empty());
    let took = began.elapsed();
    assert!(took < Duration::from_millis(1100), "{took:?}");
    let mut idle = TcpStream::connect(gate.addr).await.unwrap();
    idle.write_all(GET).await.unwrap();
    answer_of(&mut idle).await;
    assert!(until_closed(idle).await.is_empty(), "closed in the end");
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed_and_one_with_an_open_stream_is_not() {
    let gate = start_listener(|options| options.idle_timeout = Duration::from_millis(300)).await;
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    // Three events, 300 ms apart.
    let request = http::Request::get("http://gate.test/up/events")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    let body = soon(response.into_body().collect()).await.unwrap();
    assert_eq!(&*body.to_bytes(), b"abcdefend");
    let ended = soon(connection).await.unwrap();
    assert!(ended.is_ok(), "told to go: {ended:?}");
}

#[tokio::test]
async fn g24_a_body_that_stalls_is_broken_off() {
    let options = GateOptions {
        body_pace: Pace {
            idle: Duration::from_millis(200),
            rate: 0,
        },
        ..GateOptions::default()
    };
    let gate = start_with(ListenerOptions::default(), options, |_| {}).await;
    for path in ["/open/x", "/up/x"] {
        let mut stream = TcpStream::connect(gate.addr).await.unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 4\r\n\r\nab");
        stream.write_all(head.as_bytes()).await.unwrap();
        let seen = String::from_utf8(until_closed(stream).await).unwrap();
        assert!(seen.starts_with("HTTP/1.1 400"), "{path}: {seen}");
        assert!(seen.contains("invalid_request"), "{path}: {seen}");
    }
}

#[tokio::test]
async fn g36_a_websocket_keeps_its_place() {
    let gate = start_listener(|options| options.max_connections = 2).await;
    let (first, _) = open_websocket(gate.addr).await;
    let (mut second, _) = open_websocket(gate.addr).await;
    assert_eq!(gate.gate.counters().connections_open.load(SeqCst), 2);
    let third = TcpStream::connect(gate.addr).await.unwrap();
    assert!(until_closed(third).await.is_empty());
    assert_eq!(gate.gate.counters().connections_refused.load(SeqCst), 1);
    echo_once(&mut second).await;
    drop(first);
    soon(async {
        while gate.gate.counters().connections_open.load(SeqCst) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (_third, _) = open_websocket(gate.addr).await;
}

#[tokio::test]
async fn a_websocket_without_a_word_is_closed_and_one_that_speaks_is_not() {
    let options = GateOptions {
        websocket_idle: Duration::from_millis(400),
        ..GateOptions::default()
    };
    let gate = start_with(ListenerOptions::default(), options, |_| {}).await;
    let (mut open, _) = open_websocket(gate.addr).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..12 {
        ticks.tick().await;
        echo_once(&mut open).await;
    }
    assert!(until_closed(open).await.is_empty());
}

/// The answer to an early refusal reaches a client that reads only once it has sent
/// everything.
#[tokio::test]
async fn who_is_still_sending_when_it_is_refused_gets_the_answer() {
    let options = GateOptions {
        max_body: 1024,
        ..GateOptions::default()
    };
    let running = start_with(ListenerOptions::default(), options, |_| {}).await;
    let body = vec![b'x'; 4 * 1024 * 1024];
    let length = format!("Content-Length: {}", body.len());
    let chunked = "Transfer-Encoding: chunked".to_owned();
    let framed = format!("{:x}\r\n", body.len());
    for (line, framing, first, status) in [
        ("POST /local/x", &length, "", 413),
        ("POST /x", &length, "", 401),
        ("POST /local/x", &chunked, framed.as_str(), 200),
        ("POST /x", &chunked, framed.as_str(), 401),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: gate.test\r\n{framing}\r\n\r\n{first}");
        let answer = soon(async {
            let mut stream = TcpStream::connect(running.addr).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            if framing == &chunked {
                stream.write_all(b"\r\n0\r\n\r\n").await.unwrap();
            }
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            String::from_utf8(answer).unwrap()
        })
        .await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{line} {framing}: {answer}");
    }
}
