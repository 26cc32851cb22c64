//! The body forms that belong to no product, for routes and realms to choose. They say
//! our own code, status and text. Not here: the forms of dialects, which are in their
//! crates.

use crate::body::Body;
use crate::form::{Form, RequestFacts, json};
use crate::refusal::Refusal;
use doorward_base::ErrorCode;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

/// A body form of no product.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Template {
    /// `application/problem+json` (RFC 9457).
    #[default]
    Problem,
    /// `{"error": code, "message"}`.
    Plain,
    /// `{"error": {"name", "message"}}`, as Backstage writes it.
    Backstage,
    /// `{"success": false, "error": {...}, "meta": {...}}`.
    Envelope,
    /// `{"error": {"code", "message", "request_id"}}`.
    Nested,
}

impl Template {
    /// Every template with the name that configuration uses.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("problem", Self::Problem),
        ("plain", Self::Plain),
        ("backstage", Self::Backstage),
        ("envelope", Self::Envelope),
        ("nested", Self::Nested),
    ];
}

impl Form for Template {
    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
        let (name, status) = (refusal.code.as_str(), refusal.code.status());
        let (message, id) = (refusal.message(), facts.request.to_string());
        let mut body: Value = match self {
            Self::Problem => json!({
                "type": format!("urn:doorward:error:{name}"),
                "title": refusal.code.row().message, "status": status, "detail": message,
                "code": name, "request_id": id,
            }),
            Self::Plain => {
                let (name, message) = plain(refusal);
                json!({"error": name, "message": message})
            }
            Self::Backstage => json!({
                "error": {"name": backstage_name(status), "code": name, "message": message},
                "request": {"id": id}, "response": {"statusCode": status},
            }),
            Self::Envelope => json!({
                "success": false,
                "error": {
                    "code": name.to_uppercase(), "message": message, "details": details(refusal),
                },
                "meta": {"request_id": format!("req_{id}"), "timestamp": facts.now.to_string()},
            }),
            Self::Nested => {
                json!({"error": {"code": name, "message": message, "request_id": id}})
            }
        };
        if let (Self::Problem, Some(limit), Some(body)) =
            (self, &refusal.limit, body.as_object_mut())
        {
            body.insert("limit".to_owned(), limit.as_str().into());
        }
        let mut response = json(status, &body);
        if *self == Self::Problem {
            let kind = HeaderValue::from_static("application/problem+json");
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        response
    }
}

/// In this form a token that is none is told as one that is invalid, with what was said of
/// it if anything was.
fn plain(refusal: &Refusal) -> (&'static str, &str) {
    let (own, invalid) = (refusal.code.row().message, ErrorCode::TokenInvalid);
    match (refusal.code, refusal.message()) {
        (ErrorCode::CredentialMalformed, message) if message == own => {
            (invalid.as_str(), invalid.row().message)
        }
        (ErrorCode::CredentialMalformed, message) => (invalid.as_str(), message),
        (code, message) => (code.as_str(), message),
    }
}

/// What an envelope says beside code and text: which limit was reached.
fn details(refusal: &Refusal) -> Option<Value> {
    let limit = refusal.limit.as_ref()?;
    Some(json!({"limit": limit, "retry_after": refusal.retry_after}))
}

