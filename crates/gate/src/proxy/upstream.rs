//! The upstream client: pooled HTTP/1.1 connections over plain TCP. Redirects are not
//! followed.

use super::headers::strip_hop_by_hop;
use super::upgrade;
use crate::body::{BodyFault, Capped, GateBody, Paced};
use crate::listener::Tether;
use crate::options::GateOptions;
use crate::policy::compiled::Route;
use crate::policy::spec::UpstreamSpec;
use crate::stage::decide::Permit;
use doorward_base::ErrorCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error as _;
use std::time::Duration;

/// Shorter than the keep-alive of common servers (Node.js: 5 s), so that a pooled
/// connection is seldom one that its server is just closing.
const POOL_IDLE: Duration = Duration::from_secs(4);
const CONNECT: Duration = Duration::from_secs(5);

/// Why an upstream gave no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) check: &'static str,
}

impl From<BodyFault> for Failure {
    fn from(fault: BodyFault) -> Self {
        Self {
            code: fault.code(),
            check: fault.check(),
        }
    }
}

/// The pooled client.
#[derive(Debug)]
pub(crate) struct Upstreams {
    client: Client<HttpConnector, GateBody>,
    idle: Idle,
}

/// The longest silences.
#[derive(Clone, Copy, Debug)]
struct Idle {
    response: Duration,
    event_stream: Duration,
    websocket: Duration,
}

/// One permitted request on its way.
pub(crate) struct Outgoing<'o> {
    pub(crate) permit: Permit,
    pub(crate) route: &'o Route,
    /// Headers already prepared.
    pub(crate) parts: Parts,
    /// The canonical path and the query to forward.
    pub(crate) target: PathAndQuery,
    pub(crate) authority: &'o str,
    pub(crate) body: Capped,
    /// Whether the client asked for a WebSocket.
    pub(crate) websocket: bool,
}

impl Upstreams {
    pub(crate) fn new(options: &GateOptions) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(512)
            .http1_max_headers(128)
            .build(connector);
        let idle = Idle {
            response: options.response_idle,
            event_stream: options.event_stream_idle,
            websocket: options.websocket_idle,
        };
        Self { client, idle }
    }

    /// Forwards the request and returns the upstream's answer as soon as its header
    /// section is there. The permit is used up.
    pub(crate) async fn forward(
        &self,
        outgoing: Outgoing<'_>,
    ) -> Result<Response<GateBody>, Failure> {
        let Outgoing {
            permit,
            route,
            mut parts,
            target,
            authority,
            body,
            websocket,
        } = outgoing;
        drop(permit);
        parts.uri = upstream_uri(&route.spec.upstream, &target).ok_or(Failure {
            code: ErrorCode::UpstreamFailed,
            check: "upstream_uri",
        })?;
        parts.version = Version::HTTP_11;
        if preserves_host(&route.spec.upstream)
            && let Ok(host) = HeaderValue::from_str(authority)
        {
            parts.headers.insert(HOST, host);
        }
        let client_upgrade = websocket.then(|| {
            upgrade::set(&mut parts.headers);
            let tether = parts.extensions.remove::<Tether>();
            let client = parts.extensions.remove::<hyper::upgrade::OnUpgrade>()?;
            Some(Switch { client, tether })
        });
        let bodiless = body.is_end_stream();
        let fault = body.fault();
        let body = if bodiless {
            parts.headers.remove(CONTENT_LENGTH);
            GateBody::Empty
        } else {
            GateBody::Request(body)
        };
        parts.extensions.clear();
        let sent = tokio::time::timeout(route.spec.timeout, self.send(parts, body, bodiless)).await;
        match sent {
            Err(_) => Err(Failure {
                code: ErrorCode::UpstreamTimeout,
                check: "timeout",
            }),
            Ok(Err(failure)) => Err(fault.get().map_or(failure, |&fault| fault.into())),
            Ok(Ok(response)) => finish(response, client_upgrade.flatten(), self.idle),
        }
    }

    async fn send(
        &self,
        parts: Parts,
        body: GateBody,
        bodiless: bool,
    ) -> Result<Response<Incoming>, Failure> {
        let idempotent = matches!(
            parts.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
        );
        let spare = (bodiless && idempotent).then(|| parts.clone());
        let first = self.client.request(Request::from_parts(parts, body)).await;
        let error = match (first, spare) {
            (Ok(response), _) => return Ok(response),
            (Err(error), Some(parts)) if is_stale(&error) => {
                let again = Request::from_parts(parts, GateBody::Empty);
                match self.client.request(again).await {
                    Ok(response) => return Ok(response),
                    Err(error) => error,
                }
            }
            (Err(error), _) => error,
        };
        tracing::debug!(%error, cause = ?error.source(), "upstream failed");
        Err(Failure {
            code: ErrorCode::UpstreamFailed,
            check: if error.is_connect() {
                "connect"
            } else {
                "exchange"
            },
        })
    }
}

