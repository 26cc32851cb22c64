//! Peers that make no progress, and how much of the door one address may take.

use super::support::{
    Running, UploadClient, answer_of, ask, connect_from, mount, open_websocket_at, route, soon,
    start_with, trickle, until_closed,
};
use bytes::Bytes;
use doorward_gate::policy::spec::{MountAccess, MountSpec, RouteSpec, UpstreamSpec};
use doorward_gate::{GateOptions, ListenerOptions};
use doorward_surface::body::full;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// How long a client may take nothing in these tests.
const LIMIT: Duration = Duration::from_millis(400);

/// An upstream that sends as much as is taken of it, in answer to anything, and the word
/// that one of its connections ended.
async fn endless() -> (SocketAddr, mpsc::UnboundedReceiver<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let (told, ended) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                drop(send_on(stream).await);
                let _ = told.send(());
            });
        }
    });
    (addr, ended)
}

async fn send_on(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let websocket = String::from_utf8_lossy(&head).contains("/live/ws");
    let answer: &[u8] = if websocket {
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n"
    } else {
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"
    };
    stream.write_all(answer).await?;
    if websocket {
        // The echo that the handshake of the tests waits for.
        let mut frame = [0; 6];
        stream.read_exact(&mut frame).await?;
        stream.write_all(&frame).await?;
    }
    loop {
        stream.write_all(&[b'x'; 16 * 1024]).await?;
    }
}

/// A door of these tests, with `/live/**` at an upstream that sends on.
async fn door(change: impl FnOnce(&mut ListenerOptions)) -> (Running, mpsc::UnboundedReceiver<()>) {
    let (addr, ended) = endless().await;
    let mut listener = ListenerOptions {
        answer_idle: LIMIT,
        ..ListenerOptions::default()
    };
    change(&mut listener);
    let gate = start_with(listener, GateOptions::default(), |realm| {
        let upstream = UpstreamSpec::Http {
            base: format!("http://{addr}").parse().unwrap(),
            strip_prefix: None,
            preserve_host: false,
            tls: None,
        };
        realm.hosts = vec!["*".into()];
        realm.routes.push(RouteSpec {
            public: true,
            ..route("/live/**", upstream)
        });
    });
    (gate.await, ended)
}

