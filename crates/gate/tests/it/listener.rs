//! The listener: deadlines, caps, TLS, HTTP/2, drain.

use super::support::{ISSUER, Running, ask, echo_once, open_websocket, soon, start_with};
use doorward_gate::{Certificate, GateOptions, ListenerOptions, Pace, Pair, TlsError, tls_config};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CHAIN: &[u8] = include_bytes!("../fixture/localhost.pem");
const KEY: &[u8] = include_bytes!("../fixture/localhost-key.pem");

async fn start_listener(change: impl FnOnce(&mut ListenerOptions)) -> Running {
    let mut options = ListenerOptions::default();
    change(&mut options);
    start_with(options, GateOptions::default(), |realm| {
        realm.hosts = vec!["*".into()];
    })
    .await
}

/// Reads until the gate closes; what came before.
async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut seen = Vec::new();
    let _ = soon(stream.read_to_end(&mut seen)).await;
    seen
}

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
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let trickle = async {
        write
            .write_all(b"GET /open/x HTTP/1.1\r\nHost: gate.test\r\n")
            .await?;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            write.write_all(b"X: y\r\n").await?;
        }
    };
    let mut seen = Vec::new();
    soon(async {
        let ended: std::io::Result<()> = tokio::select! {
            ended = trickle => ended,
            read = read.read_to_end(&mut seen) => read.map(drop),
        };
        drop(ended);
    })
    .await;
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

async fn http2_get<T>(io: T, uri: &str, authorization: &str) -> (u16, String)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(uri)
        .header("authorization", authorization)
        .header("x-user-id", "forged")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn http2_by_prior_knowledge_runs_the_same_stages() {
    let gate = start_listener(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let connect = async || TcpStream::connect(gate.addr).await.unwrap();
    let (status, body) = http2_get(connect().await, "http://gate.test/api/x", &jwt).await;
    assert_eq!(status, 200, "{body}");
    assert!(
        body.contains("a=1; b=2") && !body.contains("forged") && body.contains(ISSUER),
        "{body}"
    );
    let (status, _) = http2_get(connect().await, "http://gate.test/api/x", "Bearer junk").await;
    assert_eq!(status, 401);
    let (status, body) = http2_get(connect().await, "http://gate.test/up/x", &jwt).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("GET /up/x HTTP/1.1"), "{body}");
}

async fn tls_connect(gate: &Running, alpn: &[&[u8]]) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CHAIN).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn tls_speaks_http2_and_http1_by_alpn() {
    let gate = start_listener(|options| options.tls = Some(fixture_tls())).await;
    let jwt = gate.world.bearer(|_| {});
    let stream = tls_connect(&gate, &[b"h2"]).await;
    let (status, body) = http2_get(stream, "https://localhost/api/x", &jwt).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"x-forwarded-proto\":\"https\""), "{body}");
    let mut stream = tls_connect(&gate, &[b"http/1.1"]).await;
    stream
        .write_all(b"GET /open/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = Vec::new();
    let _ = soon(stream.read_to_end(&mut text)).await;
    assert!(text.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let gate = start_listener(|options| {
        options.tls = Some(fixture_tls());
        options.handshake_timeout = Duration::from_millis(200);
    })
    .await;
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    assert!(until_closed(stream).await.is_empty());
}

fn fixture_tls() -> Arc<rustls::ServerConfig> {
    tls_config(&Certificate::new(&Pair::read(CHAIN, KEY).unwrap()))
}

#[test]
fn what_is_wrong_with_a_key_is_said_without_the_key() {
    let key = std::str::from_utf8(KEY).unwrap();
    let (_, secret) = key.split_once("-----\n").unwrap();
    let secret = secret.split('\n').next().unwrap();
    let bytes = format!("{:?}", &secret.as_bytes()[..4]);
    for broken in [
        key.replace('\n', " "),
        key.replace('\n', ""),
        key.replace('\n', "\\n"),
        key.replace("-----END", "-----ENDE"),
        key.replacen(secret, "", 1),
        key.replace("PRIVATE", "SECRET"),
        secret.to_owned(),
    ] {
        let error = Pair::read(CHAIN, broken.as_bytes()).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains(secret.get(..8).unwrap()), "{text}");
        assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
        let as_chain = Pair::read(broken.as_bytes(), KEY).unwrap_err();
        assert!(as_chain.is_of_certificate(), "{as_chain}");
    }
    let other = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    assert_eq!(Pair::read(CHAIN, other).unwrap_err(), TlsError::Mismatch);
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

const GET: &[u8] = b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n";

/// One answer with a Content-Length, its connection left open.
async fn answer_of(stream: &mut TcpStream) -> String {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"\r\n\r\n") {
        soon(stream.read_exact(&mut byte)).await.unwrap();
        seen.push(byte[0]);
    }
    let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    soon(stream.read_exact(&mut vec![0; length])).await.unwrap();
    head
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
    let stream = TcpStream::connect(gate.addr).await.unwrap();
    let (status, _) = http2_get(stream, "http://gate.test/api/x", &jwt).await;
    assert_eq!(status, 200);
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
async fn a_websocket_is_waited_for_while_draining_and_then_cut() {
    let gate = start_listener(|options| options.drain = Duration::from_millis(300)).await;
    let (mut open, _) = open_websocket(gate.addr).await;
    gate.stop.send(()).unwrap();
    soon(async { while TcpStream::connect(gate.addr).await.is_ok() {} }).await;
    echo_once(&mut open).await;
    soon(gate.served).await.unwrap();
    assert!(until_closed(open).await.is_empty());
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
