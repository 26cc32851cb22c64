//! PostgREST's query language: read, planned and rendered.

use crate::caller::Caller;
use crate::engine::{Bounds, Engine};
use crate::plan::Policies;
use bytes::Bytes;
use doorward_base::ErrorCode;
use doorward_surface::{Body, Refusal};
use http::{Request, Response};

/// Answers one request to the mount; `path_after_mount` is what follows it.
#[expect(clippy::unused_async, reason = "answering will wait for the engine")]
pub async fn answer(
    _engine: &dyn Engine,
    _caller: &Caller,
    _policies: &Policies,
    _bounds: Bounds,
    _request: Request<Bytes>,
    _path_after_mount: &str,
) -> Response<Body> {
    Refusal::new(ErrorCode::NotImplemented).into_answer()
}
