//! Shutdown: what is open is finished, what is idle is closed, and who is late is told.

use super::support::{
    GET, answer_of, echo_once, open_websocket, request_h2, soon, start_listener, until_closed,
};
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn shutdown_finishes_what_is_open_and_closes_what_is_idle() {
    let gate = start_listener(|options| options.drain = Duration::from_secs(5)).await;
    let idle = TcpStream::connect(gate.addr).await.unwrap();
    let mut open = TcpStream::connect(gate.addr).await.unwrap();
    open.write_all(
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    )
    .await
    .unwrap();
    // It comes once the target reads the body.
    let mut interim = [0; 25];
    soon(open.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    open.write_all(b"ab").await.unwrap();
    gate.stop.send(()).unwrap();
    assert!(until_closed(idle).await.is_empty());
    open.write_all(b"cd").await.unwrap();
    let answer = String::from_utf8(until_closed(open).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("abcd"),
        "{answer}"
    );
    soon(gate.served).await.unwrap();
    assert!(TcpStream::connect(gate.addr).await.is_err());
}

/// Waits until the listener is closed.
async fn refused(addr: std::net::SocketAddr) {
    soon(async { while TcpStream::connect(addr).await.is_ok() {} }).await;
}

#[tokio::test]
async fn during_the_delay_all_are_served_and_asked_to_leave() {
    let gate = start_listener(|options| options.drain_delay = Duration::from_millis(1000)).await;
    let jwt = gate.world.bearer(|_| {});
    let mut kept = TcpStream::connect(gate.addr).await.unwrap();
    kept.write_all(GET).await.unwrap();
    let before = answer_of(&mut kept).await;
    assert!(before.starts_with("http/1.1 200") && !before.contains("connection:"));
    let mut idle = TcpStream::connect(gate.addr).await.unwrap();
    idle.write_all(GET).await.unwrap();
    answer_of(&mut idle).await;
    let (mut socket, _) = open_websocket(gate.addr).await;
    gate.stop.send(()).unwrap();
    // The word spreads within a turn; a connection that is asked to leave does.
    let left = soon(async {
        loop {
            kept.write_all(GET).await.unwrap();
            let answer = answer_of(&mut kept).await;
            assert!(answer.starts_with("http/1.1 200"), "{answer}");
            if answer.contains("connection: close") {
                break until_closed(kept).await;
            }
        }
    });
    assert!(left.await.is_empty());
    let mut late = TcpStream::connect(gate.addr).await.unwrap();
    late.write_all(GET).await.unwrap();
    let answer = String::from_utf8(until_closed(late).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    // An upgrade is no answer that could be marked, and goes on.
    let (_upgraded, _) = open_websocket(gate.addr).await;
    let over_h2 = Request::get("http://gate.test/api/x")
        .header("authorization", jwt)
        .body(Empty::<Bytes>::new())
        .unwrap();
    assert_eq!(request_h2(gate.addr, over_h2).await.status, 200);
    echo_once(&mut socket).await;
    assert!(until_closed(idle).await.is_empty());
}

#[tokio::test]
async fn a_request_that_is_arriving_when_draining_begins_is_answered() {
    let gate = start_listener(|_| {}).await;
    let (begin, end) = GET.split_at(24);
    let mut first = TcpStream::connect(gate.addr).await.unwrap();
    first.write_all(begin).await.unwrap();
    let mut byte_of_preface = TcpStream::connect(gate.addr).await.unwrap();
    byte_of_preface.write_all(b"P").await.unwrap();
    let mut second = TcpStream::connect(gate.addr).await.unwrap();
    second.write_all(GET).await.unwrap();
    answer_of(&mut second).await;
    second.write_all(begin).await.unwrap();
    let idle = TcpStream::connect(gate.addr).await.unwrap();
    gate.stop.send(()).unwrap();
    refused(gate.addr).await;
    // Closed, because draining has begun.
    assert!(until_closed(idle).await.is_empty());
    first.write_all(end).await.unwrap();
    second.write_all(end).await.unwrap();
    let post = b"OST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    byte_of_preface.write_all(post).await.unwrap();
    for stream in [first, second, byte_of_preface] {
        let answer = String::from_utf8(until_closed(stream).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
    }
    soon(gate.served).await.unwrap();
}

#[tokio::test]
async fn a_request_that_comes_just_after_the_end_is_answered() {
    let gate = start_listener(|_| {}).await;
    let mut kept = TcpStream::connect(gate.addr).await.unwrap();
    kept.write_all(GET).await.unwrap();
    answer_of(&mut kept).await;
    let mut unused = TcpStream::connect(gate.addr).await.unwrap();
    gate.stop.send(()).unwrap();
    refused(gate.addr).await;
    for stream in [&mut kept, &mut unused] {
        stream.write_all(GET).await.unwrap();
        let answer = answer_of(stream).await;
        assert!(answer.contains("connection: close"), "{answer}");
    }
    soon(gate.served).await.unwrap();
}

#[tokio::test]
async fn what_does_not_finish_within_the_limit_is_cut() {
    let gate = start_listener(|options| options.drain = Duration::from_millis(200)).await;
    let mut open = TcpStream::connect(gate.addr).await.unwrap();
    open.write_all(b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        .await
        .unwrap();
    gate.stop.send(()).unwrap();
    soon(gate.served).await.unwrap();
    assert!(!until_closed(open).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_websocket_is_waited_for_while_draining_and_then_cut() {
    let gate = start_listener(|options| options.drain = Duration::from_millis(300)).await;
    let (mut open, _) = open_websocket(gate.addr).await;
    gate.stop.send(()).unwrap();
    refused(gate.addr).await;
    echo_once(&mut open).await;
    soon(gate.served).await.unwrap();
    assert!(until_closed(open).await.is_empty());
}
