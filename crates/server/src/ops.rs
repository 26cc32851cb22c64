//! The operator's listener: metrics, liveness, and readiness in detail. Never public;
//! it has no authentication and belongs on loopback or a management network.

use crate::accept::{self, Few};
use crate::telemetry::metrics::Metrics;
use crate::vitals::Vitals;
use bytes::Bytes;
use doorward_gate::listener::Stalling;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Most connections served at once; an operator's tools need a few.
const MAX_CONNECTIONS: usize = 32;
/// How long a client may say nothing, or take nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection is kept, whatever happens on it.
const LIFE: Duration = Duration::from_secs(60);

/// What readiness and metrics are read from.
pub(crate) struct Ops {
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) metrics: Metrics,
    /// Held while an answer is written: whoever asks again and again takes one processor
    /// at most from those who serve.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Ops {
    /// Serves for ever. The caller ends it by dropping the future.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut few = Few::new(MAX_CONNECTIONS);
        loop {
            let (stream, _) = accept::next("operations", || listener.accept()).await;
            let ops = Arc::clone(&self);
            few.serve(async move { ops.serve_one(stream).await });
        }
    }

    async fn serve_one(&self, stream: TcpStream) {
        let service = service_fn(|request| async move {
            let turn = self.turn.lock().await;
            let response = self.answer(&request);
            drop(turn);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(response)
        });
        let stream = Stalling::new(stream, PATIENCE, |stream: &TcpStream| {
            drop(stream.set_zero_linger());
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), service);
        drop(timeout(LIFE, served).await);
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "text/plain",
                "GET only\n".to_owned(),
            );
        }
        match request.uri().path() {
            "/metrics" => plain(StatusCode::OK, Metrics::CONTENT_TYPE, self.metrics.render()),
            "/healthz" => plain(
                StatusCode::OK,
                "application/json",
                json!({"status": "ok"}).to_string(),
            ),
            "/readyz" => self.readiness(),
            _ => plain(
                StatusCode::NOT_FOUND,
                "text/plain",
                "/metrics, /healthz, /readyz\n".to_owned(),
            ),
        }
    }

    fn readiness(&self) -> Response<Full<Bytes>> {
        let status = if self.vitals.is_ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        plain(status, "application/json", self.vitals.detail().to_string())
    }
}

fn plain(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
