//! What the product has and this version does not: each feature answers as the product does
//! where it is turned off. In other forms it is `not_implemented`. Where accounts are off
//! altogether there is one answer for all paths. Not here: the form that
//! writes it (`gotrue`).

use crate::openapi::Methods;
use crate::parts::SupabaseRealm;
use axum::routing::MethodFilter;
use doorward_base::ErrorCode as E;
use doorward_surface::Refusal;
use doorward_surface::extract::RealmPart;
use doorward_surface::form::Row;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use std::sync::Arc;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $code:literal, $text:literal;)*) => {
        /// A feature that is off.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Off { $($(#[$doc])* $variant,)* }

        impl Off {
            /// Every one.
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason that its refusals carry.
            const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            const fn row(self) -> (u16, &'static str, &'static str) {
                match self { $(Self::$variant => ($status, $code, $text),)* }
            }
        }
    };
}

features! {
    /// Users without an address.
    Anonymous = "off_anonymous", 422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled";
    /// Telephone numbers.
    Phone = "off_phone", 400, "phone_provider_disabled", "Phone logins are disabled";
    /// Mail that somebody asks for.
    Mail = "off_mail", 422, "email_provider_disabled", "Email logins are disabled";
    /// Codes and magic links.
    Otp = "off_otp", 422, "otp_disabled", "Signups not allowed for otp";
    /// Links and codes that were sent: there are none.
    Verify = "off_verify", 403, "otp_expired", "Token has expired or is invalid";
    /// Logins elsewhere.
    Provider = "off_provider", 400, "validation_failed", "Unsupported provider: provider is not enabled";
    /// Their answers.
    Callback = "off_callback", 400, "bad_oauth_state", "OAuth state parameter missing";
    /// ID tokens of logins elsewhere.
    IdToken = "off_id_token", 400, "provider_disabled", "Provider is not enabled";
    /// Authorization codes of logins elsewhere: there are none.
    Pkce = "off_pkce", 404, "flow_state_not_found", "invalid flow state, no valid flow state found";
    /// Wallets.
    Web3 = "off_web3", 422, "web3_provider_disabled", "Web3 provider is disabled";
    /// SAML.
    Saml = "off_saml", 404, "saml_provider_disabled", "SAML 2.0 is disabled";
    /// Identities at other logins.
    Linking = "off_linking", 404, "manual_linking_disabled", "Manual linking is disabled";
    /// The product's OAuth server.
    OAuthServer = "off_oauth_server", 404, "feature_disabled", "OAuth server is disabled";
    /// Second factors.
    Factor = "off_factor", 422, "mfa_totp_enroll_not_enabled", "MFA enroll is disabled for TOTP";
    /// Proofs by them.
    FactorVerify = "off_factor_verify", 422, "mfa_totp_verify_not_enabled", "MFA verification is disabled for TOTP";
    /// Passkeys.
    Passkey = "off_passkey", 404, "passkey_disabled", "Passkey is disabled";
    /// Another address or number for an account.
    Address = "off_address", 422, "email_provider_disabled", "Changing the address is not available here";
}

impl Off {
    /// Its refusal.
    pub(crate) fn refusal(self) -> Refusal {
        let (_, _, text) = self.row();
        Refusal::new(E::NotImplemented)
            .because(Some(self.reason()))
            .with_message(text)
    }

    /// What the product answers for a reason, if it is one of these.
    pub(crate) fn answer(reason: &str) -> Option<Row> {
        let mut all = Self::ALL.iter();
        let (status, code, text) = all.find(|off| off.reason() == reason)?.row();
        Some(Row::new(status, code, text))
    }
}

/// What a path of the product's, below the mount, answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Elsewhere {
    /// The feature is off.
    Feature(Off),
    /// Likewise, for who presents something; else it is missed.
    ForUsers(Off),
    /// For administrators, of whom there are none here.
    ForAdmins,
    /// The product has no such path either.
    Unknown,
}

