//! The body form of Nhost Auth: `{"status", "message", "error"}`, always JSON, because
//! its clients take anything else for a broken network. The table goes by the
//! use-case's reason first, then by our code.

use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::Response;
use serde_json::json;

/// The form of Nhost Auth's clients.
#[derive(Clone, Copy, Debug)]
pub struct NhostForm;

fn row(refusal: &Refusal) -> Row {
    match refusal.reason {
        Some("password_length") => Row::new(400, "password-too-short", "Password is too short"),
        Some("password_common") => Row::new(
            400,
            "password-in-hibp-database",
            "Password is in HIBP database",
        ),
        _ => by_code(refusal.code),
    }
}

fn by_code(code: E) -> Row {
    let status = code.status();
    match code {
        E::SignInRefused => Row::new(401, "invalid-email-password", "Incorrect email or password"),
        E::RoleNotAllowed => Row::new(400, "role-not-allowed", "Role not allowed"),
        E::RateLimited => Row::plain(429, "too-many-requests"),
        E::Internal => Row::new(500, "internal-server-error", "Internal server error"),
        _ => match status {
            400 => Row::plain(400, "invalid-request"),
            401 => Row::plain(401, "unauthorized"),
            403 => Row::plain(403, "forbidden"),
            404 => Row::plain(404, "not-found"),
            409 => Row::plain(409, "conflict"),
            500.. => Row::plain(status, "internal-server-error"),
            _ => Row::plain(status, "invalid-request"),
        },
    }
}

impl Form for NhostForm {
    fn write(&self, refusal: &Refusal, _: &RequestFacts<'_>) -> Response<Body> {
        let row = row(refusal);
        let text = row.text(refusal);
        if row.code != "unauthorized" {
            let body = json!({"status": row.status, "message": text, "error": row.code});
            return json(row.status, &body);
        }
        let reason = match refusal.code {
            E::CredentialMissing | E::CredentialMalformed => {
                "missing or malformed authorization header"
            }
            _ => "invalid or expired token",
        };
        let body = json!({
            "status": row.status, "message": text, "error": row.code,
            "reason": reason, "securityScheme": "BearerAuth",
        });
        json(row.status, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, written};
    use doorward_identity::decide::refusal::{ManageRefusal, Reason, SignInRefusal};

    #[test]
    fn reasons_and_codes_have_the_words_of_nhost() {
        let of = |reason: &dyn Reason| Refusal::new(reason.code()).because(Some(reason.name()));
        for (refusal, status, error) in [
            (
                of(&SignInRefusal::Credentials("no user")),
                401,
                "invalid-email-password",
            ),
            (
                of(&ManageRefusal::PasswordLength(8)),
                400,
                "password-too-short",
            ),
            (
                of(&ManageRefusal::PasswordCommon),
                400,
                "password-in-hibp-database",
            ),
            (of(&ManageRefusal::NameInvalid), 400, "invalid-request"),
            (Refusal::new(E::TokenExpired), 401, "unauthorized"),
            (Refusal::new(E::RoleNotAllowed), 400, "role-not-allowed"),
            (Refusal::new(E::RateLimited), 429, "too-many-requests"),
            (Refusal::new(E::Busy), 503, "internal-server-error"),
        ] {
            let response = written(&NhostForm, &refusal);
            assert_eq!(response.status(), status);
            let body = read(response);
            assert_eq!(body["error"], error, "{refusal:?}");
            assert_eq!(body["status"], status);
            assert!(body["message"].is_string());
            assert_eq!(body.get("reason").is_some(), error == "unauthorized");
        }
    }
}
