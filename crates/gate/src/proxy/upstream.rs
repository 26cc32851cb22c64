//! The upstream client: HTTP/1.1 over connections of its own, framed as the client framed
//! its request. Redirects are not followed. Not here: connections (`connect`, `pool`).

use super::connect::Connector;
pub(crate) use super::failure::Failure;
use super::headers::strip_hop_by_hop;
use super::pool::{Conn, Lease, Origin, Pool};
use super::tls::UpstreamTls;
use super::upgrade;
use super::upload::{Hold, Unread};
use crate::body::{Capped, Course, GateBody, Paced};
use crate::listener::Tether;
use crate::options::GateOptions;
use crate::policy::compiled::Route;
use crate::policy::spec::UpstreamSpec;
use crate::scheme;
use crate::slots::Slots;
use crate::stage::decide::Permit;
use crate::stream::{Bond, Watch, YOUNG};
use doorward_base::ErrorCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The client.
#[derive(Debug)]
pub(crate) struct Upstreams {
    connector: Connector,
    pool: Arc<Pool>,
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
    /// What it hangs on, if somebody in particular asked.
    pub(crate) bond: Option<Bond>,
    pub(crate) route: &'o Route,
    /// Headers already prepared.
    pub(crate) parts: Parts,
    /// The canonical path and the query to forward.
    pub(crate) target: PathAndQuery,
    pub(crate) authority: &'o str,
    pub(crate) body: Capped,
    /// Whether the client asked for a WebSocket.
    pub(crate) websocket: bool,
    /// Its places among the requests in flight: a WebSocket keeps them.
    pub(crate) slots: Slots,
}

/// Where a request goes.
struct Destination<'d> {
    base: &'d Uri,
    tls: Option<&'d UpstreamTls>,
    origin: Origin,
}

impl Upstreams {
    pub(crate) fn new(options: &GateOptions) -> Self {
        let idle = Idle {
            response: options.response_idle,
            event_stream: options.event_stream_idle,
            websocket: options.websocket_idle,
        };
        let pool = Arc::<Pool>::default();
        Self {
            connector: Connector::new(Arc::clone(&pool.leaving)),
            pool,
            idle,
        }
    }

    /// Forwards the request and returns the upstream's answer as soon as its header
    /// section is there. The permit is used up.
    pub(crate) async fn forward(
        &self,
        outgoing: Outgoing<'_>,
    ) -> Result<Response<GateBody>, Failure> {
        let Outgoing {
            permit,
            bond,
            route,
            mut parts,
            target,
            authority,
            body,
            websocket,
            slots,
        } = outgoing;
        drop(permit);
        let destination = Destination::of(&route.spec.upstream).ok_or(failed("upstream_uri"))?;
        parts.uri = upstream_uri(&route.spec.upstream, &target).ok_or(failed("upstream_uri"))?;
        parts.version = Version::HTTP_11;
        let host = if preserves_host(&route.spec.upstream) {
            HeaderValue::from_str(authority).ok()
        } else {
            host_of(destination.base)
        };
        parts
            .headers
            .insert(HOST, host.ok_or(failed("upstream_uri"))?);
        let client_upgrade = websocket.then(|| {
            upgrade::set(&mut parts.headers);
            let tether = parts.extensions.remove::<Tether>();
            let client = parts.extensions.remove::<hyper::upgrade::OnUpgrade>()?;
            let held = (tether, slots);
            Some(Switch { client, held })
        });
        parts.extensions.clear();
        let course = body.course();
        let body = frame(&mut parts, body);
        let method = parts.method.clone();
        let sending = pin!(self.send(&destination, parts, body));
        let mut asking = Watch::new(bond.clone().map(Bond::past_exp));
        let sent = within(sending, &course, route.spec.timeout, &mut asking).await?;
        let (response, mut lease) =
            sent.map_err(|failure| course.fault().map_or(failure, Failure::from))?;
        if lease.has_body() {
            Unread::of(&method, response.status(), &course).tell(&mut lease);
        }
        if method == Method::HEAD {
            lease.rest();
        }
        let begun = Begun {
            lease,
            course,
            asking,
            watch: Watch::new(bond),
        };
        finish(response, begun, client_upgrade.flatten(), self.idle)
    }

