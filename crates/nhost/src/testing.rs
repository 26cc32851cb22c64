//! Writes refusals for tests of the forms.

use doorward_base::{RequestId, Timestamp};
use doorward_surface::{Body, Form, Refusal, RequestFacts, form};
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::task::{Context, Poll, Waker};

/// A refusal as `form` writes it.
pub(crate) fn written(form: &dyn Form, refusal: &Refusal) -> Response<Body> {
    let facts = RequestFacts {
        request: RequestId::from_bytes([1; 16]),
        now: Timestamp::default(),
        method: &Method::GET,
        path: "/",
        headers: &HeaderMap::new(),
    };
    form::render(form, refusal, &facts)
}

/// The JSON of an answer whose body is there at once.
pub(crate) fn read(response: Response<Body>) -> Value {
    let mut collected = std::pin::pin!(response.into_body().collect());
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(bytes)) = collected.as_mut().poll(&mut cx) else {
        panic!("a full body is ready at once");
    };
    serde_json::from_slice(&bytes.to_bytes()).unwrap()
}
