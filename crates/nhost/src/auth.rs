//! The body form of Nhost Auth: `{"status", "message", "error"}`, always JSON, because
//! its clients take anything else for a broken network. The table goes by the
//! use-case's reason first, then by our code.

use crate::off::Off;
use crate::webhook;
use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::Response;
use serde_json::json;

/// The form of Nhost Auth's clients.
#[derive(Clone, Copy, Debug)]
pub struct NhostForm;

fn row(refusal: &Refusal) -> Row {
    refusal
        .reason
        .and_then(by_reason)
        .unwrap_or_else(|| by_code(refusal.code))
}

/// Reasons of use-cases that the product has a code of its own for.
fn by_reason(reason: &str) -> Option<Row> {
    Some(match reason {
        "password_length" => Row::new(400, "password-too-short", "Password is too short"),
        "password_common" => Row::new(
            400,
            "password-in-hibp-database",
            "Password is in HIBP database",
        ),
        "password_wrong" => Row::new(401, "invalid-email-password", "Incorrect email or password"),
        // What the product asks for where a session is not enough.
        "session_needed" => Row::new(403, ELEVATED, "This needs a sign-in of the user itself"),
        "reauthentication_needed" | "password_not_shown" => Row::plain(403, ELEVATED),
        "sign_up_closed" => Row::new(403, "signup-disabled", "Sign up is disabled."),
        "account_exists" => Row::new(409, "email-already-in-use", "Email already in use"),
        "sign_up_role" => Row::new(400, "role-not-allowed", "Role not allowed"),
        "sign_up_default_role" => Row::new(
            400,
            "default-role-must-be-in-allowed-roles",
            "Default role must be in allowed roles",
        ),
        "refresh_refused" => Row::new(
            401,
            "invalid-refresh-token",
            "Invalid or expired refresh token",
        ),
        "pat_refused" => Row::new(
            401,
            "invalid-pat",
            "Invalid or expired personal access token",
        ),
        "expiry_past" | "expiry_too_far" | "expiry_missing" | "expiry_not_chosen"
        | "expiry_malformed" => Row::plain(400, "invalid-expiry-date"),
        other => return Off::answer(other),
    })
}

const INCORRECT: &str = "The request payload is incorrect";
const ELEVATED: &str = "elevated-claim-required";

fn by_code(code: E) -> Row {
    let status = code.status();
    match code {
        E::SignInRefused => Row::new(401, "invalid-email-password", "Incorrect email or password"),
        E::RoleNotAllowed => Row::new(403, "role-not-allowed", "Role not allowed"),
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
    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
        let mut row = row(refusal);
        if row.code == "unauthorized" && facts.path.ends_with("/token/verify") {
            // A token that is no good is what was asked about.
            row = Row::new(400, "invalid-request", INCORRECT);
        }
        if row.status == 403 && facts.path.ends_with(webhook::PATH) {
            // An engine knows no other no.
            row.status = 401;
        }
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
    use doorward_identity::decide::refusal::{
        ManageRefusal, Reason, SignInRefusal, SignUpRefusal, TokenRefusal,
    };

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
            (Refusal::new(E::RoleNotAllowed), 403, "role-not-allowed"),
            (of(&SignUpRefusal::Role), 400, "role-not-allowed"),
            (of(&SignUpRefusal::Closed), 403, "signup-disabled"),
            (of(&SignUpRefusal::Exists), 409, "email-already-in-use"),
            (
                of(&ManageRefusal::SessionNeeded),
                403,
                "elevated-claim-required",
            ),
            (of(&TokenRefusal::ExpiryPast), 400, "invalid-expiry-date"),
            (of(&TokenRefusal::LimitReached), 409, "conflict"),
            (Off::Feature.refusal(), 409, "disabled-endpoint"),
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
