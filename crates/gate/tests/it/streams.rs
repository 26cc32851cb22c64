//! What a request opened ends with the credential that opened it: on the wire, in every
//! form, and nothing else does.

use super::support::{
    Running, SUBJECT, TOKEN, UploadClient, api_token, handshake, route, say, scope, soon,
    start_with,
};
use bytes::Bytes;
use doorward_base::limit::Measure;
use doorward_base::principal::CredentialId;
use doorward_base::{ApiTokenId, SubjectId};
use doorward_gate::policy::spec::{
    BuiltIn, LimitKey, LimitSpec, RealmSpec, RouteSpec, StreamsAtExp, TenantHeaderSpec,
    UpstreamSpec,
};
use doorward_gate::{GateOptions, ListenerOptions, Mark};
use doorward_surface::body::full;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// Another credential than the one that the tests revoke.
const OTHER: [u8; 16] = [0x33; 16];

/// How soon an open stream looks by itself, and some time for a busy machine.
const LOOK: Duration = Duration::from_secs(8);

fn token() -> CredentialId {
    CredentialId::ApiToken(ApiTokenId::from_bytes(TOKEN))
}

/// An upstream whose streams say one thing and then nothing, and the word that one of
/// its connections ended. `/live/short` says the rest when it is released, and `/live/late`
/// all, after the same word that it was asked.
async fn upstream(release: Arc<Notify>) -> (SocketAddr, mpsc::UnboundedReceiver<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let (told, ended) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let (told, release) = (told.clone(), Arc::clone(&release));
            tokio::spawn(async move {
                let _ = answer(stream, &release, &told).await;
                let _ = told.send(());
            });
        }
    });
    (addr, ended)
}

async fn answer(
    mut stream: TcpStream,
    release: &Notify,
    told: &mpsc::UnboundedSender<()>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    if head.contains("/live/ws") {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n";
        stream.write_all(switch.as_bytes()).await?;
        // The second is not whole.
        let frames: &[u8] = if head.contains("/live/ws-within") {
            b"\x81\x04ping\x82\x7e\x01\x00part"
        } else {
            b"\x81\x04ping"
        };
        stream.write_all(frames).await?;
    } else if head.contains("/live/upload") {
        // It is read below.
    } else if head.contains("/live/whole") {
        stream
            .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nping")
            .await?;
    } else if head.contains("/live/late") {
        let _ = told.send(());
        release.notified().await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
            .await?;
    } else {
        let kind = if head.contains("/live/events") {
            "text/event-stream"
        } else {
            "text/plain"
        };
        let begin = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n"
        );
        stream.write_all(begin.as_bytes()).await?;
        if head.contains("/live/flow") {
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            loop {
                ticks.tick().await;
                stream.write_all(b"4\r\nmore\r\n").await?;
            }
        }
        if head.contains("/live/short") {
            release.notified().await;
            stream.write_all(b"3\r\nend\r\n0\r\n\r\n").await?;
        }
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.map(drop)
}

struct Door {
    gate: Running,
    ended: mpsc::UnboundedReceiver<()>,
    release: Arc<Notify>,
}

async fn door(change: impl FnOnce(&mut RealmSpec)) -> Door {
    let release = Arc::new(Notify::new());
    let (addr, ended) = upstream(Arc::clone(&release)).await;
    let gate = start_with(
        ListenerOptions::default(),
        GateOptions::default(),
        |realm| {
            let to = UpstreamSpec::Http {
                base: format!("http://{addr}").parse().unwrap(),
                strip_prefix: None,
                preserve_host: false,
                tls: None,
            };
            realm.routes.push(RouteSpec {
                timeout: Duration::from_secs(60),
                ..route("/live/**", to)
            });
            change(realm);
        },
    );
    Door {
        gate: gate.await,
        ended,
        release,
    }
}

impl Door {
    /// What the caller of the tests presents: a JWT made from the token, or the token.
    fn jwt(&self) -> String {
        self.gate.world.bearer(|_| {})
    }

    /// The same of another token, which is never revoked.
    fn others_jwt(&self) -> String {
        self.gate.world.bearer(|claims| {
            let other = ApiTokenId::from_bytes(OTHER).to_string();
            claims["dw"]["t"] = other.into();
        })
    }

