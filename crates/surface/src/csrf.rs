//! Requests that another site made a browser send. A request that changes something and
//! is authenticated by a cookie passes when the browser itself says that it comes from
//! this origin (`Sec-Fetch-Site: same-origin`), or when it has the token of its session;
//! what the browser says comes from elsewhere passes with nothing.
//!
//! The token is a keyed digest of the session, so that there is nothing to store and
//! nobody can plant one. Not here: the key and the digest, which the caller has.

use crate::Refusal;
use doorward_base::ErrorCode;
use http::{HeaderMap, Method};
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;

/// What protects the pages of one origin.
pub struct CsrfGuard<'g> {
    /// A keyed digest, of a key or label that is used for nothing else.
    pub mac: &'g dyn Fn(&[u8]) -> [u8; 32],
    /// The origin of the pages, for example `https://app.example.com`.
    pub origin: &'g str,
}

impl std::fmt::Debug for CsrfGuard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsrfGuard")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl CsrfGuard<'_> {
    /// The token for the forms of a session (or of what comes before one: any secret
    /// that is in a cookie of this browser).
    #[must_use]
    pub fn token(&self, session: &[u8]) -> String {
        let digest = (self.mac)(session);
        digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Lets a request of this session through.
    ///
    /// # Errors
    /// `request_forged`.
    pub fn check(
        &self,
        method: &Method,
        headers: &HeaderMap,
        session: &[u8],
        given: Option<&str>,
    ) -> Result<(), Refusal> {
        let proven = || {
            let expected = self.token(session);
            given.is_some_and(|given| given.as_bytes().ct_eq(expected.as_bytes()).into())
        };
        let passes = method.is_safe()
            || match self.sender(headers) {
                Sender::Own => true,
                Sender::Unknown => proven(),
                Sender::Foreign => false,
            };
        if passes {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::RequestForged))
    }

    fn sender(&self, headers: &HeaderMap) -> Sender {
        let own_origin = match one(headers, "origin") {
            Named::No => true,
            Named::Once(origin) => origin == self.origin.as_bytes(),
            Named::Badly => false,
        };
        match (own_origin, one(headers, "sec-fetch-site")) {
            (true, Named::Once(b"same-origin")) => Sender::Own,
            // `none` is a person's own doing, which a form is not.
            (true, Named::No | Named::Once(b"none")) => Sender::Unknown,
            _ => Sender::Foreign,
        }
    }
}

/// Who sent a request, as the browser says.
enum Sender {
    Own,
    Unknown,
    Foreign,
}

/// A header that may be there once.
enum Named<'h> {
    No,
    Once(&'h [u8]),
    Badly,
}

fn one<'h>(headers: &'h HeaderMap, name: &'static str) -> Named<'h> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Named::No,
        (Some(value), None) => Named::Once(value.as_bytes()),
        (Some(_), Some(_)) => Named::Badly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::ORIGIN;

    const ORIGIN_OURS: &str = "https://a.example";

    /// No digest, but different for every session.
    fn mac(session: &[u8]) -> [u8; 32] {
        let mut out = [7; 32];
        for (to, from) in out.iter_mut().zip(session) {
            *to ^= from;
        }
        out
    }

    fn guard() -> CsrfGuard<'static> {
        CsrfGuard {
            mac: &mac,
            origin: ORIGIN_OURS,
        }
    }

    fn passes(method: &Method, site: &[&str], origin: &[&str], given: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for value in site {
            headers.append("sec-fetch-site", value.parse().unwrap());
        }
        for value in origin {
            headers.append(ORIGIN, value.parse().unwrap());
        }
        let checked = guard().check(method, &headers, b"session", given);
        let refused = |refusal: &Refusal| refusal.code == ErrorCode::RequestForged;
        assert!(checked.as_ref().err().is_none_or(refused));
        checked.is_ok()
    }

    #[test]
    fn every_method_site_origin_and_token() {
        let good = guard().token(b"session");
        let other = guard().token(b"other");
        let tokens = [Some(good.as_str()), Some(other.as_str()), Some(""), None];
        let origins: [&[&str]; 6] = [
            &[],
            &[ORIGIN_OURS],
            &["null"],
            &["https://b.example"],
            &["http://a.example"],
            &[ORIGIN_OURS, ORIGIN_OURS],
        ];
        let sites: [&[&str]; 7] = [
            &[],
            &["same-origin"],
            &["none"],
            &["same-site"],
            &["cross-site"],
            &["Same-Origin"],
            &["same-origin", "same-origin"],
        ];
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            for (site, origin) in sites.iter().zip(&origins) {
                assert!(passes(&method, site, origin, None), "{method} {site:?}");
            }
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for (s, site) in sites.iter().enumerate() {
                for (o, origin) in origins.iter().enumerate() {
                    for (t, token) in tokens.iter().enumerate() {
                        // Rows and columns by their place in the lists above.
                        let expected = matches!((s, o, t), (1, 0 | 1, _) | (0 | 2, 0 | 1, 0));
                        let passed = passes(&method, site, origin, *token);
                        assert_eq!(passed, expected, "{method} {site:?} {origin:?} {token:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_token_is_of_one_session_and_says_nothing_of_it() {
        let token = guard().token(b"session");
        assert_eq!(token.len(), 64);
        assert_ne!(token, guard().token(b"sessiom"));
        assert!(!passes(
            &Method::POST,
            &[],
            &[],
            Some(&token.to_uppercase())
        ));
    }
}