async fn until_nothing_is_open(gate: &Running) {
    soon(async {
        while gate.gate.counters().connections_open.load(SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn s2_who_reads_nothing_of_an_answer_is_given_up() {
    let (gate, mut ended) = door(|_| {}).await;
    let began = Instant::now();
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    stream
        .write_all(b"GET /live/x HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    soon(ended.recv()).await.unwrap();
    until_nothing_is_open(&gate).await;
    assert!(began.elapsed() >= LIMIT);
    // Reset, so that the kernel does not go on offering what was not read.
    assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 200);
    drop(stream);
}

#[tokio::test]
async fn s2_who_reads_nothing_of_a_websocket_is_given_up() {
    let (gate, mut ended) = door(|_| {}).await;
    let (stream, _) = open_websocket_at(gate.addr, "/live/ws").await;
    soon(ended.recv()).await.unwrap();
    until_nothing_is_open(&gate).await;
    drop(stream);
}

#[tokio::test]
async fn s2_who_reads_slowly_is_served() {
    let (gate, _ended) = door(|_| {}).await;
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    stream
        .write_all(b"GET /live/x HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    // As much as makes the kernel ask for more within the limit, four times.
    let mut ticks = tokio::time::interval(LIMIT / 2);
    for _ in 0..8 {
        ticks.tick().await;
        let mut piece = vec![0; 8 << 20];
        soon(stream.read_exact(&mut piece)).await.unwrap();
    }
}

/// An HTTP/2 client with this window for each stream, which answers every PING.
async fn http2_client(addr: SocketAddr, window: u32) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let built = builder.initial_stream_window_size(window);
    let (sender, connection) = built.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("http://gate.test{path}");
    Request::get(uri).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn s7_a_stream_with_a_closed_window_is_reset_and_its_connection_goes_on() {
    let (gate, mut ended) = door(|_| {}).await;
    let mut client = http2_client(gate.addr, 0).await;
    let mut answers = Vec::new();
    for path in ["/live/x", "/live/y", "/open/x"] {
        let answer = soon(client.send_request(get(path))).await.unwrap();
        assert_eq!(answer.status(), 200);
        answers.push(answer);
    }
    for answer in answers {
        let error = soon(answer.into_body().collect()).await.unwrap_err();
        assert!(format!("{error:?}").contains("CANCEL"), "{error:?}");
    }
    // Both upstream connections are free again.
    for _ in 0..2 {
        soon(ended.recv()).await.unwrap();
    }
    let answer = soon(client.send_request(get("/open/x"))).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn s7_who_takes_a_little_of_a_stream_again_and_again_is_served() {
    let (gate, _ended) = door(|_| {}).await;
    let mut client = http2_client(gate.addr, 65_535).await;
    let answer = soon(client.send_request(get("/live/x"))).await.unwrap();
    let mut body = answer.into_body();
    let mut ticks = tokio::time::interval(LIMIT / 4);
    for _ in 0..12 {
        ticks.tick().await;
        for _ in 0..4 {
            soon(body.frame()).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn s7_streams_take_places_as_connections_do() {
    let (gate, _ended) = door(|listener| {
        listener.max_connections = 3;
        listener.answer_idle = Duration::from_secs(60);
    })
    .await;
    let mut client = http2_client(gate.addr, 0).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let answer = soon(client.send_request(get("/live/x"))).await.unwrap();
        assert_eq!(answer.status(), 200);
        held.push(answer);
    }
    let answer = soon(client.send_request(get("/open/x"))).await.unwrap();
    assert_eq!(answer.status(), 503);
    let refused = TcpStream::connect(gate.addr).await.unwrap();
    assert!(until_closed(refused).await.is_empty());
    drop(held);
    soon(async {
        loop {
            let answer = client.send_request(get("/open/x")).await.unwrap();
            if answer.status() == 200 {
                break;
            }
        }
    })
    .await;
}

/// Whether a request on a connection from this address is answered; it stays open.
async fn is_served(ip: &str, to: SocketAddr, held: &mut Vec<TcpStream>) -> bool {
    let mut stream = connect_from(ip, to).await;
    let asked = b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n";
    // It may be closed before it could say anything.
    drop(stream.write_all(asked).await);
    let mut first = [0; 12];
    let read = soon(stream.read_exact(&mut first)).await;
    held.push(stream);
    read.is_ok() && &first == b"HTTP/1.1 200"
}

#[tokio::test]
async fn s5_an_address_that_takes_all_it_can_leaves_the_others_theirs() {
    let (gate, _ended) = door(|listener| {
        listener.max_connections = 24;
        listener.max_per_address = 6;
    })
    .await;
    let mut held = Vec::new();
    for number in 0..24 {
        let served = is_served("127.0.0.2", gate.addr, &mut held).await;
        assert_eq!(served, number < 6, "{number}");
    }
    let mut others = Vec::new();
    for number in 0..20 {
        let ip = format!("127.0.0.{}", 3 + number);
        let served = is_served(&ip, gate.addr, &mut others).await;
        assert_eq!(served, number < 18, "{number}");
    }
    drop(held);
    soon(async { while !is_served("127.0.0.2", gate.addr, &mut Vec::new()).await {} }).await;
}

#[tokio::test]
async fn s5_many_clients_are_behind_a_proxy_that_is_trusted() {
    let listener = ListenerOptions {
        max_per_address: 1,
        ..ListenerOptions::default()
    };
    let options = GateOptions {
        trusted_proxies: vec!["127.0.0.2/32".parse().unwrap()],
        ..GateOptions::default()
    };
    let gate = start_with(listener, options, |realm| realm.hosts = vec!["*".into()]).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        assert!(is_served("127.0.0.2", gate.addr, &mut held).await);
    }
    assert!(is_served("127.0.0.3", gate.addr, &mut held).await);
    assert!(!is_served("127.0.0.3", gate.addr, &mut held).await);
}

/// A target that reads the whole body.
struct Reading;

impl Local for Reading {
    fn call(&self, request: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let read = request.into_body().collect().await;
            Response::new(full(
                read.map_or(0, |body| body.to_bytes().len()).to_string(),
            ))
        })
    }
}

#[tokio::test]
async fn s4_a_body_of_ours_has_a_time_for_all_of_it() {
    let limit = Duration::from_millis(300);
    let gate = start_with(
        ListenerOptions::default(),
        GateOptions::default(),
        |realm| {
            realm.mounts.push(MountSpec {
                timeout: limit,
                target: Arc::new(Reading),
                ..mount("/reading", MountAccess::Open)
            });
        },
    )
    .await;
    let began = Instant::now();
    let head = b"POST /reading HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 100000\r\n\r\n";
    let seen = trickle(gate.addr, head, b"x").await;
    assert!(began.elapsed() >= limit);
    let seen = String::from_utf8(seen).unwrap();
    assert!(seen.starts_with("HTTP/1.1 50"), "{seen}");
}

#[tokio::test]
async fn s3_an_idle_http2_connection_goes_whether_it_wants_to_or_not() {
    let (gate, _ended) = door(|listener| listener.idle_timeout = Duration::from_millis(300)).await;
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    // Settings, and a word now and then, but no answer to whatever the door says.
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    until_nothing_is_open(&gate).await;
    assert!(!until_closed(stream).await.is_empty());
}

/// An upstream that answers before it reads, then reads on, and serves the next request
/// after a body that ends; how many connections it got, and the word that one ended.
async fn hasty() -> (SocketAddr, Arc<AtomicUsize>, mpsc::UnboundedReceiver<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let (told, ended) = mpsc::unbounded_channel();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            count.fetch_add(1, SeqCst);
            let told = told.clone();
            tokio::spawn(async move {
                while refuse_unread(&mut stream).await.is_ok() {}
                let _ = told.send(());
            });
        }
    });
    (addr, opened, ended)
}

async fn refuse_unread(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await?);
    }
    stream
        .write_all(b"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nread")
        .await?;
    while !seen.ends_with(b"0\r\n\r\n") {
        seen.push(stream.read_u8().await?);
    }
    Ok(())
}

