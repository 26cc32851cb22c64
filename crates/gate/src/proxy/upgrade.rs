//! WebSocket: after the upstream's 101, and only then, the two connections are joined
//! byte for byte. No other protocol is switched to (`h2c` least of all).

use crate::listener::Tether;
use crate::through::writes_through;
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Whether the request asks for a WebSocket (RFC 6455 §4.1). Any other upgrade is
/// ignored, as RFC 9110 §7.8 allows.
pub(crate) fn is_wanted(parts: &Parts) -> bool {
    let names_upgrade = parts.headers.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let mut protocols = parts.headers.get_all(UPGRADE).iter();
    let websocket = protocols
        .next()
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    names_upgrade
        && websocket
        && protocols.next().is_none()
        && parts.method == Method::GET
        && parts.version == Version::HTTP_11
}

/// Sets the hop-by-hop fields of a WebSocket handshake.
pub(crate) fn set(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Joins the two connections until either ends, both are silent for `idle`, or the
/// listener is cut. The client's connection keeps its place all the while.
pub(crate) fn join(client: OnUpgrade, upstream: OnUpgrade, tether: Option<Tether>, idle: Duration) {
    tokio::spawn(async move {
        let said = Notify::new();
        let joined = async {
            let (client, upstream) = tokio::try_join!(client, upstream)?;
            let mut client = Heard::new(TokioIo::new(client), &said);
            let mut upstream = Heard::new(TokioIo::new(upstream), &said);
            tokio::io::copy_bidirectional(&mut client, &mut upstream).await?;
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        };
        let silence = async { while timeout(idle, said.notified()).await.is_ok() {} };
        let cut = async {
            match tether {
                Some(mut tether) => tether.cut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = joined => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "websocket ended");
                }
            }
            () = silence => tracing::debug!("websocket was silent for too long"),
            () = cut => tracing::debug!("websocket cut"),
        }
    });
}

/// One side of a WebSocket; tells when it says something.
struct Heard<'n, T> {
    io: T,
    said: &'n Notify,
}

impl<'n, T> Heard<'n, T> {
    const fn new(io: T, said: &'n Notify) -> Self {
        Self { io, said }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Heard<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.said.notify_one();
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Heard<'_, T> {
    writes_through!(io);

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
