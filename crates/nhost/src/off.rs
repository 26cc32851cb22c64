//! What the product has and this version does not: each feature answers as the product does
//! where it is turned off. In other forms it is `not_implemented`. Not here: the form that
//! writes it (`auth`).

use crate::openapi::Methods;
use axum::routing::MethodFilter;
use doorward_base::ErrorCode as E;
use doorward_surface::Refusal;
use doorward_surface::form::Row;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};

/// A feature that is off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Off {
    /// Whatever has a switch of its own.
    Feature,
    /// Tickets that were mailed: there are none.
    Ticket,
    /// Answers of logins elsewhere, which nobody was sent to.
    Callback,
    /// Becoming somebody who was nobody: there are no anonymous users.
    Deanonymize,
}

impl Off {
    const ALL: [Self; 4] = [
        Self::Feature,
        Self::Ticket,
        Self::Callback,
        Self::Deanonymize,
    ];

    const fn reason(self) -> &'static str {
        match self {
            Self::Feature => "off_feature",
            Self::Ticket => "off_ticket",
            Self::Callback => "off_callback",
            Self::Deanonymize => "off_deanonymize",
        }
    }

    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Feature => (409, "disabled-endpoint", "This endpoint is disabled"),
            Self::Ticket => (401, "invalid-ticket", "Invalid ticket"),
            Self::Callback => (400, "invalid-state", "Invalid state"),
            Self::Deanonymize => (400, "user-not-anonymous", "Logged in user is not anonymous"),
        }
    }

    /// Its refusal.
    pub(crate) fn refusal(self) -> Refusal {
        let (_, _, text) = self.row();
        Refusal::new(E::NotImplemented)
            .because(Some(self.reason()))
            .with_message(text)
    }

    /// What the product answers for a reason, if it is one of these.
    pub(crate) fn answer(reason: &str) -> Option<Row> {
        let off = Self::ALL.into_iter().find(|off| off.reason() == reason)?;
        let (status, code, text) = off.row();
        Some(Row::new(status, code, text))
    }
}

/// What a path of the product's answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Elsewhere {
    /// The feature is off.
    Feature(Off),
    /// Likewise, for who presents something; else it is missed.
    ForUsers(Off),
    /// The product has no such path either.
    Unknown,
}

fn look_up(method: &Method, path: &str) -> Elsewhere {
    use Elsewhere::{Feature, ForUsers, Unknown};
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_get = method == Method::GET;
    match (is_get, segments.as_slice()) {
        (false, ["signin", "otp", "email", "verify"]) | (true, ["verify"]) => Feature(Off::Ticket),
        (_, ["signin", "provider", _, "callback"]) => Feature(Off::Callback),
        (true, ["signin" | "signup", "provider", _])
        | (
            false,
            ["signin" | "signup", "passwordless", "email" | "sms"]
            | ["signin" | "signup", "otp", "email"]
            | ["signin" | "signup", "idtoken" | "webauthn"]
            | ["signin" | "signup", "webauthn", "verify"]
            | ["signin", "passwordless", "sms", "otp"]
            | ["signin", "anonymous"]
            | ["signin", "mfa", "totp"]
            | ["user", "email", "send-verification-email"]
            | ["user", "password", "reset"]
            | ["token", "exchange"]
            | ["token", "provider", _],
        )
        | (_, ["oauth2", _, ..]) => Feature(Off::Feature),
        (true, ["mfa", "totp", "generate"] | ["signin", "provider", _, "callback", "tokens"])
        | (
            false,
            ["link", "idtoken"]
            | ["user", "mfa"]
            | ["user", "webauthn", "add" | "verify"]
            | ["user", "email" | "phone-number", "change"]
            | ["user", "phone-number", "change", "verify"],
        )
        | (_, ["elevate", ..]) => ForUsers(Off::Feature),
        (false, ["user", "deanonymize"]) => ForUsers(Off::Deanonymize),
        _ => Unknown,
    }
}

/// What answers for all of them, whatever the method.
pub(crate) fn methods() -> Methods {
    let every = [
        MethodFilter::GET,
        MethodFilter::POST,
        MethodFilter::PUT,
        MethodFilter::PATCH,
        MethodFilter::DELETE,
    ];
    let one = |methods: Methods, method| methods.on(method, refuse_feature);
    every.into_iter().fold(Methods::new(), one)
}

