//! The body form of Supabase Auth. A client that sends `X-Supabase-Api-Version` of
//! 2024-01-01 or later is answered `{"code", "message"}` and told that version; any
//! other `{"code": status, "error_code", "msg"}`. The table goes by the use-case's
//! reason first, then by our code.

use crate::off::Off;
use crate::version::{ApiVersion, VERSION_HEADER, of_request};
use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::{HeaderName, HeaderValue, Response};
use serde_json::{Map, Value, json};

static ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");

const BEARER_NEEDED: Row = Row::new(
    401,
    "no_authorization",
    "This endpoint requires a valid Bearer token",
);

const INVALID: &str = "invalid JWT: unable to parse or verify signature";
const EXPIRED: &str = "invalid JWT: unable to parse or verify signature, \
    token has invalid claims: token is expired";

/// The form of Supabase Auth's clients.
#[derive(Clone, Copy, Debug)]
pub struct GoTrueForm;

fn row(refusal: &Refusal) -> Row {
    refusal
        .reason
        .and_then(by_reason)
        .unwrap_or_else(|| by_code(refusal.code))
}

/// Reasons of use-cases that GoTrue has a code of its own for.
fn by_reason(reason: &str) -> Option<Row> {
    Some(match reason {
        "credentials" => Row::new(400, "invalid_credentials", "Invalid login credentials"),
        "password_length" => Row::new(
            422,
            "weak_password",
            "Password does not have the required length.",
        ),
        "password_common" => Row::new(
            422,
            "weak_password",
            "Password is known to be weak and easy to guess, please choose a different one.",
        ),
        "password_wrong" => Row::plain(400, "current_password_invalid"),
        "session_over" => Row::new(
            403,
            "session_not_found",
            "Session from session_id claim in JWT does not exist",
        ),
        "session_expired" => Row::new(403, "session_expired", "Session has expired"),
        "caller_gone" => Row::new(
            403,
            "user_not_found",
            "User from sub claim in JWT does not exist",
        ),
        "caller_banned" => Row::new(403, "user_banned", "User is banned"),
        "authorization_malformed" => BEARER_NEEDED,
        "invitation_invalid" => Row::new(404, "invite_not_found", "Invite not found"),
        "sign_up_closed" => Row::new(
            422,
            "signup_disabled",
            "Signups not allowed for this instance",
        ),
        "account_exists" => Row::new(422, "user_already_exists", "User already registered"),
        "grant_unsupported" => Row::plain(400, "invalid_credentials"),
        "password_not_shown" => Row::new(
            400,
            "current_password_required",
            "Current password required when setting new password.",
        ),
        "password_same" => Row::new(
            422,
            "same_password",
            "New password should be different from the old password.",
        ),
        "reauthentication_needed" => Row::new(
            400,
            "reauthentication_needed",
            "Password update requires reauthentication",
        ),
        "nonce_unknown" => Row::new(
            422,
            "reauthentication_not_valid",
            "Nonce has expired or is invalid",
        ),
        other => return of_refresh(other).or_else(|| Off::answer(other)),
    })
}

/// The same of refreshing a session.
fn of_refresh(reason: &str) -> Option<Row> {
    Some(match reason {
        "refresh_malformed" => Row::new(400, "validation_failed", "Refresh token is not valid"),
        "refresh_unknown" => Row::new(
            400,
            "refresh_token_not_found",
            "Invalid Refresh Token: Refresh Token Not Found",
        ),
        "refresh_replayed" => Row::new(
            400,
            "refresh_token_already_used",
            "Invalid Refresh Token: Already Used",
        ),
        "refresh_expired" => Row::new(
            400,
            "session_expired",
            "Invalid Refresh Token: Session Expired",
        ),
        "refresh_banned" => Row::new(400, "user_banned", "Invalid Refresh Token: User Banned"),
        _ => return None,
    })
}

