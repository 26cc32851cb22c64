//! Which authority a request is for. One reading or a refusal: two Host fields, none,
//! user information, or a target that names another host than the Host field.
//! Not here: which realm answers for it (`policy`).

use http::header::HOST;
use http::request::Parts;
use std::borrow::Cow;

/// Why the authority was refused, as the trace's `check`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthorityError(pub &'static str);

/// The request's authority as names are compared (RFC 9112 §3.2, RFC 9113 §8.3.1,
/// [`folded`]), the port as written.
///
/// # Errors
/// [`AuthorityError`] when it is missing, doubled, malformed or contradictory.
pub fn read(parts: &Parts) -> Result<Cow<'_, str>, AuthorityError> {
    let mut fields = parts.headers.get_all(HOST).iter();
    let field = match (fields.next(), fields.next()) {
        (_, Some(_)) => return Err(AuthorityError("host_doubled")),
        (Some(value), None) => Some(
            value
                .to_str()
                .map_err(|_| AuthorityError("host_malformed"))?,
        ),
        (None, None) => None,
    };
    let target = parts.uri.authority().map(http::uri::Authority::as_str);
    let text = match (target, field) {
        (Some(target), Some(field)) if folded(target) != folded(field) => {
            return Err(AuthorityError("host_contradicts_target"));
        }
        (_, Some(text)) | (Some(text), None) => text,
        (None, None) => return Err(AuthorityError("host_missing")),
    };
    check(text)?;
    Ok(folded(text))
}

/// An authority as names are compared: in lower case, without the one dot that ends a
/// fully qualified name (RFC 1034 §3.1).
#[must_use]
pub fn folded(authority: &str) -> Cow<'_, str> {
    let host = host_of(authority);
    let port = authority.get(host.len()..).unwrap_or_default();
    let named = host
        .strip_suffix('.')
        .filter(|name| !name.is_empty() && !name.ends_with('.'));
    let lower = !authority.bytes().any(|byte| byte.is_ascii_uppercase());
    match named {
        None if lower => Cow::Borrowed(authority),
        named => Cow::Owned(format!("{}{port}", named.unwrap_or(host)).to_ascii_lowercase()),
    }
}

/// The host without its port.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        // An IPv6 literal ends with its bracket (RFC 3986 §3.2.2).
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

/// Refuses what is no host, with or without a port.
///
/// # Errors
/// [`AuthorityError`] `host_malformed`.
pub(crate) fn check(text: &str) -> Result<(), AuthorityError> {
    let host = host_of(text);
    let port = text.get(host.len()..).unwrap_or_default();
    let name = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let literal = host.starts_with('[')
        && host.ends_with(']')
        && host
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'[' | b']'));
    let port_ok = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        });
    if host.is_empty() || host.len() > 255 || !(name || literal) || !port_ok {
        return Err(AuthorityError("host_malformed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(target: &str, hosts: &[&str]) -> Parts {
        let mut builder = Request::builder().uri(target);
        for host in hosts {
            builder = builder.header(HOST, *host);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn g11_one_authority_or_a_refusal() {
        for (target, hosts, check) in [
            ("/", &[][..], "host_missing"),
            ("/", &["a", "a"][..], "host_doubled"),
            ("/", &["user@a"][..], "host_malformed"),
            ("/", &["a, b"][..], "host_malformed"),
            ("/", &[""][..], "host_malformed"),
            ("/", &["a:"][..], "host_malformed"),
            ("/", &["a:1:2"][..], "host_malformed"),
            ("/", &["a:65536"][..], "host_malformed"),
            ("/", &["a/b"][..], "host_malformed"),
            ("http://a/", &["b"][..], "host_contradicts_target"),
            ("http://u@a/", &[][..], "host_malformed"),
        ] {
            assert_eq!(
                read(&parts(target, hosts)),
                Err(AuthorityError(check)),
                "{target} {hosts:?}"
            );
        }
    }

    #[test]
    fn the_host_is_folded_and_the_port_kept() {
        assert_eq!(
            read(&parts("/", &["A.Example:8080"])).as_deref(),
            Ok("a.example:8080")
        );
        assert_eq!(read(&parts("http://a/", &["A"])).as_deref(), Ok("a"));
        assert_eq!(read(&parts("/", &["[::1]:80"])).as_deref(), Ok("[::1]:80"));
        assert_eq!(host_of("[::1]"), "[::1]");
        assert_eq!(host_of("[::1]:80"), "[::1]");
        assert_eq!(host_of("a:80"), "a");
    }
}
