//! `/healthz` on the public listener: that the process answers, and nothing more.

use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, body};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};

/// Answers 200 with `{"status":"ok"}`.
pub(crate) struct Health;

impl Local for Health {
    fn call(&self, _: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        let mut response = Response::new(body::full("{\"status\":\"ok\"}"));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Box::pin(std::future::ready(response))
    }
}
