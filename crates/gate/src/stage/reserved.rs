//! Header names that no client may set, in any spelling: an upstream takes them for
//! the gate's word. Not here: setting them (`proxy::headers`).

use crate::policy::compiled::Realm;
use http::HeaderMap;
use http::header::{CONNECTION, HeaderName};
use std::borrow::Cow;

/// Beginnings of reserved names, with `-` for any separator.
const PREFIXES: &[&str] = &[
    "x-doorward-",
    "x-hasura-",
    "x-forwarded-",
    "x-original-",
    "x-rewrite-",
    "x-auth-",
    "x-authenticated-",
    "x-tenant",
    "x-user",
    "x-role",
    "x-subject",
    "x-scope",
    "x-permission",
    "x-group",
    "x-org-",
    "x-organization-",
    "x-company-",
    "x-account-",
    "x-remote-",
    "x-consumer-",
    "x-credential-",
    "x-jwt-",
    "x-envoy-",
    "x-client-cert",
    "x-ssl-",
    "x-tls-",
    "ssl-client-",
    "x-webauth-",
    "x-method-override",
    "x-http-method",
];

/// Reserved names.
const NAMES: &[&str] = &[
    "forwarded",
    "remote-user",
    "remote-addr",
    "client-cert",
    "client-cert-chain",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-request-id",
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
    // Nearly all common names are told apart by their first letter.
    match name.as_bytes().first() {
        Some(b'x' | b's') => {
            PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
        }
        Some(b'f' | b'r' | b'c' | b't' | b'p') => NAMES.contains(&name),
        _ => false,
    }
}

/// Removes what no client may set, before the gate adds anything of its own: reserved
/// names, the realm's own names in every spelling, and every name that `Connection`
/// lists. Of a header that carries a credential, the configured spelling stays.
pub(crate) fn strip(headers: &mut HeaderMap, realm: &Realm) {
    let mut doomed: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for name in value.as_bytes().split(|&byte| byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                // The framing and the upgrade are read from their own fields later.
                if !matches!(
                    name.as_str(),
                    "upgrade" | "close" | "keep-alive" | "host" | "authorization"
                ) {
                    doomed.push(name);
                }
            }
        }
    }
    for name in headers.keys() {
        // Credentials are read later, and taken out before anything is forwarded.
        let credential = realm.credential_headers.contains(name);
        let reserved =
            is_reserved(name.as_str()) || realm.own_headers.contains(&*fold(name.as_str()));
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
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
