//! New connections to upstreams: TCP, and TLS where the upstream wants it. Not here:
//! those that are open already (`pool`).

use super::pool::{Conn, Line};
use super::tls::UpstreamTls;
use super::upstream::Failure;
use crate::body::GateBody;
use doorward_base::ErrorCode;
use doorward_base::tls::TlsFault;
use http::Uri;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service as _;

/// How long the connection, and then the handshake, may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The most header fields of an answer.
const MAX_FIELDS: usize = 128;
/// The most of an answer that is read at once, and the longest header section of one, bytes.
/// A client that does not take its answer makes this much wait here, and again below it.
const READ_BUFFER: usize = 32 * 1024;

/// Opens connections.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    tcp: HttpConnector,
}

impl Connector {
    pub(super) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        // The scheme is looked at here.
        tcp.enforce_http(false);
        Self { tcp }
    }

    /// A connection to the authority of `base` that is ready for a request.
    pub(super) async fn connect(
        &self,
        base: &Uri,
        tls: Option<&UpstreamTls>,
    ) -> Result<Conn, Failure> {
        let mut tcp = self.tcp.clone();
        let connected = tcp.call(base.clone()).await;
        let stream = connected.map_err(|error| {
            tracing::debug!(%error, cause = ?error.source(), "no connection to an upstream");
            failed("connect")
        })?;
        let stream = stream.into_inner();
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Tls(Box::new(secure(stream, base, tls).await?)),
        };
        let wire = Wire {
            stream,
            abrupt: Abrupt::default(),
        };
        speak(wire).await.map_err(|error| {
            tracing::debug!(%error, "no connection to an upstream");
            failed("connect")
        })
    }
}

const fn failed(check: &'static str) -> Failure {
    Failure {
        code: ErrorCode::UpstreamFailed,
        check,
    }
}

async fn secure(
    stream: TcpStream,
    base: &Uri,
    tls: &UpstreamTls,
) -> Result<TlsStream<TcpStream>, Failure> {
    let authority = base.authority().map_or("", http::uri::Authority::as_str);
    let host = base.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = match &tls.name {
        Some(name) => name.clone(),
        None => ServerName::try_from(bare.to_owned()).map_err(|_| failed("tls_name"))?,
    };
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let error = match timeout(CONNECT, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => error,
        Err(_) => io::Error::from(io::ErrorKind::TimedOut),
    };
    let check = TlsFault::of(&error).code();
    tracing::warn!(upstream = authority, check, %error, "TLS to an upstream failed");
    Err(failed(check))
}

async fn speak(wire: Wire) -> hyper::Result<Conn> {
    let mut builder = http1::Builder::new();
    builder.max_headers(MAX_FIELDS).max_buf_size(READ_BUFFER);
    let abrupt = wire.abrupt.clone();
    let (mut sender, connection) = builder.handshake::<_, GateBody>(TokioIo::new(wire)).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to an upstream ended");
        }
    });
    sender.ready().await?;
    let task = task.abort_handle();
    Ok(Conn::new(sender, Line { task, abrupt }))
}

/// Whether a connection ends by a reset, which leaves its port free at once, or by a
/// farewell, after which the port is taken for a minute (RFC 9293 §3.6.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Abrupt(Arc<AtomicBool>);

impl Abrupt {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn unset(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What a connection to an upstream is made of.
#[derive(Debug)]
struct Wire {
    stream: Stream,
    abrupt: Abrupt,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.abrupt.0.load(Ordering::Acquire) {
            return;
        }
        let tcp = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        };
        if let Err(error) = tcp.set_zero_linger() {
            tracing::debug!(%error, "a connection to an upstream ends by a farewell");
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
