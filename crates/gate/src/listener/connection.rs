//! One connection: TLS, which HTTP it speaks, and its requests until it ends.

use super::ListenerOptions;
use super::activity::{Activity, Counted, HeadTimer, Opened};
use super::framing::{Scanned, Scanner};
use super::linger::{Lingering, PATIENCE};
use super::place::Tether;
use super::stall::Stalling;
use super::taking::Streams;
use crate::gate::{Gate, Peer};
use crate::stage::guard::{MAX_HEADER_BYTES, MAX_TARGET};
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How the client opens HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Room for the longest header section and what a client pipelines behind it.
pub(super) const READ_BUFFER: usize = 64 * 1024;
/// How much of a request's body an HTTP/2 client may send before anybody takes it, bytes; twice
/// that for all requests of a connection.
const WINDOW: u32 = 128 * 1024;
/// The most of one HTTP/2 stream's answer that waits for its client, bytes.
const SEND_BUFFER: usize = 32 * 1024;

/// How long an HTTP/2 connection that was told to go may stay with nothing open.
const FAREWELL: Duration = Duration::from_secs(5);

/// A connection ended before it was done.
pub(super) struct Failed;

impl From<io::Error> for Failed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<tokio::time::error::Elapsed> for Failed {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self
    }
}

/// Drives a connection to its end: once draining began or it is idle it is told to
/// finish, if it may be; when cut, or idle although it was told to go, it stops at once.
/// The two kinds of connection share no trait for this.
macro_rules! drive {
    ($connection:ident, $tether:ident, $idle:expr, $overstays:expr, $may_finish:expr) => {{
        let mut tether = $tether.clone();
        // What has arrived is looked at first: a request that was read is no idleness.
        let ended = tokio::select! {
            biased;
            ended = $connection.as_mut() => Some(ended),
            () = tether.drained() => None,
            () = $idle => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                if $may_finish {
                    $connection.as_mut().graceful_shutdown();
                }
                tokio::select! {
                    ended = $connection => ended,
                    () = tether.cut() => return Err(Failed),
                    () = $overstays => return Err(Failed),
                }
            }
        };
        ended.map_err(|_| Failed)
    }};
}

pub(super) async fn run(
    gate: Arc<Gate>,
    stream: TcpStream,
    peer: SocketAddr,
    options: &ListenerOptions,
    tether: Tether,
) -> Result<(), Failed> {
    stream.set_nodelay(true)?;
    let line = Line {
        gate,
        peer,
        secure: options.tls.is_some(),
        listener: options.address,
        header_timeout: options.header_timeout,
        idle_timeout: options.idle_timeout,
        answer_idle: options.answer_idle,
    };
    // Closed as usual, the kernel would go on offering the rest of the answer.
    let stream = Stalling::new(stream, options.answer_idle, |stream: &TcpStream| {
        drop(stream.set_zero_linger());
    });
    let Some(config) = &options.tls else {
        return negotiate(line, stream, tether).await;
    };
    let acceptor = TlsAcceptor::from(Arc::clone(config));
    let stream = timeout(options.handshake_timeout, acceptor.accept(stream)).await??;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return speak_http2(line, Scanned::opaque(stream, Vec::new()), tether).await;
    }
    negotiate(line, stream, tether).await
}

/// What all requests of a connection have in common.
struct Line {
    gate: Arc<Gate>,
    peer: SocketAddr,
    secure: bool,
    listener: Option<SocketAddr>,
    header_timeout: Duration,
    idle_timeout: Duration,
    answer_idle: Duration,
}

/// Reads until it is clear whether the client opens HTTP/2, within the deadline: a
/// client that says nothing is not waited for.
async fn negotiate<T>(line: Line, mut stream: T, tether: Tether) -> Result<(), Failed>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut said = Vec::with_capacity(PREFACE.len());
    let mut draining = tether.clone();
    // Draining ends the wait for the first byte, not the rest of a request that began.
    let first = timeout(line.header_timeout, stream.read_u8());
    let began = Instant::now();
    tokio::select! {
        biased;
        first = first => match first? {
            Ok(byte) => said.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        },
        () = draining.drained() => return Ok(()),
    }
    let reading = async {
        while said.len() < PREFACE.len() && PREFACE.starts_with(&said) {
            let mut limited = (&mut stream).take((PREFACE.len() - said.len()) as u64);
            if limited.read_buf(&mut said).await? == 0 {
                break;
            }
        }
        io::Result::Ok(())
    };
    let left = line.header_timeout.saturating_sub(began.elapsed());
    timeout(left, reading).await??;
    if said == PREFACE {
        return speak_http2(line, Scanned::opaque(stream, said), tether).await;
    }
    speak_http1(line, stream, said, tether).await
}

async fn speak_http1<T>(line: Line, stream: T, said: Vec<u8>, tether: Tether) -> Result<(), Failed>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (scanner, seen) = Scanner::new();
    let timer = HeadTimer {
        seen: Arc::clone(&seen),
        idle: line.idle_timeout,
        header: line.header_timeout,
    };
    let served = AtomicU64::new(0);
    let service = service_fn(|mut request: Request<Incoming>| {
        // What the connection is switched to keeps its place.
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(tether.clone());
        }
        // HTTP/1.1 serves in order: the n-th call is the n-th header section.
        let number = served.fetch_add(1, Ordering::Relaxed);
        let peer = line.peer(seen.is_ambiguous(number), false);
        let (gate, tether, seen) = (&line.gate, &tether, &seen);
        async move {
            let mut response = gate.handle(request, peer).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                seen.switch();
            } else if tether.is_leaving() {
                // RFC 9112 §9.6: the client opens another connection, elsewhere.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let scanned = Scanned::new(stream, said, scanner);
    let stream = Lingering::new(scanned, Arc::clone(&seen), PATIENCE);
    let connection = http1::Builder::new()
        .timer(timer)
        // Asks the timer, which knows better.
        .header_read_timeout(line.header_timeout)
        .max_header_size(MAX_TARGET + MAX_HEADER_BYTES)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // A request that is arriving is answered with `Connection: close`, which ends the
    // connection too; told to finish, hyper would drop what it has of it.
    drive!(
        connection,
        tether,
        std::future::pending::<()>(),
        std::future::pending::<()>(),
        !seen.is_in_head()
    )
}

async fn speak_http2<T>(line: Line, stream: Scanned<T>, tether: Tether) -> Result<(), Failed>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::new(line);
    let (idle_timeout, answer_idle) = (line.idle_timeout, line.answer_idle);
    let activity = Arc::new(Activity::default());
    let (counting, places) = (Arc::clone(&activity), tether.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let line = Arc::clone(&line);
        let open = counting.begin(&places);
        let crowded = open.crowded;
        let opened = Opened::by(&mut request, open);
        async move {
            let peer = line.peer(false, crowded);
            let response = line.gate.handle(request, peer).await;
            Ok::<_, Infallible>(response.map(|body| Counted::new(body, opened)))
        }
    });
    let connection = http2::Builder::new(Streams { limit: answer_idle })
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(40 * 1024)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    drive!(
        connection,
        tether,
        activity.idle(idle_timeout),
        activity.idle(FAREWELL.min(idle_timeout)),
        true
    )
}

impl Line {
    fn peer(&self, ambiguous_framing: bool, crowded: bool) -> Peer {
        Peer {
            ip: self.peer.ip(),
            secure: self.secure,
            listener: self.listener,
            ambiguous_framing,
            crowded,
        }
    }
}
