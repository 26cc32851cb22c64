//! Refusals on the wire: one renderer for every body form, so that a code looks the
//! same wherever its mount's clients expect that form. Rendering has no side
//! effects; logging and counting happen where the refusal was decided.

use crate::body::{self, Body};
use doorward_base::{ErrorCode, RequestId, Timestamp};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::str::FromStr;

/// The body form of a mount or route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ErrorTemplate {
    /// `application/problem+json` (RFC 9457).
    #[default]
    Problem,
    /// `{"error": code, "message"}`.
    Plain,
    /// `{"error": {"name", "message"}}`, as Backstage writes it.
    Backstage,
    /// `{"error": code, "error_description"}` (RFC 6749 §5.2).
    OAuth,
    /// `{"code", "error_code", "msg"}`, as Supabase Auth writes it.
    GoTrue,
    /// `{"status", "message", "error"}`, as Nhost Auth writes it.
    Nhost,
    /// `{"code", "message", "details", "hint"}`, as PostgREST writes it.
    PostgRest,
    /// `{"errors": [{"message", "extensions": {"code", "path"}}]}`.
    GraphQl,
    /// `{"success": false, "error": {...}, "meta": {...}}`.
    Envelope,
    /// `{"error": {"code", "message", "request_id"}}`.
    Nested,
}

const TEMPLATES: &[(&str, ErrorTemplate)] = &[
    ("problem", ErrorTemplate::Problem),
    ("plain", ErrorTemplate::Plain),
    ("backstage", ErrorTemplate::Backstage),
    ("oauth", ErrorTemplate::OAuth),
    ("gotrue", ErrorTemplate::GoTrue),
    ("nhost", ErrorTemplate::Nhost),
    ("postgrest", ErrorTemplate::PostgRest),
    ("graphql", ErrorTemplate::GraphQl),
    ("envelope", ErrorTemplate::Envelope),
    ("nested", ErrorTemplate::Nested),
];

impl ErrorTemplate {
    /// The names configuration uses.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        TEMPLATES.iter().map(|(name, _)| *name).collect()
    }
}

impl FromStr for ErrorTemplate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        TEMPLATES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, template)| *template)
            .ok_or_else(|| {
                format!(
                    "unknown error template {text:?}; known: {}",
                    Self::names().join(", ")
                )
            })
    }
}

/// One refusal, ready to be rendered.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The code.
    pub code: ErrorCode,
    /// A public text that is more precise than the code's own.
    pub message: Option<String>,
    /// For 403 by scope: the scopes that would do (RFC 6750 §3.1).
    pub scopes: Vec<String>,
    /// For 429 and 503: whole seconds to wait.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with the code's own text.
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
            scopes: Vec::new(),
            retry_after: None,
        }
    }

    /// With a more precise public text.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Renders the refusal: status, body, and the headers its standard asks for.
    #[must_use]
    pub fn render(
        &self,
        template: ErrorTemplate,
        request: RequestId,
        now: Timestamp,
    ) -> Response<Body> {
        let row = self.code.row();
        let message = self.message.as_deref().unwrap_or(row.message);
        let body = write_body(template, self.code, message, request, now);
        let mut response = Response::new(body::full(body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let kind = if template == ErrorTemplate::Problem {
            "application/problem+json"
        } else {
            "application/json"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
            headers.insert("x-request-id", id);
        }
        if let Some(value) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after.or(match row.status {
            503 => Some(1),
            429 => Some(60),
            _ => None,
        }) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }

    /// `WWW-Authenticate` (RFC 6750 §3): none for a missing credential's error, the
    /// OAuth error name otherwise.
    fn challenge(&self) -> Option<HeaderValue> {
        let error = match self.code {
            ErrorCode::CredentialMissing | ErrorCode::SignInRefused => {
                return Some(HeaderValue::from_static("Bearer"));
            }
            ErrorCode::InsufficientScope => "insufficient_scope",
            code if code.status() == 401 => "invalid_token",
            _ => return None,
        };
        let mut text = format!("Bearer error=\"{error}\"");
        if !self.scopes.is_empty() {
            let _ = write!(text, ", scope=\"{}\"", self.scopes.join(" "));
        }
        HeaderValue::from_str(&text).ok()
    }
}

fn write_body(
    template: ErrorTemplate,
    code: ErrorCode,
    message: &str,
    request: RequestId,
    now: Timestamp,
) -> Value {
    let (name, status, id) = (code.as_str(), code.status(), request.to_string());
    match template {
        ErrorTemplate::Problem => json!({
            "type": format!("urn:doorward:error:{name}"),
            "title": code.row().message, "status": status, "detail": message,
            "code": name, "request_id": id,
        }),
        ErrorTemplate::Plain => json!({"error": name, "message": message}),
        ErrorTemplate::Backstage => json!({
            "error": {"name": backstage_name(status), "code": name, "message": message},
            "request": {"id": id}, "response": {"statusCode": status},
        }),
        ErrorTemplate::OAuth => json!({"error": name, "error_description": message}),
        ErrorTemplate::GoTrue => json!({"code": status, "error_code": name, "msg": message}),
        ErrorTemplate::Nhost => {
            json!({"status": status, "message": message, "error": name.replace('_', "-")})
        }
        ErrorTemplate::PostgRest => {
            json!({"code": name, "message": message, "details": null, "hint": null})
        }
        ErrorTemplate::GraphQl => json!({
            "errors": [{"message": message, "extensions": {"code": name.replace('_', "-"), "path": "$"}}],
        }),
        ErrorTemplate::Envelope => json!({
            "success": false, "error": {"code": name.to_uppercase(), "message": message, "details": null},
            "meta": {"request_id": format!("req_{id}"), "timestamp": now.to_string()},
        }),
        ErrorTemplate::Nested => {
            json!({"error": {"code": name, "message": message, "request_id": id}})
        }
    }
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
    use http_body_util::BodyExt as _;
    use std::task::{Context, Poll, Waker};

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

    #[test]
    fn every_template_says_the_code_and_nothing_internal() {
        let request = RequestId::from_bytes([1; 16]);
        for (name, template) in TEMPLATES {
            assert_eq!(name.parse(), Ok(*template));
            let response = Refusal::new(ErrorCode::TokenExpired).render(
                *template,
                request,
                Timestamp::default(),
            );
            assert_eq!(response.status(), 401);
            assert_eq!(
                response.headers()["www-authenticate"],
                "Bearer error=\"invalid_token\""
            );
            let text = body_of(response)
                .to_string()
                .to_lowercase()
                .replace('-', "_");
            assert!(text.contains("token_expired"), "{name}: {text}");
        }
    }

    #[test]
    fn waiting_is_in_whole_seconds_of_at_least_one() {
        let mut refusal = Refusal::new(ErrorCode::RateLimited);
        refusal.retry_after = Some(0);
        let response = refusal.render(
            ErrorTemplate::Problem,
            RequestId::from_bytes([1; 16]),
            Timestamp::default(),
        );
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn a_missing_scope_is_named() {
        let mut refusal = Refusal::new(ErrorCode::InsufficientScope);
        refusal.scopes = vec!["read:foia".into()];
        let response = refusal.render(
            ErrorTemplate::Nested,
            RequestId::from_bytes([1; 16]),
            Timestamp::default(),
        );
        assert_eq!(
            response.headers()["www-authenticate"],
            "Bearer error=\"insufficient_scope\", scope=\"read:foia\""
        );
    }
}
