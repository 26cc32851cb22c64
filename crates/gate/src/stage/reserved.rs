//! Header names that no client may set, in any spelling: an upstream takes them for
//! the gate's word. Not here: setting them (`proxy::headers`).

use crate::policy::compiled::Realm;
use http::HeaderMap;
use http::header::{CONNECTION, HeaderName};
use std::borrow::Cow;

/// Beginnings of reserved names, with `-` for any separator: what Doorward sets, what
/// other proxies and login products set, and what APIs call a caller by themselves.
const X_PREFIXES: &[&str] = &[
    "x-doorward",
    "xdoorward-",
    "x-hasura-",
    "x-forwarded",
    "x-original-",
    "x-rewrite-",
    "x-method-override",
    "x-http-method",
    // Who calls, as APIs name it.
    "x-account",
    "x-access-token",
    "x-actor",
    "x-admin",
    "x-auth-",
    "x-auth0-",
    "x-authenticated",
    "x-authorized",
    "x-anonymous-consumer",
    "x-api-user",
    "x-caller",
    "x-claim",
    "x-company",
    "x-consumer",
    "x-credential",
    "x-current-user",
    "x-customer-id",
    "x-email",
    "x-entitlement",
    "x-group",
    "x-identity",
    "x-id-token",
    "x-impersonat",
    "x-internal-user",
    "x-is-admin",
    "x-is-internal",
    "x-jwt",
    "x-logged-in",
    "x-login",
    "x-oidc-",
    "x-on-behalf-of",
    "x-org",
    "x-owner",
    "x-permission",
    "x-principal",
    "x-proxy-",
    "x-real-",
    "x-remote-",
    "x-role",
    "x-scope",
    "x-service-roles",
    "x-sub",
    "x-superuser",
    "x-tenant",
    "x-uid",
    "x-user",
    "x-verified",
    "x-webauth-",
    "x-workspace-id",
    // What terminators of TLS tell of a client's certificate.
    "x-arr-clientcert",
    "x-cert",
    "x-client-cert",
    "x-client-dn",
    "x-client-i-",
    "x-client-id",
    "x-client-s-",
    "x-client-verify",
    "x-dn",
    "x-spiffe-",
    "x-ssl-",
    "x-tls-",
    // What products in front tell.
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-amzn-request-context",
    "x-apigateway-api-userinfo",
    "x-apigee-user",
    "x-appengine-",
    "x-authelia-",
    "x-authentik-",
    "x-cognito-",
    "x-endpoint-api-userinfo",
    "x-envoy-",
    "x-gitlab-user",
    "x-goog-",
    "x-grafana-user",
    "x-kong-consumer",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-nf-client",
    "x-nhost-user",
    "x-pomerium-",
    "x-sucuri-",
    "x-supabase-user",
    "x-vercel-forwarded",
    "x-vouch-",
];

/// The same of names that do not begin with `x-`.
const PREFIXES: &[&str] = &[
    "auth-user",
    "authenticated-user",
    "cdn-real-",
    "cf-access-",
    "cf-pseudo-",
    "client-cert",
    "dapr-caller-",
    "do-connecting-",
    "forwarded",
    "http-client-",
    "http-x-",
    "impersonate-",
    "incap-client-",
    "iv-groups",
    "iv-user",
    "keycloak-groups",
    "kubeflow-userid",
    "l5d-client-",
    "mellon-",
    "ms-client-",
    "oam-remote-user",
    "oidc-",
    "proxy-client-",
    "remote-",
    "shib-",
    "sm-universalid",
    "sm-user",
    "ssl-client-",
    "tailscale-",
    "teleport-jwt-assertion",
    "tls-client-",
    "wl-proxy-client-",
];

/// Reserved names.
const NAMES: &[&str] = &[
    "client-ip",
    "eppn",
    "front-end-https",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "fly-client-ip",
    "true-client-ip",
    "x-auth",
    "x-authorization",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-mail",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-request-id",
    "x-scheme",
    "x-true-client-ip",
    "x-url-scheme",
    "proxy",
    "proxy-authorization",
    "proxy-connection",
];

