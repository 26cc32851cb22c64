//! PostgREST's query language: read, planned and rendered.

use crate::caller::Caller;
use crate::engine::Engine;
use crate::settings::DataSettings;
use doorward_base::ErrorCode;
use doorward_surface::{Body, Refusal};
use http::{Request, Response};
use std::sync::Arc;

/// Answers one request below the realm's REST path.
#[expect(clippy::unused_async, reason = "answering will wait for the engine")]
pub async fn answer(
    _engine: &Arc<dyn Engine>,
    _caller: &Caller,
    _settings: &DataSettings,
    _request: Request<Body>,
) -> Response<Body> {
    Refusal::new(ErrorCode::NotImplemented).into_answer()
}
