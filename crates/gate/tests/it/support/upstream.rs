//! A server of our own making behind the gate.

use doorward_gate::{Certificate, Pair, tls_config};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// It tells the request it got byte for byte, speaks a
/// WebSocket handshake at `/up/ws`, never answers GET at `/up/stuck` and nothing at
/// `/up/never`, does not read a body at `/up/deaf`, falls silent within its answer at
/// `/up/stall`, tells three slow events at `/up/events`, frames `/up/framed` twice,
/// answers `/up/old` as HTTP/1.0 that stays open, closes after `/up/last`, switches to
/// another protocol at `/up/other`, sends more than its answer at `/up/stray`, and answers
/// with the field that `X-Say` holds.
pub(super) async fn upstream() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = socket.accept().await {
            tokio::spawn(upstream_connection(stream, number));
            number += 1;
        }
    });
    addr
}

/// The same over TLS, with the certificate of the fixture.
pub(crate) async fn tls_upstream() -> SocketAddr {
    let pair = Pair::read(
        include_bytes!("../../fixture/localhost.pem"),
        include_bytes!("../../fixture/localhost-key.pem"),
    );
    let acceptor = TlsAcceptor::from(tls_config(&Certificate::new(&pair.unwrap())));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = socket.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(upstream_connection(stream, number));
                number += 1;
            }
        }
    });
    addr
}

async fn upstream_connection<S>(mut stream: S, number: u64)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&seen).into_owned();
        if text.contains(" /up/deaf ") {
            std::future::pending::<()>().await;
        }
        let (head, rest) = text.split_once("\r\n\r\n").unwrap();
        let mut body = rest.as_bytes().to_vec();
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap_or(0);
        let chunked = head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked");
        while body.len() < length || (chunked && !body.ends_with(b"0\r\n\r\n")) {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => body.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        seen.clear();
        if head.starts_with("GET /up/stuck ") || head.contains(" /up/never ") {
            std::future::pending::<()>().await;
        }
        if head.starts_with("GET /up/ws ") || head.starts_with("GET /live/ws ") {
            let accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n";
            stream.write_all(accepted.as_bytes()).await.unwrap();
            let (mut read, mut write) = tokio::io::split(stream);
            let _ = tokio::io::copy(&mut read, &mut write).await;
            return;
        }
        if head.starts_with("GET /up/other ") {
            let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\nsecret";
            stream.write_all(switched.as_bytes()).await.unwrap();
            let _ = stream.read_to_end(&mut seen).await;
            return;
        }
        if head.starts_with("GET /up/stall ") || head.starts_with("GET /up/events ") {
            return tell_slowly(stream, head.contains("/up/events ")).await;
        }
        if head.starts_with("GET /up/framed ") {
            let both = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
            stream.write_all(both.as_bytes()).await.unwrap();
            return;
        }
        if head.contains(" /up/stray ") {
            say_too_much(&mut stream, head).await;
            continue;
        }
        let told = json!({
            "head": head,
            "body": String::from_utf8_lossy(&body),
            "connection": number,
        });
        let told = told.to_string();
        let version = if head.contains(" /up/old ") {
            "1.0"
        } else {
            "1.1"
        };
        let extra = if head.starts_with("GET /up/hop ") {
            "Connection: x-secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n"
        } else if version == "1.0" {
            "Connection: keep-alive\r\n"
        } else {
            ""
        };
        let said = head.lines().find_map(|line| line.strip_prefix("x-say: "));
        let extra = match said {
            Some(line) => format!("{line}\r\n{extra}"),
            None => extra.to_owned(),
        };
        let (length, bytes) = (told.len(), body.len());
        let told = if head.starts_with("HEAD ") { "" } else { &told };
        let answer = format!(
            "HTTP/{version} 200 OK\r\nContent-Length: {length}\r\nX-Body-Bytes: {bytes}\r\n{extra}\r\n{told}"
        );
        if stream.write_all(answer.as_bytes()).await.is_err() || head.contains(" /up/last ") {
            return;
        }
    }
}

/// An answer that has no body, with the status of `X-Status`, and a little later one that
/// nobody asked for.
async fn say_too_much<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, head: &str) {
    let said = head
        .lines()
        .find_map(|line| line.strip_prefix("x-status: "));
    let status = said.unwrap_or("200");
    let bare = format!("HTTP/1.1 {status} Bare\r\n\r\n");
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    ticks.tick().await;
    stream.write_all(bare.as_bytes()).await.unwrap();
    ticks.tick().await;
    let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    let _ = stream.write_all(stray).await;
}

/// Three events 300 ms apart, or one piece and then nothing more.
async fn tell_slowly<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, events: bool) {
    let kind = if events {
        "Text/Event-Stream; charset=utf-8"
    } else {
        "text/plain"
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    ticks.tick().await;
    if events {
        for piece in ["3\r\ndef\r\n", "3\r\nend\r\n0\r\n\r\n"] {
            ticks.tick().await;
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}
