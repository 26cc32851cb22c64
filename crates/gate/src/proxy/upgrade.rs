//! WebSocket: after the upstream's 101, and only then, the two connections are joined
//! byte for byte, until what opened it no longer stands. No other protocol is switched to
//! (`h2c` least of all).

use super::frames::{self, Frames};
use crate::listener::Tether;
use crate::stream::{Ended, Watch};
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
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
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

/// The two connections to be joined.
pub(crate) struct Ends {
    pub(crate) client: OnUpgrade,
    pub(crate) upstream: OnUpgrade,
}

/// Joins the two connections until either ends, both are silent for `idle`, `watch` says
/// that it is over, or the listener is cut. The client's connection keeps its place all
/// the while.
pub(crate) fn join(ends: Ends, tether: Option<Tether>, idle: Duration, mut watch: Watch) {
    watch.open();
    tokio::spawn(async move {
        let opened = async { tokio::try_join!(ends.client, ends.upstream) };
        let Ok(Ok((client, upstream))) = timeout(idle, opened).await else {
            tracing::debug!("websocket did not open");
            return;
        };
        let said = Notify::new();
        let mut client = Framed::new(Heard::new(TokioIo::new(client), &said));
        let mut upstream = Heard::new(TokioIo::new(upstream), &said);
        let silence = async { while timeout(idle, said.notified()).await.is_ok() {} };
        let cut = async {
            match tether.clone() {
                Some(mut tether) => tether.cut().await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = watch.ended() => Some(ended),
            joined = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {
                if let Err(error) = joined {
                    tracing::debug!(%error, "websocket ended");
                }
                None
            }
            () = silence => {
                tracing::debug!("websocket was silent for too long");
                None
            }
            () = cut => {
                tracing::debug!("websocket cut");
                None
            }
        };
        if let Some(ended) = ended {
            // Nothing of the upstream goes out any more.
            drop(upstream);
            drop(timeout(FAREWELL, client.take_leave(ended)).await);
        }
    });
}

/// How long a client may take to read why its WebSocket was closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a client is told (RFC 6455 §7.4.1): that it broke our rules, or to come again.
const fn close_code(ended: Ended) -> u16 {
    match ended {
        Ended::Revoked | Ended::Changed | Ended::Expired => 1008,
        Ended::Unknown => 1013,
    }
}

/// The client's side, with an eye on the frames that are written to it.
struct Framed<T> {
    io: T,
    frames: Frames,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Framed<T> {
    fn new(io: T) -> Self {
        Self {
            io,
            frames: Frames::default(),
        }
    }

    /// Says why it is over, where a frame may come; within one, it just ends. Then our
    /// side is closed, and what still comes is read and dropped: a reset would take the
    /// reason from a client that has not read it.
    async fn take_leave(&mut self, ended: Ended) -> io::Result<()> {
        if self.frames.may_begin() {
            let frame = frames::close(close_code(ended), &ended.to_string());
            self.io.write_all(&frame).await?;
        }
        self.io.shutdown().await?;
        tokio::io::copy(&mut self.io, &mut tokio::io::sink()).await?;
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Framed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Framed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.frames.push(bytes.get(..*count).unwrap_or_default());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
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
