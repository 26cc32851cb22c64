//! A refusal on its way out: our code, by which it is counted and traced, and the
//! use-case's reason, by which a dialect words it. Not here: how it is written
//! ([`crate::form`]), and who decides it.

use crate::body::{self, Body};
use doorward_base::ErrorCode;
use http::{HeaderValue, Response, StatusCode};
use std::fmt::Write as _;

/// One refusal, not yet written.
///
/// A local target refuses with a response that has one in its extensions
/// ([`Refusal::into_answer`]); whoever called the target writes it, in the form of the
/// place where it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The code.
    pub code: ErrorCode,
    /// The use-case's stable name for why, for example `password_length`. Forms may go
    /// by it; it is shown only where a form's table says so.
    pub reason: Option<&'static str>,
    /// A public text that is more precise than the code's own.
    pub message: Option<String>,
    /// For 403 by scope: the scopes that would do (RFC 6750 §3.1).
    pub scopes: Vec<String>,
    /// For 429 and 402: the limit that was reached.
    pub limit: Option<String>,
    /// For 429 and 503: whole seconds to wait.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with the code's own text.
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self {
            code,
            reason: None,
            message: None,
            scopes: Vec::new(),
            limit: None,
            retry_after: None,
        }
    }

    /// With a use-case's reason, if it has one.
    #[must_use]
    pub const fn because(mut self, reason: Option<&'static str>) -> Self {
        self.reason = reason;
        self
    }

    /// With a more precise public text.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The public text.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(self.code.row().message)
    }

    /// The status of our own table; a form may answer another.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The refusal as a local target's answer: without a body, to be written by the
    /// caller.
    #[must_use]
    pub fn into_answer(self) -> Response<Body> {
        let mut answer = Response::new(body::empty());
        *answer.status_mut() = self.status();
        answer.extensions_mut().insert(self);
        answer
    }

    /// Seconds for `Retry-After` under this status: at least one.
    pub(crate) fn wait(&self, status: StatusCode) -> Option<u64> {
        let seconds = match status {
            StatusCode::SERVICE_UNAVAILABLE => self.retry_after.unwrap_or(1),
            StatusCode::TOO_MANY_REQUESTS => self.retry_after.unwrap_or(60),
            _ => self.retry_after?,
        };
        Some(seconds.max(1))
    }

    /// `WWW-Authenticate` under this status. A 401 has one (RFC 9110 §15.5.2); the error
    /// is named unless no credential was given (RFC 6750 §3.1).
    pub(crate) fn challenge(&self, status: StatusCode) -> Option<HeaderValue> {
        let error = match self.code {
            ErrorCode::InsufficientScope if status == StatusCode::FORBIDDEN => "insufficient_scope",
            _ if status != StatusCode::UNAUTHORIZED => return None,
            ErrorCode::CredentialMissing | ErrorCode::SignInRefused => {
                return Some(HeaderValue::from_static("Bearer"));
            }
            _ => "invalid_token",
        };
        let mut text = format!("Bearer error=\"{error}\"");
        if !self.scopes.is_empty() {
            let _ = write!(text, ", scope=\"{}\"", self.scopes.join(" "));
        }
        HeaderValue::from_str(&text).ok()
    }
}
