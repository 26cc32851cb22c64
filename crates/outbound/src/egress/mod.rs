//! The guarded HTTP client: the one adapter of the `Egress` port. HTTP/1.1, a
//! connection for each request, no pool, no cookies, no decoding, no proxies: nothing
//! of the environment changes where a request goes.
//!
//! * this file: one exchange within its caps, and redirects;
//! * [`address`], [`resolve`]: which addresses, looked up once;
//! * [`connect`]: the connection.
//!
//! Not here: who sends what, and how often.

mod address;
mod connect;
mod counters;
mod resolve;

pub use crate::trust::CaError;
pub use address::Reach;
pub use counters::EgressCounters;
pub use resolve::{LookingUp, Resolve, SystemResolver};

use connect::Dialer;
use doorward_base::egress::{
    Caps, Egress, EgressAnswer, EgressError, EgressRequest, EgressUrl, Sending, Transport,
};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, LOCATION,
    TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// How many requests are under way at most.
const AT_ONCE: usize = 64;
/// The most headers of an answer.
const HEADERS: usize = 100;
/// The smallest head that hyper can be held to.
const SMALLEST_HEAD: usize = 8 * 1024;
/// Who we say we are.
const AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// What an operator decides of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EgressSettings {
    /// Which addresses may be reached.
    pub reach: Reach,
    /// Authorities to trust beside the system's, PEM.
    pub ca: Option<Vec<u8>>,
}

impl EgressSettings {
    /// Whether a client can be made of them.
    ///
    /// # Errors
    /// [`CaError`] when the authorities are none.
    pub fn check(&self) -> Result<(), CaError> {
        Dialer::new(self.ca.as_deref()).map(drop)
    }
}

pub struct GuardedClient {
    reach: Reach,
    resolver: Arc<dyn Resolve>,
    dialer: Dialer,
    places: Semaphore,
    counters: Arc<EgressCounters>,
}

impl GuardedClient {
    /// A client that looks names up by `resolver`.
    ///
    /// # Errors
    /// [`CaError`] when the authorities are none.
    pub fn new(settings: EgressSettings, resolver: Arc<dyn Resolve>) -> Result<Self, CaError> {
        Ok(Self {
            dialer: Dialer::new(settings.ca.as_deref())?,
            reach: settings.reach,
            resolver,
            places: Semaphore::new(AT_ONCE),
            counters: Arc::default(),
        })
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn counters(&self) -> &Arc<EgressCounters> {
        &self.counters
    }

    async fn guarded(&self, request: EgressRequest) -> Result<EgressAnswer, EgressError> {
        let _place = self.places.try_acquire().map_err(|_| EgressError::Busy)?;
        let within = tokio::time::timeout(request.caps.total, self.follow(request));
        within.await.map_err(|_| EgressError::TimedOut)?
    }

    async fn follow(&self, mut request: EgressRequest) -> Result<EgressAnswer, EgressError> {
        let mut left = request.redirects;
        if !matches!(request.method, Method::GET | Method::HEAD) {
            left = 0;
        }
        loop {
            let answer = self.exchange(&request).await?;
            let moved = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            if !moved || request.redirects == 0 {
                return Ok(answer);
            }
            let location = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let next = location
                .filter(|_| left > 0)
                .and_then(|location| request.url.join(location).ok())
                .ok_or(EgressError::Redirected)?;
            left -= 1;
            if request.url.is_tls() && !next.is_tls() {
                return Err(EgressError::Insecure);
            }
            if !next.is_same_origin(&request.url) {
                let accept = request.headers.remove(ACCEPT);
                request.headers = accept.into_iter().map(|value| (ACCEPT, value)).collect();
            }
            request.url = next;
        }
    }

    async fn exchange(&self, request: &EgressRequest) -> Result<EgressAnswer, EgressError> {
        let (url, caps) = (&request.url, &request.caps);
        if !url.is_tls() && request.transport == Transport::TlsOnly {
            return Err(EgressError::Insecure);
        }
        let addresses = resolve::addresses(&*self.resolver, &self.reach, url.host()).await?;
        let stream = self.dialer.connect(url, &addresses, caps.connect).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(HEADERS)
            .max_buf_size(caps.head.max(SMALLEST_HEAD))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let message = message(request)?;
        let asking = async move {
            let response = sender.send_request(message).await;
            read(response.map_err(|error| broken(&error))?, caps).await
        };
        // The connection is driven here and ends with the exchange, however it ends.
        tokio::pin!(asking);
        tokio::pin!(connection);
        tokio::select! {
            answer = &mut asking => answer,
            ended = &mut connection => match ended {
                // What has arrived is still to be read.
                Ok(()) => asking.await,
                Err(error) => Err(broken(&error)),
            },
        }
    }
}

impl Egress for GuardedClient {
    fn send(&self, request: EgressRequest) -> Sending<'_> {
        Box::pin(async move {
            let began = Instant::now();
            let outcome = self.guarded(request).await;
            self.counters
                .count(outcome.as_ref().err().copied(), began.elapsed());
            outcome
        })
    }
}

/// The request as it is sent. What the connection and the framing say is ours to say.
fn message(request: &EgressRequest) -> Result<Request<Full<Bytes>>, EgressError> {
    let mut headers = request.headers.clone();
    for ours in [CONTENT_LENGTH, TRANSFER_ENCODING, TE, EXPECT, UPGRADE] {
        headers.remove(ours);
    }
    headers.insert(HOST, host(&request.url)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let uri = request.url.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let body = Full::new(Bytes::from(request.body.clone()));
    let mut message = Request::new(body);
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target.parse().map_err(|_| EgressError::Broken)?;
    *message.headers_mut() = headers;
    Ok(message)
}

/// The `Host` of the address, with its port where that is not the scheme's own.
fn host(url: &EgressUrl) -> Result<HeaderValue, EgressError> {
    let host = url.uri().host().unwrap_or_default();
    let bare = host.strip_suffix('.').unwrap_or(host);
    let usual = if url.is_tls() { 443 } else { 80 };
    let text = match url.port() {
        port if port == usual => bare.to_owned(),
        port => format!("{bare}:{port}"),
    };
    HeaderValue::from_str(&text).map_err(|_| EgressError::Broken)
}

async fn read(
    response: http::Response<Incoming>,
    caps: &Caps,
) -> Result<EgressAnswer, EgressError> {
    let (parts, mut body) = response.into_parts();
    if is_encoded(&parts.headers) {
        return Err(EgressError::Encoded);
    }
    let cap = u64::try_from(caps.body).unwrap_or(u64::MAX);
    if body.size_hint().lower() > cap {
        return Err(EgressError::TooLarge);
    }
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        // Trailers are of no use to anybody here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() + data.len() > caps.body {
            return Err(EgressError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(EgressAnswer {
        status: parts.status,
        headers: parts.headers,
        body: whole,
    })
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn broken(error: &hyper::Error) -> EgressError {
    if error.is_parse_too_large() {
        EgressError::TooLarge
    } else {
        EgressError::Broken
    }
}
