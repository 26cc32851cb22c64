//! What the handlers of every axum surface take: the context, a bounded strict JSON
//! body, the query, the key in the path. Their rejections are [`Refusal`]s.
//! Not here: who the caller is to a surface; each has its own extractor over [`Call`].

use crate::axum_target::Carried;
use crate::json::{self, WireError};
use crate::{Context, Refusal};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use doorward_base::ErrorCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::str::FromStr;

/// The largest body read unless a handler says otherwise, bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// What the gate knows of the request.
#[derive(Clone, Debug)]
pub struct Call(pub Context);

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let carried = parts.extensions.get::<Carried>();
        carried
            .map(|Carried(context)| Self(context.clone()))
            .ok_or_else(|| Refusal::new(ErrorCode::Internal))
    }
}

/// What the realm keeps for this surface, by its type.
///
/// Rejection: `internal_error` where the server was put together without it.
#[derive(Clone, Debug)]
pub struct RealmPart<T>(pub T);

impl<T: Clone + Send + Sync + 'static, S: Sync> FromRequestParts<S> for RealmPart<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let carried = parts.extensions.get::<Carried>();
        carried
            .and_then(|Carried(context)| context.realm.get::<T>())
            .map(|part| Self(part.clone()))
            .ok_or_else(|| Refusal::new(ErrorCode::Internal))
    }
}

/// A JSON object as a request's body, at most `MAX` bytes, read by [`json::read`]; and
/// JSON as an answer that no cache may keep.
///
/// Rejections: `body_too_large`, and `body_malformed` with a text that names what is
/// wrong (also for a `Content-Type` that is not JSON).
#[derive(Clone, Debug)]
pub struct Json<T, const MAX: usize = MAX_BODY>(pub T);

impl<T: DeserializeOwned, S: Sync, const MAX: usize> FromRequest<S> for Json<T, MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(malformed("the Content-Type must be application/json"));
        }
        let bytes = collect(request.into_body(), MAX).await?;
        json::read(&bytes)
            .map(Self)
            .map_err(|error| malformed(error.to_string()))
    }
}

/// No body at all, without a `Content-Type`, is `None`.
impl<T: DeserializeOwned, S: Sync, const MAX: usize> OptionalFromRequest<S> for Json<T, MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        let body = request.body();
        let empty = body.is_end_stream() || body.size_hint().exact() == Some(0);
        if empty && !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state)
            .await
            .map(Some)
    }
}

impl<T: Serialize, const MAX: usize> IntoResponse for Json<T, MAX> {
    fn into_response(self) -> Response {
        let Ok(body) = serde_json::to_vec(&self.0) else {
            return Refusal::new(ErrorCode::Internal).into_response();
        };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, body).into_response()
    }
}

/// The query's parameters by name, each at most once. Values are text.
///
/// Rejection: `invalid_request` with a text that names what is wrong.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let refusal = |error: WireError| {
            Refusal::new(ErrorCode::InvalidRequest).with_message(format!("query: {error}"))
        };
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| refusal(WireError::Shape))?;
        let mut members = Map::new();
        for (name, value) in pairs.0 {
            if members.insert(name, Value::String(value)).is_some() {
                return Err(refusal(WireError::Repeated));
            }
        }
        json::from_members(members).map(Self).map_err(refusal)
    }
}

/// The one key in the path. A text that is no key of this type is `not_found`, the same
/// answer as for a key that nothing has.
#[derive(Clone, Debug)]
pub struct PathKey<K>(pub K);

impl<K: FromStr, S: Send + Sync> FromRequestParts<S> for PathKey<K> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let unknown = || Refusal::new(ErrorCode::NotFound);
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| unknown())?;
        let (_, text) = params.iter().next().ok_or_else(unknown)?;
        text.parse().map(Self).map_err(|_| unknown())
    }
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::BodyMalformed).with_message(message)
}

/// Whether the one `Content-Type` is `application/json` or `application/…+json`
/// (RFC 6839 §3.1), with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next());
    let essence = essence.unwrap_or("").trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|sub| sub == "json" || sub.ends_with("+json"))
}

async fn collect(body: axum::body::Body, max: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::new(ErrorCode::BodyTooLarge);
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_length_limit(&*error) => Err(too_large()),
        Err(_) => Err(malformed("the body broke off")),
    }
}

/// Whether a cap, ours or the listener's own further out, ended the body.
fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error + 'static>::is::<LengthLimitError>)
}

#[cfg(test)]
mod tests;
