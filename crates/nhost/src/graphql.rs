//! The body form of a GraphQL engine behind Nhost: `errors` with a code and a path in
//! `extensions`. The statuses stay ours: what refuses is the gate, before any query is
//! looked at.

use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::Response;
use serde_json::json;

/// The form of GraphQL clients.
#[derive(Clone, Copy, Debug)]
pub struct GraphQlForm;

fn row(code: E) -> Row {
    let status = code.status();
    match code {
        E::CredentialMissing | E::CredentialMalformed | E::CredentialConflict => {
            Row::plain(status, "invalid-headers")
        }
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
        json(row.status, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, written};

    #[test]
    fn a_refusal_is_one_error_with_the_code_in_its_extensions() {
        for (code, status, answered) in [
            (E::RoleNotAllowed, 403, "access-denied"),
            (E::TokenExpired, 401, "invalid-jwt"),
            (E::CredentialMissing, 401, "invalid-headers"),
            (E::RateLimited, 429, "rate-limited"),
            (E::UpstreamFailed, 502, "unexpected"),
        ] {
            let response = written(&GraphQlForm, &Refusal::new(code));
            assert_eq!(response.status(), status);
            let body = read(response);
            assert_eq!(body["errors"][0]["extensions"]["code"], answered, "{code}");
            assert_eq!(body["errors"].as_array().unwrap().len(), 1);
        }
    }
}
