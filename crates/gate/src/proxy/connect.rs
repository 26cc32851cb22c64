//! New connections to upstreams: TCP, and TLS where the upstream wants it. Not here:
//! those that are open already (`pool`), and how they end (`wire`).

use super::pool::{Conn, Leaving, Line};
use super::tls::UpstreamTls;
use super::upstream::Failure;
use super::wire::{Stream, Wire};
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
use std::sync::Arc;
use std::time::Duration;
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
    leaving: Leaving,
}

impl Connector {
    pub(super) fn new(leaving: Leaving) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        // The scheme is looked at here.
        tcp.enforce_http(false);
        Self { tcp, leaving }
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
        let wire = Wire::new(stream, Arc::clone(&self.leaving));
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
    let fate = wire.fate();
    let (mut sender, connection) = builder.handshake::<_, GateBody>(TokioIo::new(wire)).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to an upstream ended");
        }
    });
    sender.ready().await?;
    let task = task.abort_handle();
    Ok(Conn::new(sender, Line { task, fate }))
}
