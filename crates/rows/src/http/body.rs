//! Bodies: JSON in, whatever the `Content-Type` says, and JSON out.

use bytes::Bytes;
use doorward_base::ErrorCode;
use doorward_surface::{Body, Refusal, body, json};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest body that is read, bytes.
const MAX_BODY: usize = 1 << 20;

/// The JSON object of a body. `curl -d` calls it a form, and some clients call it nothing.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = collect(body).await?;
    json::read(&bytes)
        .map_err(|error| Refusal::new(ErrorCode::BodyMalformed).with_message(error.to_string()))
}

/// All of a body, if it is not too long.
pub(super) async fn collect(body: Body) -> Result<Bytes, Refusal> {
    let too_long =
        || Refusal::new(ErrorCode::QueryTooComplex).with_message("the body is longer than 1 MiB");
    // What says beforehand that it is too long is not read at all.
    if body.size_hint().lower() > u64::try_from(MAX_BODY).unwrap_or(u64::MAX) {
        return Err(too_long());
    }
    match Limited::new(axum::body::Body::new(body), MAX_BODY)
        .collect()
        .await
    {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_length_limit(&*error) => Err(too_long()),
        Err(_) => Err(Refusal::new(ErrorCode::BodyMalformed).with_message("the body broke off")),
    }
}

fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error + 'static>::is::<LengthLimitError>)
}

/// What was asked for, in the one envelope of these paths.
#[derive(Serialize)]
struct Envelope<T> {
    success: bool,
    data: T,
}

/// An answer, which no cache may keep.
pub(super) fn answer(data: impl Serialize) -> Result<Response<Body>, Refusal> {
    let envelope = Envelope {
        success: true,
        data,
    };
    let bytes = serde_json::to_vec(&envelope).map_err(|_| Refusal::new(ErrorCode::Internal))?;
    let mut answer = Response::new(body::full(bytes));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}
