//! WebSocket: after the upstream's 101, and only then, the two connections are joined
//! byte for byte, until what opened it no longer stands. No other protocol is switched to
//! (`h2c` least of all).

use super::frames::{self, Frames};
use crate::listener::Tether;
use crate::slots::Slots;
use crate::stage::{Passed, Stop};
use crate::stream::{Ended, Watch};
use crate::through::writes_through;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::ErrorCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Whether the request asks for a WebSocket, and does so in the one way. Any other upgrade
/// is ignored, as RFC 9110 §7.8 allows.
pub(crate) fn wants_websocket(parts: &Parts) -> Passed<bool> {
    let wanted = is_to_websocket(&parts.headers)
        && parts.method == Method::GET
        && parts.version == Version::HTTP_11;
    if wanted {
        check(parts)?;
    }
    Ok(wanted)
}

/// Whether this side names a WebSocket, and nothing else, as what is switched to.
pub(super) fn is_to_websocket(headers: &HeaderMap) -> bool {
    let names_upgrade = headers.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let is_websocket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    names_upgrade && the_one(headers, &UPGRADE).is_some_and(is_websocket)
}

/// The request asks for a WebSocket as RFC 6455 §4.1 has it: with a key, in this version,
/// without a body. What an upstream made of anything else would pass for a WebSocket.
fn check(parts: &Parts) -> Passed<()> {
    let headers = &parts.headers;
    let key = the_one(headers, &SEC_WEBSOCKET_KEY);
    let key = key.and_then(|key| STANDARD.decode(key.as_bytes()).ok());
    let version = the_one(headers, &SEC_WEBSOCKET_VERSION);
    let no_body = !headers.contains_key(TRANSFER_ENCODING)
        && headers
            .get(CONTENT_LENGTH)
            .is_none_or(|length| length == "0");
    if key.is_some_and(|key| key.len() == 16) && version.is_some_and(|it| it == "13") && no_body {
        return Ok(());
    }
    let mut stop = Stop::new(ErrorCode::InvalidRequest, "upstream", "websocket_handshake");
    let known = HeaderValue::from_static("13");
    stop.headers.push((SEC_WEBSOCKET_VERSION, known));
    Err(stop)
}

/// The value of a field that is there once.
fn the_one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    first.filter(|_| values.next().is_none())
}

/// Sets the hop-by-hop fields of a WebSocket handshake.
pub(crate) fn set(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// The two connections to be joined.
pub(crate) struct Ends {
    client: OnUpgrade,
    upstream: OnUpgrade,
}

impl Ends {
    pub(super) const fn new(client: OnUpgrade, upstream: OnUpgrade) -> Self {
        Self { client, upstream }
    }
}

/// Joins the two connections until either ends, both are silent for `idle`, `watch` says
/// that it is over, or the listener is cut. The client's connection keeps its place all
/// the while, and its request those among the requests in flight.
pub(crate) fn join(
    ends: Ends,
    (tether, slots): (Option<Tether>, Slots),
    idle: Duration,
    mut watch: Watch,
) {
    watch.open();
    tokio::spawn(async move {
        let _slots = slots;
        let opened = async { tokio::try_join!(ends.client, ends.upstream) };
        let Ok(Ok((client, upstream))) = timeout(idle, opened).await else {
            tracing::debug!("websocket did not open");
            return;
        };
        let (said, left) = (Notify::new(), Notify::new());
        let mut client = Framed::new(Heard::new(TokioIo::new(client), &said, None));
        let mut upstream = Heard::new(TokioIo::new(upstream), &said, Some(&left));
        let silence = async { while timeout(idle, said.notified()).await.is_ok() {} };
        let cut = async {
            match tether.clone() {
                Some(mut tether) => tether.cut().await,
                None => std::future::pending().await,
            }
        };
        let alone = async {
            left.notified().await;
            sleep(FAREWELL).await;
        };
        let ended = tokio::select! {
            ended = watch.ended() => Some(ended),
            joined = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {
                if let Err(error) = joined {
                    tracing::debug!(%error, "websocket ended");
                }
                None
            }
            () = alone => {
                tracing::debug!("websocket was left by its client");
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

/// How long a client may take to read why its WebSocket was closed, and an upstream to end
/// one that its client left.
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

/// One side of a WebSocket; tells when it says something. The upstream's is not told that the
/// client's ended: whoever ends a connection first has its port taken for a minute, and
/// clients can end as many as they like.
struct Heard<'n, T> {
    io: T,
    said: &'n Notify,
    /// Hears that the other side ended, in place of this one.
    left: Option<&'n Notify>,
}

impl<'n, T> Heard<'n, T> {
    const fn new(io: T, said: &'n Notify, left: Option<&'n Notify>) -> Self {
        Self { io, said, left }
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
        let Some(left) = self.left else {
            return Pin::new(&mut self.io).poll_shutdown(cx);
        };
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        left.notify_one();
        Poll::Ready(Ok(()))
    }
}