/// Whether the connection was closed before a byte of an answer came: the fate of a
/// pooled connection that its server gave up at the same moment.
fn is_stale(error: &hyper_util::client::legacy::Error) -> bool {
    !error.is_connect()
        && error
            .source()
            .and_then(|source| source.downcast_ref::<hyper::Error>())
            .is_some_and(|error| error.is_incomplete_message() || error.is_closed())
}

fn preserves_host(upstream: &UpstreamSpec) -> bool {
    matches!(
        upstream,
        UpstreamSpec::Http {
            preserve_host: true,
            ..
        }
    )
}

/// The target at the upstream: its base path, then the canonical path without
/// `strip_prefix`, then the query.
fn upstream_uri(upstream: &UpstreamSpec, target: &PathAndQuery) -> Option<Uri> {
    let UpstreamSpec::Http {
        base, strip_prefix, ..
    } = upstream
    else {
        return None;
    };
    let base_path = base.path().trim_end_matches('/');
    let rest = match strip_prefix {
        Some(prefix) => strip(target.as_str(), prefix.trim_end_matches('/')),
        None => target.as_str(),
    };
    let whole = if base_path.is_empty() && rest.len() == target.as_str().len() {
        target.clone()
    } else {
        let slash = if rest.starts_with('/') { "" } else { "/" };
        PathAndQuery::try_from(format!("{base_path}{slash}{rest}")).ok()?
    };
    Uri::builder()
        .scheme(base.scheme()?.clone())
        .authority(base.authority()?.clone())
        .path_and_query(whole)
        .build()
        .ok()
}

/// Removes whole segments only: `/api` is no prefix of `/apix`.
fn strip<'t>(target: &'t str, prefix: &str) -> &'t str {
    match target.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => rest,
        _ => target,
    }
}

/// The client's side of a WebSocket to be.
struct Switch {
    client: hyper::upgrade::OnUpgrade,
    tether: Option<Tether>,
}

fn finish(
    mut response: Response<Incoming>,
    switch: Option<Switch>,
    idle: Idle,
) -> Result<Response<GateBody>, Failure> {
    let failed = |check| Failure {
        code: ErrorCode::UpstreamFailed,
        check,
    };
    let headers = response.headers();
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        // Which of them is true is not ours to guess (RFC 9112 §6.3).
        return Err(failed("upstream_framing"));
    }
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switching {
        let Switch { client, tether } = switch.ok_or_else(|| failed("unasked_upgrade"))?;
        let upstream = hyper::upgrade::on(&mut response);
        upgrade::join(client, upstream, tether, idle.websocket);
    }
    let (mut parts, body) = response.into_parts();
    strip_hop_by_hop(&mut parts.headers);
    parts.extensions.clear();
    if switching {
        upgrade::set(&mut parts.headers);
        return Ok(Response::from_parts(parts, GateBody::Empty));
    }
    let pause = if is_event_stream(&parts.headers) {
        idle.event_stream
    } else {
        idle.response
    };
    let body = GateBody::Streamed(Paced::new(body, pause));
    Ok(Response::from_parts(parts, body))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.and_then(|kind| kind.split(|&byte| byte == b';').next())
        .is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// Whether the client asked for a WebSocket.
pub(crate) fn wants_websocket(parts: &Parts) -> bool {
    upgrade::is_wanted(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_keeps_its_segments() {
        let at = |base: &str, strip: Option<&str>, target: &str| {
            let spec = UpstreamSpec::Http {
                base: base.parse().unwrap(),
                strip_prefix: strip.map(str::to_owned),
                preserve_host: false,
            };
            upstream_uri(&spec, &target.parse().unwrap())
                .unwrap()
                .to_string()
        };
        assert_eq!(at("http://u:1", None, "/a?q=1"), "http://u:1/a?q=1");
        assert_eq!(at("http://u:1/base/", None, "/a"), "http://u:1/base/a");
        assert_eq!(at("http://u:1", Some("/api"), "/api/x?y"), "http://u:1/x?y");
        assert_eq!(at("http://u:1", Some("/api"), "/apix"), "http://u:1/apix");
        assert_eq!(at("http://u:1", Some("/api"), "/api"), "http://u:1/");
        assert_eq!(at("http://u:1", Some("/api"), "/api?q"), "http://u:1/?q");
    }
}