/// Fields between two hops (RFC 9110 §7.6.1), which never go further.
pub(crate) const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Whether a client may not set this header. Names are lower case already. A name
/// with an underscore is refused whole: servers behind CGI conventions read it as a
/// hyphen.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.contains('_') || is_listed(&fold(name))
}

/// The name as servers behind CGI conventions tell names apart: lower case, and `-`
/// for all that is neither letter nor digit.
pub(crate) fn fold(name: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    name.chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '-',
        })
        .collect()
}

fn is_listed(name: &str) -> bool {
    let begins = |list: &[&str]| list.iter().any(|prefix| name.starts_with(prefix));
    // Nearly all common names are told apart by their first letter.
    match name.as_bytes().first() {
        Some(b'x') => begins(X_PREFIXES) || NAMES.contains(&name),
        Some(
            b'a' | b'c' | b'd' | b'e' | b'f' | b'h' | b'i' | b'k' | b'l' | b'm' | b'o' | b'p'
            | b'r' | b's' | b't' | b'w',
        ) => begins(PREFIXES) || NAMES.contains(&name),
        _ => false,
    }
}

/// Whether a realm may let clients send this header although it is reserved: what the gate
/// itself sets, or reads of proxies, no client says.
#[must_use]
pub fn may_pass(name: &HeaderName) -> bool {
    const OWN: &[&str] = &[
        "x-doorward",
        "xdoorward-",
        "x-forwarded-",
        "x-request-id",
        "forwarded",
        "proxy",
    ];
    let name = fold(name.as_str());
    !OWN.iter().any(|own| name.starts_with(own)) && !HOP_BY_HOP.contains(&&*name)
}

