//! The body forms that belong to no product, for routes and realms to choose. They say
//! our own code, status and text, or the words that a realm has for them. Not here: the forms
//! of dialects, which are in their crates.

use crate::body::Body;
use crate::form::{Form, RequestFacts, json};
use crate::refusal::Refusal;
use doorward_base::ErrorCode;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::{Value, json};
use std::sync::Arc;

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

/// What a realm calls one of our codes, because its clients know it so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wording {
    /// Our code.
    pub of: ErrorCode,
    /// The realm's code.
    pub code: String,
    /// The realm's text, where nothing more precise is said; `None` is ours.
    pub message: Option<String>,
}

/// A body form in a realm's words.
#[derive(Clone, Debug)]
pub struct Worded {
    /// The form.
    pub template: Template,
    /// The words; of two for one code the first holds.
    pub words: Arc<[Wording]>,
}

impl Form for Worded {
    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
        let mut words = self.words.iter();
        let Some(wording) = words.find(|wording| wording.of == refusal.code) else {
            return self.template.write(refusal, facts);
        };
        let message = refusal.message.as_ref().or(wording.message.as_ref());
        let message = message.map_or(refusal.code.row().message, String::as_str);
        self.template
            .write_as(refusal, facts, Some(&wording.code), message)
    }
}

impl Form for Template {
    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
        self.write_as(refusal, facts, None, refusal.message())
    }
}

impl Template {
    /// Under this code, where a realm has one of its own, and with this text.
    fn write_as(
        &self,
        refusal: &Refusal,
        facts: &RequestFacts<'_>,
        own: Option<&str>,
        message: &str,
    ) -> Response<Body> {
        let (name, status) = (refusal.code.as_str(), refusal.code.status());
        let name = own.unwrap_or(name);
        let id = facts.request.to_string();
        let mut body: Value = match self {
            Self::Problem => json!({
                "type": format!("urn:doorward:error:{name}"),
                "title": refusal.code.row().message, "status": status, "detail": message,
                "code": name, "request_id": id,
            }),
            Self::Plain if own.is_none() => {
                let (name, message) = plain(refusal);
                json!({"error": name, "message": message})
            }
            Self::Plain => json!({"error": name, "message": message}),
            Self::Backstage => json!({
                "error": {"name": backstage_name(status), "code": name, "message": message},
                "request": {"id": id}, "response": {"statusCode": status},
            }),
            Self::Envelope => json!({
                "success": false,
                "error": {
                    "code": own.map_or_else(|| name.to_uppercase(), str::to_owned), "message": message, "details": details(refusal),
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

    /// HO-11, HO-12: the product's codes and texts; ours where it has none, and what is more
    /// precise than its text.
    #[test]
    fn a_realm_has_words_of_its_own() {
        let words = [
            (
                ErrorCode::TokenExpired,
                "AUTH_EXPIRED_TOKEN",
                Some("Expired token"),
            ),
            (ErrorCode::CredentialMalformed, "AUTH_INVALID_TOKEN", None),
        ];
        let words = words.map(|(of, code, message)| Wording {
            of,
            code: code.to_owned(),
            message: message.map(str::to_owned),
        });
        let words: Arc<[Wording]> = words.into();
        let said = |template, refusal: &Refusal| {
            let words = Arc::clone(&words);
            body_of(rendered(&Worded { template, words }, refusal))
        };
        let expired = Refusal::new(ErrorCode::TokenExpired);
        for (name, template) in Template::ALL {
            let body = said(*template, &expired).to_string();
            let own = body.contains("AUTH_EXPIRED_TOKEN") && body.contains("Expired token");
            assert!(own, "{name}: {body}");
            assert!(!body.contains("token_expired\""), "{name}: {body}");
        }
        let precise = expired.with_message("since noon");
        assert_eq!(
            said(Template::Nested, &precise)["error"]["message"],
            "since noon"
        );
        let malformed = Refusal::new(ErrorCode::CredentialMalformed);
        let plain = said(Template::Plain, &malformed);
        let ours = malformed.message();
        assert_eq!(
            plain,
            json!({"error": "AUTH_INVALID_TOKEN", "message": ours})
        );
        let other = Refusal::new(ErrorCode::NotFound);
        assert_eq!(said(Template::Nested, &other)["error"]["code"], "not_found");
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
