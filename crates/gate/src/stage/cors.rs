//! CORS: which origins a browser may call from. Exact comparison with the realm's
//! list; nothing is reflected that is not on it (G28).

use crate::policy::compiled::Realm;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

/// The request's origin, if it is on the realm's list.
pub(crate) fn listed_origin(realm: &Realm, headers: &HeaderMap) -> Option<HeaderValue> {
    if realm.cors_origins.is_empty() {
        return None;
    }
    let origin = headers.get(ORIGIN)?;
    realm
        .cors_origins
        .iter()
        .any(|listed| listed.as_bytes() == origin.as_bytes())
        .then(|| origin.clone())
}

/// The answer to a preflight from a listed origin.
pub(crate) fn preflight<B: Default>(parts: &Parts) -> Option<Response<B>> {
    if parts.method != Method::OPTIONS {
        return None;
    }
    let method = parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(wanted) = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

/// Lets the listed origin read the answer; an upstream's own word is replaced.
pub(crate) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate",
        ),
    );
    headers.append(VARY, HeaderValue::from_static("origin"));
}