/// Removes what no client may set, before the gate adds anything of its own: reserved
/// names, the realm's own names in every spelling, and every name that `Connection`
/// lists. Of a header that carries a credential, the configured spelling stays.
pub(crate) fn strip(headers: &mut HeaderMap, realm: &Realm) {
    let mut doomed: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for name in value.as_bytes().split(|&byte| byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                // The framing and the upgrade are read from their own fields later. Those two
                // of the framing are no options of a connection (RFC 9110 §7.6.1).
                if !matches!(
                    name.as_str(),
                    "upgrade"
                        | "close"
                        | "keep-alive"
                        | "host"
                        | "authorization"
                        | "content-length"
                        | "transfer-encoding"
                ) {
                    doomed.push(name);
                }
            }
        }
    }
    for name in headers.keys() {
        // Credentials are read later, and taken out before anything is forwarded.
        let credential = realm.credential_headers.contains(name);
        let listed = is_reserved(name.as_str()) && !realm.identity.pass.contains(name);
        let reserved = listed || realm.own_headers.contains(&*fold(name.as_str()));
        if reserved && !credential {
            doomed.push(name.clone());
        }
    }
    for name in doomed {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g1_g2_g7_g32_every_spelling_is_reserved() {
        for name in [
            "x-user-id",
            "x-tenant",
            "x-tenant-id",
            "x-roles",
            "x-doorward-subject",
            "x-hasura-role",
            "x.hasura.role",
            "x-hasura.role",
            "x~hasura~role",
            "x_user_id",
            "x-user_id",
            "x.user.id",
            "x-forwarded-for",
            "x-forwarded-uri",
            "x-forwarded-prefix",
            "x-original-url",
            "x-rewrite-url",
            "forwarded",
            "x-client-cert",
            "x-ssl-client-verify",
            "ssl-client-cert",
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x-request-id",
            "anything_at_all",
            "remote-user",
            "remote-groups",
            "remote-email",
            "remote-name",
            "x-goog-authenticated-user-email",
            "x-goog-iap-jwt-assertion",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
            "x-ms-token-aad-id-token",
            "x-amzn-oidc-identity",
            "x-amzn-oidc-data",
            "cf-access-authenticated-user-email",
            "cf-access-jwt-assertion",
            "tailscale-user-login",
            "x-pomerium-claim-email",
            "x-pomerium-jwt-assertion",
            "x-authentik-username",
            "x-email",
            "x-sub",
            "x-org",
            "x-company",
            "x-account",
            "x-admin",
            "x-impersonate-user",
            "impersonate-user",
            "oidc-claim-sub",
            "x-client-dn",
            "x-client-verify",
            "x-dn",
            "x-client-s-dn",
            "x-appengine-user-email",
            "x-spiffe-id",
            "x-scope-orgid",
            "x-anonymous-consumer",
            "x-vouch-user",
            "sm-user",
            "sm-universalid",
            "iv-user",
            "iv-groups",
            "oam-remote-user",
            "shib-session-id",
            "eppn",
            "mellon-name-id",
            "x-arr-clientcert",
            "x-cert",
            "wl-proxy-client-cert",
            "wl-proxy-client-ip",
            "x-cognito-",
            "x-endpoint-api-userinfo",
            "x-apigateway-api-userinfo",
            "kubeflow-userid",
            "x-apigee-user",
            "x-kong-consumer-id",
            "x-grafana-user",
            "auth-user",
            "authenticated-user",
            "x-proxy-",
            "x-real-",
            "x-api-user",
            "x-is-admin",
            "x-on-behalf-of",
            "x-service-roles",
            "x-true-client-ip",
            "x-originating-ip",
            "client-ip",
            "x-doorward",
            "x-doorwardsubject",
            "xdoorward-subject",
            "teleport-jwt-assertion",
            "x-gitlab-user",
            "x-gitlab-user-id",
            "x-sucuri-",
            "x-supabase-user",
            "x-vercel-forwarded",
            "x-nhost-user-id",
            "keycloak-groups",
            "x-mail",
            "x-authorization",
            "x-auth",
            "x-access-token",
            "x-id-token",
            "x-internal-user",
            "x-is-internal",
            "x-superuser",
            "x-scheme",
            "x-url-scheme",
            "front-end-https",
            "x-proxyuser-ip",
            "x-azure-socketip",
            "x-host",
        ] {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn folding_leaves_one_spelling() {
        for (name, folded) in [
            ("company-id", "company-id"),
            ("Company.Id", "company-id"),
            ("company~id", "company-id"),
            ("company_id", "company-id"),
            ("companyid", "companyid"),
            ("company-id.", "company-id-"),
        ] {
            assert_eq!(fold(name), folded, "{name}");
        }
    }

    #[test]
    fn what_the_gate_itself_says_no_client_ever_may() {
        let may = |name: &str| may_pass(&HeaderName::from_bytes(name.as_bytes()).unwrap());
        for name in [
            "x-doorward-subject",
            "x.doorward.subject",
            "x-doorward",
            "xdoorward-subject",
            "x-forwarded-for",
            "forwarded",
            "x-request-id",
            "proxy-authorization",
            "connection",
        ] {
            assert!(!may(name), "{name}");
        }
        assert!(may("x-goog-api-client") && may("x-account"));
    }

    #[test]
    fn common_headers_are_not() {
        for name in [
            "accept",
            "authorization",
            "content-type",
            "cookie",
            "x-requested-with",
            "x-api-key",
            "x-csrf-token",
            "prefer",
            "range",
            "traceparent",
            "sec-websocket-key",
            "x-client-info",
            "x-amz-date",
            "x-amzn-trace-id",
            "x-ms-version",
            "x-b3-traceid",
            "x-correlation-id",
            "x-upsert",
            "x-mailer",
            "x-hostname-override",
            "range-unit",
            "origin",
            "content-profile",
            "if-match",
            "tus-resumable",
            // Words that an API may own.
            "user-id",
            "user",
            "role",
            "tenant",
            "account",
            "if-none-match",
            "accept-encoding",
            "expect",
            "user-agent",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
