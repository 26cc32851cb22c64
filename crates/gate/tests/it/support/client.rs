//! Clients: the kit's for what HTTP/1.1 can say, bytes for what it should not, HTTP/2 and
//! WebSockets.

use doorward_testkit::http;
use http_body_util::BodyExt as _;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The one answer in these bytes.
    pub(crate) fn parse(text: &str) -> Self {
        http::Response::parse(text.as_bytes())
            .unwrap_or_else(|| panic!("no answer: {text}"))
            .into()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The `error` member of the plain template.
    pub(crate) fn code(&self) -> (u16, String) {
        (
            self.status,
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// The first value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All its values.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

impl From<http::Response> for Answer {
    fn from(answer: http::Response) -> Self {
        Self {
            status: answer.status,
            body: answer.text(),
            headers: answer.headers,
        }
    }
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("took too long")
}

/// Says these bytes and reads until the gate closes.
pub(crate) async fn say(addr: SocketAddr, bytes: &[u8]) -> String {
    soon(async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        // The gate may refuse before it has read everything, and close.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

/// One request on a connection of its own.
pub(crate) async fn ask(addr: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Answer {
    send(addr, line, headers, "").await
}

/// The same with a body. The kit's client blocks, so it works beside the gate's thread.
pub(crate) async fn send(
    addr: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let (method, target) = line.split_once(' ').unwrap();
    let mut request = http::Request::new(addr, method, target).host("gate.test");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(body);
    let sent = tokio::task::spawn_blocking(move || request.try_send());
    soon(sent).await.unwrap().unwrap().into()
}

/// A request for what anybody may have, its connection left open.
pub(crate) const GET: &[u8] = b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n";

/// One answer with a Content-Length, its connection left open; its head in lower case.
pub(crate) async fn answer_of(stream: &mut TcpStream) -> String {
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

/// Reads until the gate closes; what came before.
pub(crate) async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut seen = Vec::new();
    let _ = soon(stream.read_to_end(&mut seen)).await;
    seen
}

/// Says the head, and then a little of the rest again and again, until the gate closes; what
/// came before.
pub(crate) async fn trickle(addr: SocketAddr, head: &[u8], little: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let said = async {
        write.write_all(head).await?;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            write.write_all(little).await?;
        }
    };
    let mut seen = Vec::new();
    soon(async {
        let ended: std::io::Result<()> = tokio::select! {
            ended = said => ended,
            read = read.read_to_end(&mut seen) => read.map(drop),
        };
        drop(ended);
    })
    .await;
    seen
}

/// One request over HTTP/2 by prior knowledge.
pub(crate) async fn request_h2<B>(addr: SocketAddr, request: hyper::Request<B>) -> Answer
where
    B: http_body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    request_h2_over(TcpStream::connect(addr).await.unwrap(), request).await
}

/// The same over a connection of any kind.
pub(crate) async fn request_h2_over<T, B>(io: T, request: hyper::Request<B>) -> Answer
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(io));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let response = soon(sender.send_request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await.unwrap();
    Answer {
        status,
        headers: Vec::new(),
        body: String::from_utf8(body.to_bytes().to_vec()).unwrap(),
    }
}

/// The client's handshake of a WebSocket.
pub(crate) fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: gate.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// Opens a WebSocket to the upstream that echoes; the client's connection and the head
/// of the gate's answer in lower case.
pub(crate) async fn open_websocket(addr: SocketAddr) -> (TcpStream, String) {
    open_websocket_at(addr, "/up/ws").await
}

/// The same at another path that ends with `/ws`.
pub(crate) async fn open_websocket_at(addr: SocketAddr, path: &str) -> (TcpStream, String) {
    soon(async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(handshake(path).as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        echo_once(&mut stream).await;
        (stream, head)
    })
    .await
}

/// Says something on an open WebSocket and hears it again.
pub(crate) async fn echo_once(stream: &mut TcpStream) {
    let frame = b"\x81\x04ping";
    stream.write_all(frame).await.unwrap();
    let mut echoed = [0; 6];
    soon(stream.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, frame);
}