    /// Sends the request over a waiting connection, or over a new one. What a waiting
    /// one did not take, or may be asked twice, is sent again over a new one: its server
    /// may have given it up at the same moment.
    async fn send(
        &self,
        to: &Destination<'_>,
        parts: Parts,
        body: GateBody,
    ) -> Result<(Response<Incoming>, Lease), Failure> {
        let has_body = !matches!(body, GateBody::Empty);
        let mut request = Request::from_parts(parts, body);
        if let Some(conn) = self.pool.take(&to.origin) {
            let spare = repeatable(&request);
            let mut lease = self.lease(to, conn, has_body);
            match lease.conn.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, lease)),
                Err(mut error) => match (error.take_message(), spare) {
                    (Some(unsent), _) => request = unsent,
                    (None, Some(again)) if is_stale(error.error()) => request = again,
                    (None, _) => return Err(exchange_failed(error.error())),
                },
            }
        }
        // On the heap: seldom, and every request's future would be as large as this one.
        let conn = Box::pin(self.connector.connect(to.base, to.tls)).await?;
        let mut lease = self.lease(to, conn, has_body);
        match lease.conn.sender.send_request(request).await {
            Ok(response) => Ok((response, lease)),
            Err(error) => Err(exchange_failed(&error)),
        }
    }

    fn lease(&self, to: &Destination<'_>, conn: Conn, has_body: bool) -> Lease {
        Lease::new(Arc::clone(&self.pool), to.origin.clone(), conn, has_body)
    }
}

impl<'d> Destination<'d> {
    fn of(upstream: &'d UpstreamSpec) -> Option<Self> {
        let UpstreamSpec::Http { base, tls, .. } = upstream else {
            return None;
        };
        let origin = Origin {
            authority: base.authority()?.clone(),
            tls: tls.as_ref().map(|tls| tls.id),
        };
        Some(Self {
            base,
            tls: tls.as_ref(),
            origin,
        })
    }
}

const fn failed(check: &'static str) -> Failure {
    Failure {
        code: ErrorCode::UpstreamFailed,
        check,
    }
}

fn exchange_failed(error: &hyper::Error) -> Failure {
    tracing::debug!(%error, "upstream failed");
    failed("exchange")
}

/// Frames the request as the client did. A body of unknown length is chunked whatever
/// the method, else hyper sends none with GET and HEAD; an empty one says so where a
/// body is expected (RFC 9110 §8.6), since some servers ask for the length (411).
fn frame(parts: &mut Parts, body: Capped) -> GateBody {
    if body.is_end_stream() {
        let expected = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
        if expected || parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        }
        return GateBody::Empty;
    }
    if body.size_hint().exact().is_none() {
        parts.headers.remove(CONTENT_LENGTH);
        let chunked = HeaderValue::from_static("chunked");
        parts.headers.insert(TRANSFER_ENCODING, chunked);
    }
    GateBody::Request(body)
}

/// `sending`, if it ends within `limit` from the end of the request's body on. Until
/// then only a standstill counts: an upstream that takes nothing although the client
/// has sent something. How long the client may take is the body's own affair. All this as
/// long as its credential stands.
async fn within<T>(
    mut sending: Pin<&mut impl Future<Output = T>>,
    course: &Course,
    limit: Duration,
    watch: &mut Watch,
) -> Result<T, Failure> {
    let late = Failure {
        code: ErrorCode::UpstreamTimeout,
        check: "timeout",
    };
    let mut passed = course.passed();
    while !course.has_ended() {
        tokio::select! {
            biased;
            sent = &mut sending => return Ok(sent),
            () = course.ended() => break,
            ended = watch.ended() => return Err(Failure::from(ended)),
            () = sleep(limit) => {
                let now = course.passed();
                if now == passed && !course.is_waiting() {
                    return Err(late);
                }
                passed = now;
            }
        }
    }
    let end = Instant::now() + limit;
    // Most are over by then, and pay for one timer.
    if let Ok(sent) = timeout(limit.min(YOUNG), &mut sending).await {
        return Ok(sent);
    }
    tokio::select! {
        biased;
        sent = &mut sending => Ok(sent),
        ended = watch.ended() => Err(Failure::from(ended)),
        () = sleep_until(end) => Err(late),
    }
}