fn look_up(method: &Method, path: &str) -> Elsewhere {
    use Elsewhere::{Feature, ForAdmins, ForUsers, Unknown};
    let mut segments = path.split('/').skip(1);
    let first = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    match (first, rest.as_slice()) {
        ("recover" | "resend", []) => Feature(Off::Mail),
        ("otp" | "magiclink", []) => Feature(Off::Otp),
        ("verify", []) => Feature(Off::Verify),
        ("authorize", []) => Feature(Off::Provider),
        ("callback", []) => Feature(Off::Callback),
        ("sso", _) => Feature(Off::Saml),
        ("oauth", _) => Feature(Off::OAuthServer),
        ("passkeys", ["authentication", ..]) => Feature(Off::Passkey),
        ("passkeys", _) => ForUsers(Off::Passkey),
        ("reauthenticate", []) => ForUsers(Off::Mail),
        ("user", ["identities", ..]) => ForUsers(Off::Linking),
        ("user", ["oauth", ..]) => ForUsers(Off::OAuthServer),
        ("factors", [_, "challenge" | "verify"]) => ForUsers(Off::FactorVerify),
        ("factors", _) => ForUsers(Off::Factor),
        ("admin" | "scim", [_, ..]) => ForAdmins,
        ("invite", []) if method == Method::POST => ForAdmins,
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
async fn refuse_feature(
    RealmPart(own): RealmPart<Arc<SupabaseRealm>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Refusal {
    if !own.mount.enabled {
        return Refusal::new(E::AuthNotEnabled);
    }
    let below = uri.path().strip_prefix(&own.mount.path).unwrap_or_default();
    let is_presented = headers.contains_key(AUTHORIZATION);
    match look_up(&method, below) {
        Elsewhere::ForUsers(_) | Elsewhere::ForAdmins if !is_presented => {
            Refusal::new(E::CredentialMissing)
        }
        Elsewhere::Feature(off) | Elsewhere::ForUsers(off) => off.refusal(),
        Elsewhere::ForAdmins => {
            Refusal::new(E::InsufficientPermission).with_message("User not allowed")
        }
        Elsewhere::Unknown => Refusal::new(E::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_of_the_product_is_known() {
        use Elsewhere::{Feature, ForAdmins, ForUsers, Unknown};
        for (method, path, expected) in [
            ("POST", "/recover", Feature(Off::Mail)),
            ("POST", "/resend", Feature(Off::Mail)),
            ("POST", "/otp", Feature(Off::Otp)),
            ("POST", "/magiclink", Feature(Off::Otp)),
            ("GET", "/verify", Feature(Off::Verify)),
            ("POST", "/verify", Feature(Off::Verify)),
            ("GET", "/authorize", Feature(Off::Provider)),
            ("GET", "/callback", Feature(Off::Callback)),
            ("POST", "/sso", Feature(Off::Saml)),
            ("POST", "/sso/saml/acs", Feature(Off::Saml)),
            ("GET", "/sso/saml/metadata", Feature(Off::Saml)),
            ("GET", "/oauth/authorize", Feature(Off::OAuthServer)),
            ("POST", "/oauth/token", Feature(Off::OAuthServer)),
            (
                "POST",
                "/passkeys/authentication/options",
                Feature(Off::Passkey),
            ),
            ("GET", "/passkeys", ForUsers(Off::Passkey)),
            ("GET", "/reauthenticate", ForUsers(Off::Mail)),
            ("GET", "/user/identities/authorize", ForUsers(Off::Linking)),
            ("DELETE", "/user/identities/1", ForUsers(Off::Linking)),
            ("GET", "/user/oauth/grants", ForUsers(Off::OAuthServer)),
            ("POST", "/factors", ForUsers(Off::Factor)),
            ("DELETE", "/factors/1", ForUsers(Off::Factor)),
            ("POST", "/factors/1/verify", ForUsers(Off::FactorVerify)),
            ("POST", "/factors/1/challenge", ForUsers(Off::FactorVerify)),
            ("GET", "/admin/users", ForAdmins),
            ("DELETE", "/admin/users/1", ForAdmins),
            ("POST", "/admin/generate_link", ForAdmins),
            ("GET", "/scim/v2/Schemas", ForAdmins),
            ("POST", "/invite", ForAdmins),
            ("GET", "/", Unknown),
            ("GET", "", Unknown),
            ("GET", "/nothing", Unknown),
            ("POST", "/recover/x", Unknown),
        ] {
            assert_eq!(look_up(&method.parse().unwrap(), path), expected, "{path}");
        }
    }

    #[test]
    fn each_feature_has_a_reason_of_its_own() {
        for (at, off) in Off::ALL.iter().enumerate() {
            let first = Off::ALL.iter().position(|one| one.reason() == off.reason());
            assert_eq!(first, Some(at), "{off:?}");
            let row = Off::answer(off.reason()).unwrap();
            assert_eq!((row.status, row.code), (off.row().0, off.row().1));
        }
        assert_eq!(Off::answer("credentials"), None);
    }
}
