//! The body form of OAuth (RFC 6749 §5.2, RFC 6750 §3.1): `error` from the registered
//! codes, and a description. Statuses stay ours, but for a wrong password, which is an
//! invalid grant.

use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::Response;
use serde_json::json;

/// The form of OAuth clients.
#[derive(Clone, Copy, Debug)]
pub struct OAuthForm;

/// The registered code for one of ours.
fn row(code: E) -> Row {
    let status = code.status();
    match code {
        E::SignInRefused => Row::plain(400, "invalid_grant"),
        E::InvalidScope => Row::plain(status, "invalid_scope"),
        E::InsufficientScope => Row::plain(status, "insufficient_scope"),
        E::RateLimited => Row::plain(status, "temporarily_unavailable"),
        _ => match status {
            401 => Row::plain(status, "invalid_token"),
            403 => Row::plain(status, "access_denied"),
            502..=504 => Row::plain(status, "temporarily_unavailable"),
            500.. => Row::plain(status, "server_error"),
            _ => Row::plain(status, "invalid_request"),
        },
    }
}

/// What a description may hold (RFC 6749 §5.2); anything else becomes an apostrophe.
fn description(text: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    let kept = text.chars().map(|c| if allowed(c) { c } else { '\'' });
    kept.collect()
}

impl Form for OAuthForm {
    fn write(&self, refusal: &Refusal, _: &RequestFacts<'_>) -> Response<Body> {
        let row = row(refusal.code);
        let text = description(row.text(refusal));
        let body = json!({"error": row.code, "error_description": text});
        json(row.status, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_codes_are_answered() {
        // RFC 6749 §5.2 and §4.1.2.1, RFC 6750 §3.1.
        let registered = [
            "invalid_request",
            "invalid_grant",
            "invalid_scope",
            "access_denied",
            "server_error",
            "temporarily_unavailable",
            "invalid_token",
            "insufficient_scope",
        ];
        for &code in E::ALL {
            assert!(registered.contains(&row(code).code), "{code}");
        }
        for (code, expected) in [
            (E::SignInRefused, (400, "invalid_grant")),
            (E::TokenExpired, (401, "invalid_token")),
            (E::CredentialMissing, (401, "invalid_token")),
            (E::BodyMalformed, (400, "invalid_request")),
            (E::TenantForbidden, (403, "access_denied")),
            (E::StoreUnavailable, (503, "temporarily_unavailable")),
            (E::Internal, (500, "server_error")),
        ] {
            let row = row(code);
            assert_eq!((row.status, row.code), expected, "{code}");
        }
    }

    #[test]
    fn a_description_has_no_quote_backslash_or_foreign_letter() {
        assert_eq!(description("`a\\b\": \u{e9}\n"), "`a'b': ''");
    }
}