/// The same request once more, where it has no body and may be made twice
/// (RFC 9110 §9.2.2).
fn repeatable(request: &Request<GateBody>) -> Option<Request<GateBody>> {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    );
    if !idempotent || !matches!(request.body(), GateBody::Empty) {
        return None;
    }
    let mut again = Request::new(GateBody::Empty);
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    Some(again)
}

/// Whether the connection was closed before a byte of an answer came: the fate of a
/// pooled connection that its server gave up at the same moment.
fn is_stale(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_closed() || error.is_canceled()
}

/// What `Host` says of an upstream: the port only where it is not the scheme's own.
fn host_of(base: &Uri) -> Option<HeaderValue> {
    let usual = match base.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    let host = match base.port_u16() {
        Some(port) if port != usual => base.authority().map(Authority::as_str)?,
        _ => base.host()?,
    };
    HeaderValue::from_str(host).ok()
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
    Some(Uri::from(whole))
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
    /// What keeps its connection's place, and its request's among those in flight.
    held: (Option<Tether>, Slots),
}

/// What an answer begins with, besides itself.
struct Begun {
    lease: Lease,
    /// How the request's body fares.
    course: Arc<Course>,
    /// Over the request.
    asking: Watch,
    /// Over the answer.
    watch: Watch,
}

fn finish(
    mut response: Response<Incoming>,
    begun: Begun,
    switch: Option<Switch>,
    idle: Idle,
) -> Result<Response<GateBody>, Failure> {
    let Begun {
        mut lease,
        course,
        asking,
        mut watch,
    } = begun;
    let headers = response.headers();
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        // Which of them is true is not ours to guess (RFC 9112 §6.3).
        return Err(failed("upstream_framing"));
    }
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switching {
        let Switch { client, held } = switch.ok_or_else(|| failed("unasked_upgrade"))?;
        if !upgrade::is_to_websocket(response.headers()) {
            return Err(failed("other_upgrade"));
        }
        let upstream = hyper::upgrade::on(&mut response);
        let ends = upgrade::Ends::new(client, upstream);
        let watch = std::mem::replace(&mut watch, Watch::Nobody);
        upgrade::join(ends, held, idle.websocket, watch);
    }
    let (mut parts, body) = response.into_parts();
    let is_bare = parts.status == StatusCode::NO_CONTENT;
    if parts.version != Version::HTTP_11
        || scheme::begins_on_connection(&parts.headers)
        || (is_bare && announces_body(&parts.headers))
    {
        lease.keep_to_itself();
    }
    if is_bare || parts.status == StatusCode::NOT_MODIFIED {
        lease.rest();
    }
    strip_hop_by_hop(&mut parts.headers);
    parts.extensions.clear();
    // An intermediary speaks for itself (RFC 9112 §2.3).
    parts.version = Version::HTTP_11;
    if switching {
        lease.switch();
        upgrade::set(&mut parts.headers);
        return Ok(Response::from_parts(parts, GateBody::Empty));
    }
    let pause = if is_event_stream(&parts.headers) {
        watch.open();
        idle.event_stream
    } else {
        idle.response
    };
    let hold = Hold::new(lease, course, asking);
    let body = GateBody::Streamed(Paced::new(body, pause, hold, watch));
    Ok(Response::from_parts(parts, body))
}

/// Whether the header section says that there is a body, whatever the status says.
fn announces_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0")
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.and_then(|kind| kind.split(|&byte| byte == b';').next())
        .is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
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
                tls: None,
            };
            upstream_uri(&spec, &target.parse().unwrap())
                .unwrap()
                .to_string()
        };
        assert_eq!(at("http://u:1", None, "/a?q=1"), "/a?q=1");
        assert_eq!(at("http://u:1/base/", None, "/a"), "/base/a");
        assert_eq!(at("http://u:1", Some("/api"), "/api/x?y"), "/x?y");
        assert_eq!(at("http://u:1", Some("/api"), "/apix"), "/apix");
        assert_eq!(at("http://u:1", Some("/api"), "/api"), "/");
        assert_eq!(at("http://u:1", Some("/api"), "/api?q"), "/?q");
    }
}
