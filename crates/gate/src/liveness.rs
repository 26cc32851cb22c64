//! `/healthz` on the public listener: that the process answers, and nothing more. Load
//! balancers ask by address, by any name, or by none (HTTP/1.0): it belongs to every
//! realm and to none. Not here: readiness, which is the operators' listener's.

use bytes::Bytes;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, body};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};

/// Where it is.
pub const PATH: &str = "/healthz";

/// The target of every realm: answers 200 with `{"status":"ok"}`.
pub struct Liveness;

impl Local for Liveness {
    fn call(&self, _: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(std::future::ready(answer()))
    }
}

/// Whether this asks for it.
pub(crate) fn is_asked(parts: &Parts) -> bool {
    parts.uri.path() == PATH && matches!(parts.method, Method::GET | Method::HEAD)
}

pub(crate) fn answer() -> Response<Body> {
    let mut response = Response::new(body::full(Bytes::from_static(b"{\"status\":\"ok\"}")));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
