//! Body forms: how a refusal is written for the clients of one mount or route. Each
//! dialect has its own in its crate, with its own table of codes and statuses; those
//! that belong to no product are in [`crate::template`].
//!
//! Writing has no side effects: logging and counting happen where the refusal was
//! decided. Not here: which form a place has (configuration).

use crate::body::{self, Body};
use crate::refusal::Refusal;
use doorward_base::{RequestId, Timestamp};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::Value;

/// What a form may go by.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'r> {
    /// The request's id.
    pub request: RequestId,
    /// The request's clock value.
    pub now: Timestamp,
    /// The method.
    pub method: &'r Method,
    /// The path, canonical as far as the request came.
    pub path: &'r str,
    /// Those of the request's headers that the form reads ([`Form::reads`]).
    pub headers: &'r HeaderMap,
}

/// A body form.
pub trait Form: std::fmt::Debug + Send + Sync {
    /// The request headers it goes by, such as an API version. No others are kept for
    /// it while the request is served.
    fn reads(&self) -> &'static [HeaderName] {
        &[]
    }

    /// Writes status and body, and headers of its own. What every refusal has is added
    /// by [`render`].
    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body>;
}

/// The headers of a request that a form reads.
#[must_use]
pub fn keep(form: &dyn Form, headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in form.reads() {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// The whole answer: what the form writes, and the headers that a standard asks for in
/// every form: no cache, the request's id, `Retry-After`, `WWW-Authenticate`.
#[must_use]
pub fn render(form: &dyn Form, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
    let mut response = form.write(refusal, facts);
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&facts.request.to_string()) {
        headers.insert("x-request-id", id);
    }
    if let Some(value) = refusal.challenge(status) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = refusal.wait(status) {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A JSON body under a status, as most forms write it.
#[must_use]
pub fn json(status: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(body::full(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// One row of a dialect's table: what it answers instead of our code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The status.
    pub status: u16,
    /// The dialect's code.
    pub code: &'static str,
    /// The dialect's text; `None` is our own.
    pub text: Option<&'static str>,
}

impl Row {
    /// A row with the dialect's text.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, text: &'static str) -> Self {
        Self {
            status,
            code,
            text: Some(text),
        }
    }

    /// A row with our own text.
    #[must_use]
    pub const fn plain(status: u16, code: &'static str) -> Self {
        Self {
            status,
            code,
            text: None,
        }
    }

    /// The text that is shown.
    #[must_use]
    pub fn text<'r>(&self, refusal: &'r Refusal) -> &'r str {
        self.text.unwrap_or_else(|| refusal.message())
    }
}
