//! The body form of a GraphQL engine behind Nhost: `errors` with a code and a path in
//! `extensions`, in the words of Hasura where it has some. What refuses is the gate, before any
//! query is looked at: with our statuses, or, as such an engine does, with 200 for whoever is
//! not known or may not.

use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::Response;
use serde_json::json;

/// The form of GraphQL clients.
#[derive(Clone, Copy, Debug)]
pub struct GraphQlForm {
    /// Whether 401 and 403 are answered with 200.
    is_ok: bool,
}

impl GraphQlForm {
    /// With our statuses.
    pub const STATUSES: Self = Self { is_ok: false };
    /// With 200 instead of 401 and 403, as stock engines answer.
    pub const OK: Self = Self { is_ok: true };
}

fn row(code: E) -> Row {
    let status = code.status();
    match code {
        E::CredentialMissing => Row::new(
            status,
            "invalid-headers",
            "Missing Authorization header in JWT authentication mode",
        ),
        E::CredentialMalformed => Row::new(status, "invalid-jwt", "Could not verify JWT: JWSError"),
        E::CredentialConflict => Row::plain(status, "invalid-headers"),
        E::TokenExpired => Row::new(status, "invalid-jwt", "Could not verify JWT: JWTExpired"),
        E::RoleNotAllowed => Row::new(
            status,
            "access-denied",
            "Your requested role is not in allowed roles",
        ),
        E::RateLimited => Row::plain(status, "rate-limited"),
        E::NotFound | E::RouteUnknown => Row::plain(status, "not-found"),
        _ => match status {
            401 => Row::plain(status, "invalid-jwt"),
            403 => Row::plain(status, "access-denied"),
            500.. => Row::plain(status, "unexpected"),
            _ => Row::plain(status, "bad-request"),
        },
    }
}

impl Form for GraphQlForm {
    fn write(&self, refusal: &Refusal, _: &RequestFacts<'_>) -> Response<Body> {
        let row = row(refusal.code);
        let body = json!({"errors": [{
            "message": row.text(refusal),
            "extensions": {"code": row.code, "path": "$"},
        }]});
        let status = match row.status {
            401 | 403 if self.is_ok => 200,
            status => status,
        };
        json(status, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, written};

    /// DX-29, DX-C8.
    #[test]
    fn a_refusal_is_one_error_with_the_code_in_its_extensions() {
        for (code, status, stock, answered) in [
            (E::RoleNotAllowed, 403, 200, "access-denied"),
            (E::TokenExpired, 401, 200, "invalid-jwt"),
            (E::CredentialMissing, 401, 200, "invalid-headers"),
            (E::RateLimited, 429, 429, "rate-limited"),
            (E::UpstreamFailed, 502, 502, "unexpected"),
        ] {
            for (form, status) in [(GraphQlForm::STATUSES, status), (GraphQlForm::OK, stock)] {
                let response = written(&form, &Refusal::new(code));
                assert_eq!(response.status(), status);
                let body = read(response);
                assert_eq!(body["errors"][0]["extensions"]["code"], answered, "{code}");
                assert_eq!(body["errors"].as_array().unwrap().len(), 1);
            }
        }
    }

    #[test]
    fn what_hasura_has_words_for_has_them() {
        for (code, text) in [
            (
                E::RoleNotAllowed,
                "Your requested role is not in allowed roles",
            ),
            (E::TokenExpired, "Could not verify JWT: JWTExpired"),
            (E::CredentialMalformed, "Could not verify JWT: JWSError"),
        ] {
            let body = read(written(&GraphQlForm::STATUSES, &Refusal::new(code)));
            assert_eq!(body["errors"][0]["message"], text);
        }
    }
}
