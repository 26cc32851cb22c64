//! Schemes that sign a connection in instead of a request (RFC 4559 §4): whoever uses the
//! connection next is taken for the same caller. Our connections to upstreams are shared.

use http::header::{PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

/// Their names.
const OF_CONNECTIONS: [&str; 2] = ["negotiate", "ntlm"];

/// Whether credentials, or one of several challenges, are of such a scheme.
pub(crate) fn binds_connection(value: &HeaderValue) -> bool {
    let mut pieces = value.as_bytes().split(|&byte| byte == b',');
    pieces.any(|piece| {
        let is_end = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'-';
        let scheme = piece.trim_ascii_start().split(is_end).next();
        let is = |name: &&str| scheme.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()));
        OF_CONNECTIONS.iter().any(is)
    })
}

/// Whether an answer begins such a sign-in, or goes on with one.
pub(crate) fn begins_on_connection(answer: &HeaderMap) -> bool {
    [WWW_AUTHENTICATE, PROXY_AUTHENTICATE]
        .iter()
        .any(|name| answer.get_all(name).iter().any(binds_connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_known_in_any_place_and_case() {
        for (text, bound) in [
            ("NTLM", true),
            ("ntlm TlRMTVNTUAAB", true),
            ("Negotiate\tYIIZ", true),
            (" NEGOTIATE", true),
            ("Basic realm=\"a\", Negotiate", true),
            ("Basic bnRsbTpudGxt", false),
            ("Negotiated x", false),
            ("Bearer NTLM", false),
            ("Negotiate-Other x", false),
        ] {
            let value = HeaderValue::from_static(text);
            assert_eq!(binds_connection(&value), bound, "{text}");
        }
    }
}