fn by_code(code: E) -> Row {
    let status = code.status();
    match code {
        E::SignInRefused => Row::new(400, "invalid_credentials", "Invalid login credentials"),
        E::BodyMalformed => Row::plain(400, "bad_json"),
        E::CredentialMissing => BEARER_NEEDED,
        E::TokenExpired => Row::new(403, "bad_jwt", EXPIRED),
        E::RateLimited => Row::new(429, "over_request_rate_limit", "Request rate limit reached"),
        E::BodyTooLarge => Row::plain(413, "request_entity_too_large"),
        E::AuthNotEnabled => Row::plain(status, "auth_not_enabled"),
        E::AlreadyExists | E::TokenLimitReached => Row::plain(409, "conflict"),
        E::UpstreamTimeout | E::DeadlinePassed => Row::plain(504, "request_timeout"),
        E::InsufficientPermission | E::InsufficientScope | E::RoleNotAllowed => {
            Row::plain(403, "not_admin")
        }
        _ => match status {
            400 => Row::plain(400, "validation_failed"),
            401 => Row::new(403, "bad_jwt", INVALID),
            500.. => Row::plain(status, "unexpected_failure"),
            // GoTrue's word for an error without a code.
            _ => Row::plain(status, "unknown"),
        },
    }
}

impl Form for GoTrueForm {
    fn reads(&self) -> &'static [HeaderName] {
        std::slice::from_ref(&VERSION_HEADER)
    }

    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
        let row = row(refusal);
        let text = row.text(refusal);
        let version = of_request(facts.headers);
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        if version == ApiVersion::Initial {
            put("code", row.status.into());
            put("error_code", row.code.into());
            put("msg", text.into());
        } else {
            put("code", row.code.into());
            put("message", text.into());
        }
        if row.code == "weak_password" {
            let common = refusal.reason == Some("password_common");
            let why = if common { "pwned" } else { "length" };
            put("weak_password", json!({"reasons": [why]}));
        }
        if version == ApiVersion::Initial && row.status >= 500 {
            put("error_id", facts.request.to_string().into());
        }
        let mut response = json(row.status, &body.into());
        let headers = response.headers_mut();
        headers.insert(&ERROR_CODE, HeaderValue::from_static(row.code));
        if let Some(named) = version.named() {
            headers.insert(&VERSION_HEADER, HeaderValue::from_static(named));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refuse::refuse_refresh;
    use crate::testing::{read, written};
    use doorward_identity::act::Failure;
    use doorward_identity::decide::refusal::{
        ManageRefusal, Reason, RefreshRefusal, SignInRefusal, SignUpRefusal,
    };
    use doorward_identity::port::StoreError;
    use serde_json::Value;

    fn answered(refusal: &Refusal, version: Option<&'static str>) -> (u16, Value, Option<String>) {
        let header = version.map(|version| ("x-supabase-api-version", version));
        let response = written(&GoTrueForm, refusal, header);
        let echoed = response.headers().get("x-supabase-api-version");
        let echoed = echoed.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), read(response), echoed)
    }

    fn of(reason: &dyn Reason) -> Refusal {
        Refusal::new(reason.code()).because(Some(reason.name()))
    }

    #[test]
    fn the_api_version_changes_the_body_and_is_echoed() {
        let wrong = of(&SignInRefusal::Credentials("wrong password"));
        let codes = json!({"code": "invalid_credentials", "message": "Invalid login credentials"});
        let initial = json!({
            "code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials",
        });
        for (sent, body, echoed) in [
            (None, &initial, None),
            (Some("2023-12-31"), &initial, None),
            (Some("2024"), &initial, None),
            (Some("2024-13-01"), &initial, None),
            (Some("2024-01-01"), &codes, Some("2024-01-01")),
            (Some("2026-11-29"), &codes, Some("2024-01-01")),
        ] {
            let answer = answered(&wrong, sent);
            assert_eq!(
                answer,
                (400, body.clone(), echoed.map(str::to_owned)),
                "{sent:?}"
            );
        }
    }

    #[test]
    fn reasons_have_the_codes_of_gotrue() {
        for (reason, status, code) in [
            (
                &ManageRefusal::PasswordLength(8) as &dyn Reason,
                422,
                "weak_password",
            ),
            (
                &ManageRefusal::PasswordWrong,
                400,
                "current_password_invalid",
            ),
            (&ManageRefusal::InvitationInvalid, 404, "invite_not_found"),
            (
                &ManageRefusal::TooManyGuesses(90),
                429,
                "over_request_rate_limit",
            ),
            (&ManageRefusal::CallerDead, 403, "bad_jwt"),
            (&ManageRefusal::CallerGone, 403, "user_not_found"),
            (&ManageRefusal::CallerBanned, 403, "user_banned"),
            (&ManageRefusal::SessionEnded, 403, "session_not_found"),
            (&ManageRefusal::SessionExpired, 403, "session_expired"),
            (&ManageRefusal::PasswordSame, 422, "same_password"),
            (
                &ManageRefusal::PasswordNotShown,
                400,
                "current_password_required",
            ),
            (
                &ManageRefusal::ReauthenticationNeeded,
                400,
                "reauthentication_needed",
            ),
            (&ManageRefusal::NotPermitted("x"), 403, "not_admin"),
            (&ManageRefusal::NameInvalid, 400, "validation_failed"),
            (&SignInRefusal::SessionOver, 403, "session_not_found"),
            (&SignUpRefusal::Closed, 422, "signup_disabled"),
            (&SignUpRefusal::Exists, 422, "user_already_exists"),
            (
                &SignUpRefusal::Manage(ManageRefusal::PasswordCommon),
                422,
                "weak_password",
            ),
            (
                &SignInRefusal::TooManyGuesses(90),
                429,
                "over_request_rate_limit",
            ),
        ] {
            let (answered, body, _) = answered(&of(reason), Some("2024-01-01"));
            assert_eq!(
                (answered, &body["code"]),
                (status, &json!(code)),
                "{reason:?}"
            );
        }
    }

    /// A client deletes its session when a refresh is answered by 4xx.
    #[test]
    fn a_refresh_is_refused_for_good_or_to_be_tried_again() {
        use RefreshRefusal as R;
        for (refused, code) in [
            (R::Malformed, "refresh_token_not_found"),
            (R::Unknown, "refresh_token_not_found"),
            (R::SessionEnded, "refresh_token_not_found"),
            (R::Replayed, "refresh_token_already_used"),
            (R::SessionExpired, "session_expired"),
            (R::SubjectDisabled, "user_banned"),
        ] {
            let refusal = refuse_refresh(Failure::Refused(refused));
            let (status, body, _) = answered(&refusal, Some("2024-01-01"));
            assert_eq!((status, &body["code"]), (400, &json!(code)));
            assert_eq!(refusal.code, E::TokenInvalid);
        }
        let trouble = StoreError::Unavailable("away".to_owned());
        let raced = StoreError::Conflict("the session");
        for failure in [
            Failure::Store(trouble),
            Failure::Store(raced),
            Failure::Busy,
        ] {
            let (status, body, _) = answered(&refuse_refresh(failure), Some("2024-01-01"));
            assert_eq!((status, &body["code"]), (503, &json!("unexpected_failure")));
        }
    }

    #[test]
    fn a_feature_that_is_off_has_the_status_of_the_product() {
        for (off, status, code) in [
            (Off::Anonymous, 422, "anonymous_provider_disabled"),
            (Off::Otp, 422, "otp_disabled"),
            (Off::Saml, 404, "saml_provider_disabled"),
            (Off::Passkey, 404, "passkey_disabled"),
        ] {
            let (answered, body, _) = answered(&off.refusal(), Some("2024-01-01"));
            assert_eq!((answered, &body["code"]), (status, &json!(code)));
        }
    }

    #[test]
    fn a_weak_password_says_how() {
        for (weak, why) in [
            (ManageRefusal::PasswordLength(8), "length"),
            (ManageRefusal::PasswordCommon, "pwned"),
        ] {
            for version in [None, Some("2024-01-01")] {
                let (status, body, _) = answered(&of(&weak), version);
                assert_eq!(status, 422);
                assert_eq!(body["weak_password"], json!({"reasons": [why]}));
            }
        }
    }

    #[test]
    fn a_defect_has_an_id_in_the_older_form() {
        let (status, body, _) = answered(&Refusal::new(E::Internal), None);
        assert_eq!(
            (status, &body["error_code"]),
            (500, &json!("unexpected_failure"))
        );
        assert!(body["error_id"].is_string());
        assert_eq!(
            answered(&Refusal::new(E::NotFound), None).1.get("error_id"),
            None
        );
    }
}