/// Backstage's error class of a status.
const fn backstage_name(status: u16) -> &'static str {
    match status {
        400 => "InputError",
        401 => "AuthenticationError",
        403 => "NotAllowedError",
        404 => "NotFoundError",
        409 => "ConflictError",
        429 => "TooManyRequestsError",
        503 => "ServiceUnavailableError",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::render;
    use doorward_base::{ErrorCode, RequestId, Timestamp};
    use http::{HeaderMap, Method, StatusCode};
    use http_body_util::BodyExt as _;
    use std::task::{Context, Poll, Waker};

    fn rendered(form: &dyn Form, refusal: &Refusal) -> Response<Body> {
        let facts = RequestFacts {
            request: RequestId::from_bytes([1; 16]),
            now: Timestamp::default(),
            method: &Method::GET,
            path: "/",
            headers: &HeaderMap::new(),
        };
        render(form, refusal, &facts)
    }

    fn body_of(response: Response<Body>) -> Value {
        let mut collected = std::pin::pin!(response.into_body().collect());
        let Poll::Ready(Ok(bytes)) = collected
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("a full body is ready at once");
        };
        serde_json::from_slice(&bytes.to_bytes()).unwrap()
    }

    /// HD-30: one answer for what is no token and for what is an invalid one.
    #[test]
    fn the_plain_form_tells_no_malformed_token_from_an_invalid_one() {
        let refusal = Refusal::new(ErrorCode::CredentialMalformed);
        let said = body_of(rendered(&Template::Plain, &refusal));
        let expected = json!({"error": "invalid_token", "message": "Token is invalid"});
        assert_eq!(said, expected);
        let nested = body_of(rendered(&Template::Nested, &refusal));
        assert_eq!(nested["error"]["code"], "invalid_token_format");
    }

    #[test]
    fn every_template_says_the_code_and_nothing_internal() {
        let mut refusal = Refusal::new(ErrorCode::TokenExpired);
        refusal.reason = Some("inner");
        for (name, template) in Template::ALL {
            let response = rendered(template, &refusal);
            assert_eq!(response.status(), 401);
            assert_eq!(
                response.headers()["www-authenticate"],
                "Bearer error=\"invalid_token\""
            );
            let text = body_of(response).to_string().to_lowercase();
            assert!(text.contains("token_expired"), "{name}: {text}");
            assert!(!text.contains("inner"), "{name}: {text}");
        }
    }

    #[test]
    fn waiting_is_in_whole_seconds_of_at_least_one() {
        let mut refusal = Refusal::new(ErrorCode::RateLimited);
        refusal.retry_after = Some(0);
        let response = rendered(&Template::Problem, &refusal);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn a_missing_scope_is_named() {
        let mut refusal = Refusal::new(ErrorCode::InsufficientScope);
        refusal.scopes = vec!["read:foia".into()];
        let response = rendered(&Template::Nested, &refusal);
        assert_eq!(
            response.headers()["www-authenticate"],
            "Bearer error=\"insufficient_scope\", scope=\"read:foia\""
        );
    }

    /// A form that answers everything with one status.
    #[derive(Debug)]
    struct Always(u16);

    impl Form for Always {
        fn write(&self, _: &Refusal, _: &RequestFacts<'_>) -> Response<Body> {
            json(self.0, &Value::Null)
        }
    }

    #[test]
    fn the_headers_of_the_standards_follow_the_status_that_is_answered() {
        for (code, status, challenge, wait) in [
            (
                ErrorCode::TokenInvalid,
                401,
                Some("Bearer error=\"invalid_token\""),
                None,
            ),
            (ErrorCode::TokenInvalid, 400, None, None),
            (ErrorCode::CredentialMissing, 401, Some("Bearer"), None),
            (ErrorCode::SignInRefused, 400, None, None),
            (
                ErrorCode::NotFound,
                401,
                Some("Bearer error=\"invalid_token\""),
                None,
            ),
            (ErrorCode::RateLimited, 429, None, Some("60")),
            (ErrorCode::Busy, 503, None, Some("1")),
            (ErrorCode::Busy, 500, None, None),
        ] {
            let response = rendered(&Always(status), &Refusal::new(code));
            let text = |name| response.headers().get(name).map(|v| v.to_str().unwrap());
            assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
            assert_eq!(text("www-authenticate"), challenge, "{code} {status}");
            assert_eq!(text("retry-after"), wait, "{code} {status}");
            assert_eq!(text("cache-control"), Some("no-store"));
            assert!(text("x-request-id").is_some());
        }
    }
}