    fn api_token(&self) -> String {
        let token = api_token(1);
        self.gate.world.know(&token);
        format!("Bearer {token}")
    }

    /// What another part of the process does when the token is revoked.
    fn revoke(&self) {
        *self.gate.world.revoked_one.lock().unwrap() = Some(token());
        self.gate
            .gate
            .streams()
            .look_again([Mark::Credential(token())]);
    }

    /// The same as soon as something is open that could end.
    async fn revoke_once_open(&self) {
        soon(async {
            while self.gate.gate.streams().open() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        self.revoke();
    }

    async fn open(&self, path: &str, authorization: &str) -> TcpStream {
        let head = if path.starts_with("/live/ws") {
            handshake(path)
        } else {
            format!("GET {path} HTTP/1.1\r\nHost: gate.test\r\n\r\n")
        };
        let head = head.replacen(
            "\r\n\r\n",
            &format!("\r\nAuthorization: {authorization}\r\n\r\n"),
            1,
        );
        let mut stream = TcpStream::connect(self.gate.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"ping") {
            seen.push(soon(stream.read_u8()).await.unwrap());
        }
        stream
    }

    /// Opens one and waits until it counts as a stream.
    async fn open_long(&self, path: &str, authorization: &str) -> TcpStream {
        let before = self.gate.gate.streams().open();
        let stream = self.open(path, authorization).await;
        soon(async {
            while self.gate.gate.streams().open() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        stream
    }
}

/// What comes until the end, which comes soon.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut seen = Vec::new();
    let _ = soon(stream.read_to_end(&mut seen)).await;
    seen
}

/// Whether it is open for the time being.
async fn is_open(stream: &mut TcpStream, time: Duration) -> bool {
    let mut piece = [0; 1024];
    let reading = async { while stream.read(&mut piece).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(time, reading).await.is_err()
}

#[tokio::test]
async fn s1_every_kind_of_stream_ends_at_once_with_its_credential() {
    for path in ["/live/ws", "/live/events", "/live/long", "/live/flow"] {
        for by_token in [false, true] {
            let mut door = door(|_| {}).await;
            let authorization = if by_token {
                door.api_token()
            } else {
                door.jwt()
            };
            let stream = door.open_long(path, &authorization).await;
            let mut other = door.open_long(path, &door.others_jwt()).await;
            let began = Instant::now();
            door.revoke();
            let seen = rest(stream).await;
            // Told, not found out by looking now and then.
            assert!(began.elapsed() < Duration::from_secs(3), "{path}");
            assert!(
                !seen.ends_with(b"0\r\n\r\n"),
                "{path}: not as if it were whole"
            );
            soon(door.ended.recv()).await.unwrap();
            assert!(
                is_open(&mut other, Duration::from_millis(50)).await,
                "{path}"
            );
            assert_eq!(door.gate.gate.streams().ended(), 1, "{path}");
        }
    }
}

#[tokio::test]
async fn s1_a_websocket_is_closed_with_code_and_reason() {
    let door = door(|_| {}).await;
    let stream = door.open_long("/live/ws", &door.jwt()).await;
    door.revoke();
    assert_eq!(rest(stream).await, b"\x88\x14\x03\xf0credential revoked");
}

#[tokio::test]
async fn s1_within_a_frame_a_websocket_just_ends() {
    let door = door(|_| {}).await;
    let mut stream = door.open_long("/live/ws-within", &door.jwt()).await;
    let mut part = [0; 8];
    soon(stream.read_exact(&mut part)).await.unwrap();
    assert_eq!(&part, b"\x82\x7e\x01\x00part");
    door.revoke();
    assert!(rest(stream).await.is_empty());
}

#[tokio::test]
async fn s1_a_client_that_goes_on_talking_still_reads_why_its_websocket_was_closed() {
    let door = door(|_| {}).await;
    let stream = door.open_long("/live/ws", &door.jwt()).await;
    let (mut read, mut write) = stream.into_split();
    let talking =
        tokio::spawn(
            async move { while write.write_all(b"\x81\x84\0\0\0\0pong").await.is_ok() {} },
        );
    door.revoke();
    let mut seen = Vec::new();
    soon(read.read_to_end(&mut seen)).await.ok();
    assert_eq!(seen, b"\x88\x14\x03\xf0credential revoked");
    talking.abort();
}

#[tokio::test]
async fn s1_an_http2_stream_is_reset_and_its_connection_goes_on() {
    let door = door(|_| {}).await;
    let stream = TcpStream::connect(door.gate.addr).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let get = |path: &str, authorization: &str| {
        Request::get(format!("http://gate.test{path}"))
            .header("authorization", authorization)
            .body(Empty::<Bytes>::new())
            .unwrap()
    };
    for path in ["/live/events", "/live/long"] {
        let request = get(path, &door.jwt());
        let answer = soon(sender.send_request(request)).await.unwrap();
        let mut body = answer.into_body();
        assert!(soon(body.frame()).await.unwrap().is_ok());
        door.revoke();
        assert!(soon(body.collect()).await.is_err(), "{path}");
        *door.gate.world.revoked_one.lock().unwrap() = None;
    }
    let answer = soon(sender.send_request(get("/api/x", &door.jwt()))).await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn s1_a_change_of_authority_ends_what_was_opened_before_it() {
    let door = door(|_| {}).await;
    let subject = SubjectId::from_bytes(SUBJECT);
    let streams = [
        door.open_long("/live/ws", &door.jwt()).await,
        door.open_long("/live/ws", &door.api_token()).await,
    ];
    *door.gate.world.grown.lock().unwrap() = Some(subject);
    door.gate
        .gate
        .streams()
        .look_again([Mark::Subject(subject)]);
    for stream in streams {
        assert_eq!(rest(stream).await, b"\x88\x13\x03\xf0authority changed");
    }
}

#[tokio::test]
async fn a_stream_in_a_tenant_of_others_ends_with_the_tenant() {
    let door = door(|realm| {
        realm.tenant_header = Some(TenantHeaderSpec {
            header: "Acme-Org".parse().unwrap(),
            foreign_scope: scope("tenant:assume"),
        });
    })
    .await;
    let jwt = door.gate.world.bearer(|claims| {
        claims.insert("scope".into(), "tenant:assume".into());
        claims["dw"]["x"] = true.into();
    });
    let there = door
        .open_long("/live/ws", &format!("{jwt}\r\nAcme-Org: globex"))
        .await;
    let mut at_home = door.open_long("/live/ws", &jwt).await;
    door.gate.world.deleted.lock().unwrap().push("globex");
    let globex = Mark::Tenant("globex".parse().unwrap());
    door.gate.gate.streams().look_again([globex]);
    assert_eq!(rest(there).await, b"\x88\x13\x03\xf0authority changed");
    assert!(is_open(&mut at_home, Duration::from_millis(50)).await);
}

#[tokio::test]
async fn s1_a_role_that_a_reload_changed_ends_what_it_gave() {
    let door = door(|realm| realm.role_marks = vec!["editor-1".to_owned()]).await;
    let marked = door.gate.world.bearer(|claims| {
        claims["dw"]["r"] = vec!["editor-1"].into();
    });
    let by_role = door.open_long("/live/ws", &marked).await;
    let by_token = door.open_long("/live/ws", &door.api_token()).await;
    let mut without = door.open_long("/live/ws", &door.jwt()).await;
    let mut spec = super::support::realm(door.gate.addr);
    // The routes of now do not matter to what is open.
    spec.role_marks = vec!["editor-2".to_owned()];
    door.gate
        .gate
        .swap(doorward_gate::lower(vec![spec]).unwrap());
    for stream in [by_role, by_token] {
        assert_eq!(rest(stream).await, b"\x88\x13\x03\xf0authority changed");
    }
    assert!(is_open(&mut without, Duration::from_millis(50)).await);
    // A realm that is gone leaves nothing open.
    door.gate
        .gate
        .swap(doorward_gate::lower(Vec::new()).unwrap());
    assert_eq!(rest(without).await, b"\x88\x13\x03\xf0authority changed");
}

#[tokio::test]
async fn s1_a_stream_does_not_outlive_the_lease_of_its_realm() {
    let door = door(|_| {}).await;
    let stream = door.open_long("/live/ws", &door.jwt()).await;
    door.gate.world.current.store(false, SeqCst);
    let closed = tokio::time::timeout(LOOK, rest(stream)).await.unwrap();
    assert_eq!(closed, b"\x88\x13\x03\xf5store unavailable");
}

#[tokio::test]
async fn s1_a_stream_ends_at_exp_unless_its_realm_keeps_it() {
    for at_exp in [StreamsAtExp::End, StreamsAtExp::Keep] {
        let door = door(|realm| realm.streams_at_exp = at_exp).await;
        let mut stream = door.open_long("/live/ws", &door.jwt()).await;
        door.gate.world.clock.advance(Duration::from_secs(301));
        if at_exp == StreamsAtExp::Keep {
            door.gate.gate.streams().all_look_again();
            assert!(is_open(&mut stream, Duration::from_millis(300)).await);
            continue;
        }
        let closed = tokio::time::timeout(LOOK, rest(stream)).await.unwrap();
        assert_eq!(closed, b"\x88\x14\x03\xf0credential expired");
    }
}

#[tokio::test]
async fn s1_where_revocation_is_not_immediate_tokens_live_on_and_what_is_looked_up_does_not() {
    let door = door(|realm| realm.immediate_revocation = false).await;
    let mut by_jwt = door.open_long("/live/events", &door.jwt()).await;
    let by_token = door.open_long("/live/events", &door.api_token()).await;
    door.revoke();
    rest(by_token).await;
    assert!(is_open(&mut by_jwt, Duration::from_millis(300)).await);
}

#[tokio::test]
async fn s1_an_upload_ends_with_its_credential() {
    let door = door(|_| {}).await;
    let head = format!(
        "POST /live/upload HTTP/1.1\r\nHost: gate.test\r\nAuthorization: {}\r\nContent-Length: 100000\r\n\r\nab",
        door.jwt()
    );
    let mut stream = TcpStream::connect(door.gate.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    soon(async {
        while door.gate.gate.streams().open() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    door.revoke();
    let seen = String::from_utf8(rest(stream).await).unwrap();
    assert!(seen.starts_with("HTTP/1.1 401"), "{seen}");
}

/// Reads what it is sent; at `…/slowly` it takes its time afterwards.
struct Reading(Arc<Notify>);

impl Local for Reading {
    fn call(&self, request: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let slowly = request.uri().path().ends_with("/slowly");
            let read = request.into_body().collect().await.unwrap();
            if slowly {
                self.0.notified().await;
            }
            Response::new(full(read.to_bytes()))
        })
    }
}

async fn local_door() -> Door {
    let mut told = None;
    let mut door = door(|realm| {
        let release = Arc::new(Notify::new());
        told = Some(Arc::clone(&release));
        realm.limits = vec![LimitSpec::new(
            "one",
            LimitKey::Address,
            Measure::InFlight(1),
        )];
        realm.built_in.push(BuiltIn {
            name: "reading",
            target: Arc::new(Reading(release)),
        });
        let reading = UpstreamSpec::Local("reading");
        realm.routes.push(route("/read/**", reading));
    })
    .await;
    door.release = told.unwrap();
    door
}

async fn upload_to(door: &Door, path: &str, authorization: &str, sent: &str) -> TcpStream {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: {authorization}\r\nContent-Length: 10\r\n\r\n{sent}"
    );
    let mut stream = TcpStream::connect(door.gate.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Else whoever was locked out keeps the places of all others for as long as it likes.
#[tokio::test]
async fn s1_an_upload_to_what_answers_in_this_process_ends_with_its_credential() {
    for path in ["/api/x", "/read/x"] {
        for by_token in [false, true] {
            let door = local_door().await;
            let authorization = if by_token {
                door.api_token()
            } else {
                door.jwt()
            };
            let stream = upload_to(&door, path, &authorization, "ab").await;
            door.revoke_once_open().await;
            let seen = String::from_utf8(rest(stream).await).unwrap();
            assert!(seen.starts_with("HTTP/1.1 401"), "{path}: {seen}");
            // Its place among the requests in flight is free.
            let others = upload_to(&door, path, &door.others_jwt(), "0123456789").await;
            let seen = String::from_utf8(rest(others).await).unwrap();
            assert!(seen.starts_with("HTTP/1.1 200"), "{path}: {seen}");
        }
    }
}

#[tokio::test]
async fn s1_what_came_whole_is_finished_in_this_process() {
    let door = local_door().await;
    let stream = upload_to(&door, "/read/slowly", &door.jwt(), "0123456789").await;
    door.revoke_once_open().await;
    soon(async {
        while door.gate.gate.streams().ended() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    door.release.notify_one();
    let seen = String::from_utf8(rest(stream).await).unwrap();
    assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
}

#[tokio::test]
async fn s1_a_short_answer_finishes_although_it_ended_its_own_credential() {
    let door = door(|_| {}).await;
    let stream = door.open("/live/short", &door.jwt()).await;
    door.revoke();
    door.release.notify_one();
    let seen = rest_of_answer(stream).await;
    assert!(seen.ends_with(b"end\r\n0\r\n\r\n"));
    // Nobody else comes in.
    let head = format!(
        "GET /live/short HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: {}\r\n\r\n",
        door.jwt()
    );
    let refused = say(door.gate.addr, head.as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
}

async fn rest_of_answer(mut stream: TcpStream) -> Vec<u8> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"0\r\n\r\n") {
        seen.push(soon(stream.read_u8()).await.unwrap());
    }
    seen
}

/// The answer is whole or not, and the upload goes on: the rest of it is nobody's.
#[tokio::test]
async fn s1_an_upload_that_was_answered_already_ends_with_its_credential() {
    for path in ["/live/whole", "/live/long"] {
        let mut door = door(|_| {}).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: gate.test\r\nTransfer-Encoding: chunked\r\nAuthorization: {}\r\n\r\n2\r\nab\r\n",
            door.jwt()
        );
        let mut stream = TcpStream::connect(door.gate.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        door.revoke_once_open().await;
        soon(door.ended.recv()).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let uploading =
            tokio::spawn(async move { while write.write_all(b"2\r\nab\r\n").await.is_ok() {} });
        let mut seen = Vec::new();
        soon(read.read_to_end(&mut seen)).await.ok();
        assert!(
            seen.starts_with(b"HTTP/1.1 20"),
            "{path}: the answer stands"
        );
        soon(uploading).await.unwrap();
        assert!(door.gate.gate.streams().ended() > 0, "{path}");
    }
}

#[tokio::test]
async fn s1_an_answered_upload_of_http2_ends_with_its_credential() {
    for path in ["/live/whole", "/live/long"] {
        let mut door = door(|_| {}).await;
        let mut client = UploadClient::connect(door.gate.addr, "127.0.0.1").await;
        let (answer, upload) = client.post(path, Some(&door.jwt())).await;
        assert!(answer.status().is_success());
        door.revoke_once_open().await;
        soon(door.ended.recv()).await.unwrap();
        soon(upload.closed()).await;
        assert!(door.gate.gate.streams().ended() > 0, "{path}");
    }
}

#[tokio::test]
async fn s1_a_long_poll_is_refused_when_its_credential_ends() {
    for by_token in [false, true] {
        let mut door = door(|_| {}).await;
        let authorization = if by_token {
            door.api_token()
        } else {
            door.jwt()
        };
        let head = format!(
            "GET /live/upload HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(door.gate.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        door.revoke_once_open().await;
        let seen = String::from_utf8(rest(stream).await).unwrap();
        assert!(seen.starts_with("HTTP/1.1 401"), "{seen}");
        // Nobody waits for what it would have said.
        soon(door.ended.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn s1_what_ends_its_own_credential_at_once_is_answered() {
    let mut door = door(|_| {}).await;
    let head = format!(
        "POST /live/late HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: {}\r\n\r\n",
        door.jwt()
    );
    let mut stream = TcpStream::connect(door.gate.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The upstream has it.
    soon(door.ended.recv()).await.unwrap();
    door.revoke();
    door.release.notify_one();
    let seen = String::from_utf8(rest(stream).await).unwrap();
    assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
    assert!(seen.ends_with("late"), "{seen}");
}
