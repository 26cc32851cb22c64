//! What the handlers of every axum surface take: the context, a bounded strict body of
//! JSON or of a form, the query, the key in the path. Their rejections are [`Refusal`]s.
//! Not here: who the caller is to a surface; each has its own extractor over [`Ctx`].

use crate::axum_target::Carried;
use crate::json;
use crate::pairs;
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
use std::str::FromStr;

/// The largest body read unless a handler says otherwise, bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// The largest form read unless a handler says otherwise, bytes.
pub const MAX_FORM: usize = 64 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

/// What the gate knows of the request.
#[derive(Clone, Debug)]
pub struct Ctx(pub Context);

impl<S: Sync> FromRequestParts<S> for Ctx {
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
        read_json(request.into_body(), MAX).await.map(Self)
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

/// As [`Json`], whatever the `Content-Type` says, or none: for dialects whose clients
/// do not name one.
#[derive(Clone, Debug)]
pub struct AnyJson<T, const MAX: usize = MAX_BODY>(pub T);

impl<T: DeserializeOwned, S: Sync, const MAX: usize> FromRequest<S> for AnyJson<T, MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        read_json(request.into_body(), MAX).await.map(Self)
    }
}

/// A form as a request's body (`application/x-www-form-urlencoded`), at most `MAX`
/// bytes, read by [`pairs::read`].
///
/// Rejections: `body_too_large`, and `body_malformed` with a text that names what is
/// wrong (also for another `Content-Type`).
#[derive(Clone, Debug)]
pub struct Urlencoded<T, const MAX: usize = MAX_FORM>(pub T);

impl<T: DeserializeOwned, S: Sync, const MAX: usize> FromRequest<S> for Urlencoded<T, MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if essence(request.headers()) != Some(FORM.to_owned()) {
            return Err(malformed(format!("the Content-Type must be {FORM}")));
        }
        read_form(request.into_body(), MAX).await.map(Self)
    }
}

/// Whichever of [`Urlencoded`] and [`Json`] the `Content-Type` says.
#[derive(Clone, Debug)]
pub struct UrlencodedOrJson<T, const MAX: usize = MAX_FORM>(pub T);

impl<T: DeserializeOwned, S: Sync, const MAX: usize> FromRequest<S> for UrlencodedOrJson<T, MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if is_json(request.headers()) {
            return read_json(request.into_body(), MAX).await.map(Self);
        }
        if essence(request.headers()) != Some(FORM.to_owned()) {
            let message = format!("the Content-Type must be {FORM} or application/json");
            return Err(malformed(message));
        }
        read_form(request.into_body(), MAX).await.map(Self)
    }
}

/// The query's parameters by name, read by [`pairs::read`].
///
/// Rejection: `invalid_request` with a text that names what is wrong.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        pairs::read(query.as_bytes()).map(Self).map_err(|error| {
            Refusal::new(ErrorCode::InvalidRequest).with_message(format!("query: {error}"))
        })
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

/// The one `Content-Type`, without parameters and in lower case.
fn essence(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let text = value.to_str().ok()?.split(';').next()?;
    Some(text.trim().to_ascii_lowercase())
}

/// Whether it is `application/json` or `application/…+json` (RFC 6839 §3.1).
fn is_json(headers: &HeaderMap) -> bool {
    let essence = essence(headers).unwrap_or_default();
    let sub = essence.strip_prefix("application/");
    sub.is_some_and(|sub| sub == "json" || sub.ends_with("+json"))
}

async fn read_json<T: DeserializeOwned>(body: axum::body::Body, max: usize) -> Result<T, Refusal> {
    let bytes = collect(body, max).await?;
    json::read(&bytes).map_err(|error| malformed(error.to_string()))
}

async fn read_form<T: DeserializeOwned>(body: axum::body::Body, max: usize) -> Result<T, Refusal> {
    let bytes = collect(body, max).await?;
    pairs::read(&bytes).map_err(|error| malformed(error.to_string()))
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
