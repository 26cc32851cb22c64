//! The body form of PostgREST: `{"code", "message", "details", "hint"}`, with its codes
//! where it has one for what happened. Not here: the data API.

use doorward_base::ErrorCode as E;
use doorward_surface::form::{Row, json};
use doorward_surface::{Body, Form, Refusal, RequestFacts};
use http::Response;
use serde_json::json;

/// The form of PostgREST's clients.
#[derive(Clone, Copy, Debug)]
pub struct PostgRestForm;

fn row(code: E) -> Row {
    let status = code.status();
    match code {
        E::InvalidRequest | E::PathAmbiguous => Row::plain(status, "PGRST100"),
        E::BodyMalformed => Row::plain(status, "PGRST102"),
        E::MethodNotAllowed => Row::plain(status, "PGRST117"),
        E::CredentialMissing => Row::new(401, "PGRST302", "Anonymous access is disabled"),
        E::TokenExpired => Row::new(401, "PGRST303", "JWT expired"),
        E::RouteUnknown | E::NotFound => Row::plain(status, "PGRST125"),
        E::StoreUnavailable => Row::plain(status, "PGRST001"),
        _ => match status {
            401 => Row::plain(status, "PGRST301"),
            403 => Row::plain(status, "42501"),
            // It has no code for these.
            _ => Row::plain(status, code.as_str()),
        },
    }
}

impl Form for PostgRestForm {
    fn write(&self, refusal: &Refusal, _: &RequestFacts<'_>) -> Response<Body> {
        let row = row(refusal.code);
        let text = row.text(refusal);
        let body = json!({"code": row.code, "message": text, "details": null, "hint": null});
        json(row.status, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, written};

    #[test]
    fn what_postgrest_has_a_code_for_has_that_code() {
        for (code, status, answered) in [
            (E::CredentialMissing, 401, "PGRST302"),
            (E::TokenInvalid, 401, "PGRST301"),
            (E::TokenExpired, 401, "PGRST303"),
            (E::InsufficientScope, 403, "42501"),
            (E::MethodNotAllowed, 405, "PGRST117"),
            (E::RateLimited, 429, "rate_limited"),
        ] {
            let response = written(&PostgRestForm, &Refusal::new(code), None);
            assert_eq!(response.status(), status);
            let body = read(response);
            assert_eq!(body["code"], answered, "{code}");
            let names: Vec<&String> = body.as_object().unwrap().keys().collect();
            assert_eq!(names, ["code", "details", "hint", "message"]);
        }
    }
}