/// A door with `/hasty/**` at such an upstream.
async fn hasty_door(
    change: impl FnOnce(&mut ListenerOptions),
) -> (Running, Arc<AtomicUsize>, mpsc::UnboundedReceiver<()>) {
    let (addr, opened, ended) = hasty().await;
    let mut listener = ListenerOptions::default();
    change(&mut listener);
    let gate = start_with(listener, GateOptions::default(), |realm| {
        let upstream = UpstreamSpec::Http {
            base: format!("http://{addr}").parse().unwrap(),
            strip_prefix: None,
            preserve_host: false,
            tls: None,
        };
        realm.hosts = vec!["*".into()];
        realm.routes.push(RouteSpec {
            public: true,
            ..route("/hasty/**", upstream)
        });
    });
    (gate.await, opened, ended)
}

#[tokio::test]
async fn s5_answered_uploads_keep_their_places_and_are_broken_off() {
    let (gate, opened, mut ended) = hasty_door(|listener| {
        listener.max_connections = 24;
        listener.max_per_address = 6;
    })
    .await;
    let mut client = UploadClient::connect(gate.addr, "127.0.0.2").await;
    let mut uploads = Vec::new();
    for number in 0..12 {
        let (answer, upload) = client.post("/hasty/x", None).await;
        let wanted = if number < 6 { 409 } else { 503 };
        assert_eq!(answer.status(), wanted, "{number}");
        let body = soon(answer.into_body().collect()).await.unwrap();
        assert!(!body.to_bytes().is_empty(), "{number}");
        uploads.push(upload);
    }
    assert_eq!(opened.load(SeqCst), 6);
    assert!(!is_served("127.0.0.2", gate.addr, &mut Vec::new()).await);
    assert!(is_served("127.0.0.3", gate.addr, &mut Vec::new()).await);
    for _ in 0..6 {
        soon(ended.recv()).await.unwrap();
    }
    for upload in uploads {
        soon(upload.closed()).await;
    }
    // The places are free again, and so is the connection.
    let (answer, _upload) = client.post("/hasty/x", None).await;
    assert_eq!(answer.status(), 409);
}

#[tokio::test]
async fn s5_an_upload_that_goes_on_after_its_answer_ends_with_its_connection() {
    let (gate, _opened, mut ended) = hasty_door(|_| {}).await;
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    let head = "POST /hasty/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = answer_of(&mut stream).await;
    assert!(answer.starts_with("http/1.1 409"), "{answer}");
    stream.write_all(b"2\r\nab\r\n").await.unwrap();
    soon(ended.recv()).await.unwrap();
    // Our side is closed; the client's may take a while to notice.
    assert!(until_closed(stream).await.is_empty());
    until_nothing_is_open(&gate).await;
}

#[tokio::test]
async fn an_upload_that_its_answer_overtook_by_little_costs_the_client_no_connection() {
    let (gate, _opened, _ended) = hasty_door(|_| {}).await;
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    for _ in 0..5 {
        let head = "POST /hasty/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = answer_of(&mut stream).await;
        assert!(answer.starts_with("http/1.1 409"), "{answer}");
        stream.write_all(b"2\r\nab\r\n0\r\n\r\n").await.unwrap();
    }
}