/// Refuses what is not here.
async fn refuse_feature(method: Method, uri: Uri, headers: HeaderMap) -> Refusal {
    match look_up(&method, uri.path()) {
        Elsewhere::ForUsers(_) if !headers.contains_key(AUTHORIZATION) => {
            Refusal::new(E::CredentialMissing)
        }
        Elsewhere::Feature(off) | Elsewhere::ForUsers(off) => off.refusal(),
        Elsewhere::Unknown => Refusal::new(E::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_of_the_product_is_known() {
        use Elsewhere::{Feature, ForUsers, Unknown};
        for (method, path, expected) in [
            ("POST", "/signin/passwordless/email", Feature(Off::Feature)),
            ("POST", "/signin/otp/email", Feature(Off::Feature)),
            ("POST", "/signin/otp/email/verify", Feature(Off::Ticket)),
            ("POST", "/signin/passwordless/sms", Feature(Off::Feature)),
            (
                "POST",
                "/signin/passwordless/sms/otp",
                Feature(Off::Feature),
            ),
            ("POST", "/signin/anonymous", Feature(Off::Feature)),
            ("GET", "/signin/provider/github", Feature(Off::Feature)),
            (
                "GET",
                "/signin/provider/github/callback",
                Feature(Off::Callback),
            ),
            (
                "POST",
                "/signin/provider/apple/callback",
                Feature(Off::Callback),
            ),
            (
                "GET",
                "/signin/provider/github/callback/tokens",
                ForUsers(Off::Feature),
            ),
            ("POST", "/signin/idtoken", Feature(Off::Feature)),
            ("POST", "/link/idtoken", ForUsers(Off::Feature)),
            ("POST", "/signin/mfa/totp", Feature(Off::Feature)),
            ("GET", "/mfa/totp/generate", ForUsers(Off::Feature)),
            ("POST", "/user/mfa", ForUsers(Off::Feature)),
            ("POST", "/signup/webauthn", Feature(Off::Feature)),
            ("POST", "/signup/webauthn/verify", Feature(Off::Feature)),
            ("POST", "/signin/webauthn", Feature(Off::Feature)),
            ("POST", "/signin/webauthn/verify", Feature(Off::Feature)),
            ("POST", "/user/webauthn/add", ForUsers(Off::Feature)),
            ("POST", "/user/webauthn/verify", ForUsers(Off::Feature)),
            ("POST", "/elevate/webauthn", ForUsers(Off::Feature)),
            ("POST", "/elevate/webauthn/verify", ForUsers(Off::Feature)),
            ("POST", "/user/deanonymize", ForUsers(Off::Deanonymize)),
            ("POST", "/user/email/change", ForUsers(Off::Feature)),
            (
                "POST",
                "/user/email/send-verification-email",
                Feature(Off::Feature),
            ),
            ("POST", "/user/password/reset", Feature(Off::Feature)),
            ("GET", "/verify", Feature(Off::Ticket)),
            ("POST", "/signup/passwordless/email", Feature(Off::Feature)),
            ("POST", "/signup/otp/email", Feature(Off::Feature)),
            ("POST", "/signup/passwordless/sms", Feature(Off::Feature)),
            ("POST", "/signup/idtoken", Feature(Off::Feature)),
            ("GET", "/signup/provider/github", Feature(Off::Feature)),
            ("POST", "/token/exchange", Feature(Off::Feature)),
            ("POST", "/token/provider/github", Feature(Off::Feature)),
            ("GET", "/oauth2/authorize", Feature(Off::Feature)),
            ("POST", "/oauth2/token", Feature(Off::Feature)),
            ("POST", "/signin/nothing", Unknown),
            ("GET", "/signin/anonymous", Unknown),
            ("GET", "/user/nothing", Unknown),
        ] {
            let method: Method = method.parse().unwrap();
            assert_eq!(look_up(&method, path), expected, "{path}");
            let prefixed = format!("/v1{path}");
            assert_eq!(look_up(&method, &prefixed), expected, "{prefixed}");
        }
    }

    #[test]
    fn each_has_a_reason_of_its_own() {
        for off in Off::ALL {
            let row = Off::answer(off.reason()).unwrap();
            assert_eq!((row.status, row.code), (off.row().0, off.row().1));
        }
        assert_eq!(Off::answer("credentials"), None);
    }
}
