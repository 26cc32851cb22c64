//! Redirects to checked targets alone: a path of this origin, or an address that the
//! caller's own list allows. A text from a request becomes a target only through
//! [`RedirectTarget::local`] or [`RedirectTarget::listed`], so none is open.
//! Not here: the lists, which are dialects' and clients' settings.

use crate::body::{self, Body};
use crate::pairs;
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};

/// The longest target, bytes.
pub const MAX_TARGET: usize = 4 * 1024;

/// An absolute address, taken apart once: what is compared is what is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    text: String,
    scheme_end: usize,
    authority_end: usize,
}

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedirectTarget(String);

/// The text is no target that a redirect may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address to redirect to")]
pub struct TargetError;

/// Characters that browsers and servers read alike (RFC 3986 §2, without the escape's
/// cousins `\` and space).
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`');
    text.len() <= MAX_TARGET && text.bytes().all(plain)
}

impl Destination {
    /// Parses `scheme://authority/…` of a web address, or an address of an app's own
    /// scheme (RFC 8252 §7.1). User information and fragments are refused.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let scheme_end = text.find(':').ok_or(TargetError)?;
        let (scheme, rest) = text.split_at_checked(scheme_end).ok_or(TargetError)?;
        let mut letters = scheme.bytes();
        let is_scheme = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_scheme || !is_plain(text) || text.contains('#') {
            return Err(TargetError);
        }
        let after = rest.strip_prefix("://");
        let authority = after.map(|after| after.split(['/', '?']).next().unwrap_or_default());
        let authority_end = scheme_end + authority.map_or(1, |authority| 3 + authority.len());
        let web = ["http", "https"]
            .iter()
            .any(|web| scheme.eq_ignore_ascii_case(web));
        let sound = match authority {
            Some(authority) => !(authority.contains('@') || web && authority.is_empty()),
            None => !web,
        };
        // Schemes that a browser runs or reads itself.
        let active = [
            "javascript",
            "data",
            "vbscript",
            "file",
            "blob",
            "about",
            "view-source",
        ];
        if !sound
            || active
                .iter()
                .any(|active| scheme.eq_ignore_ascii_case(active))
        {
            return Err(TargetError);
        }
        Ok(Self {
            text: text.to_owned(),
            scheme_end,
            authority_end,
        })
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme, as it was given.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.text.get(..self.scheme_end).unwrap_or_default()
    }

    /// Scheme and authority, as they were given.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.text.get(..self.authority_end).unwrap_or_default()
    }
}

impl RedirectTarget {
    /// A path of this origin, with its query: one slash at its beginning, so that it
    /// names no other host.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn local(path: &str) -> Result<Self, TargetError> {
        let rest = path.strip_prefix('/').ok_or(TargetError)?;
        if rest.starts_with('/') || !is_plain(path) || path.contains('#') {
            return Err(TargetError);
        }
        Ok(Self(path.to_owned()))
    }

    /// An address that `allows` says yes to.
    ///
    /// # Errors
    /// [`TargetError`] when it is no address, or not allowed.
    pub fn listed(
        text: &str,
        allows: impl FnOnce(&Destination) -> bool,
    ) -> Result<Self, TargetError> {
        let destination = Destination::parse(text)?;
        if !allows(&destination) {
            return Err(TargetError);
        }
        Ok(Self(destination.text))
    }

    /// With these pairs at the end of its query.
    #[must_use]
    pub fn with_query(mut self, pairs: &[(&str, &str)]) -> Self {
        let separator = match self.0.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        self.0.push_str(separator);
        self.0.push_str(&pairs::encode(pairs));
        self
    }

    /// With these pairs as its fragment, which does not leave the browser. It comes last.
    #[must_use]
    pub fn with_fragment(mut self, pairs: &[(&str, &str)]) -> RedirectEnd {
        self.0.push('#');
        self.0.push_str(&pairs::encode(pairs));
        RedirectEnd(self.0)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A target with its fragment: nothing more can be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedirectEnd(String);

impl From<RedirectTarget> for RedirectEnd {
    fn from(target: RedirectTarget) -> Self {
        Self(target.0)
    }
}

/// A redirect as an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    status: StatusCode,
    target: RedirectEnd,
}

impl Redirect {
    /// 303: the browser goes on with GET, whatever it sent (RFC 9110 §15.4.4).
    #[must_use]
    pub fn see_other(target: impl Into<RedirectEnd>) -> Self {
        Self {
            status: StatusCode::SEE_OTHER,
            target: target.into(),
        }
    }

    /// 302, where a dialect's clients expect that.
    #[must_use]
    pub fn found(target: impl Into<RedirectEnd>) -> Self {
        Self {
            status: StatusCode::FOUND,
            target: target.into(),
        }
    }

    /// The answer. It may carry a code or a token in its address: nobody keeps it, and
    /// the next page is not told where it came from.
    #[must_use]
    pub fn answer(&self) -> Response<Body> {
        let mut response = Response::new(body::empty());
        // The text was checked to be one.
        if let Ok(mut location) = HeaderValue::from_str(&self.target.0) {
            location.set_sensitive(true);
            *response.status_mut() = self.status;
            response.headers_mut().insert(LOCATION, location);
        } else {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Redirect {
    fn into_response(self) -> axum::response::Response {
        self.answer().map(axum::body::Body::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_target_names_no_other_host() {
        for good in ["/", "/a/b?c=d&e=%20", "/?next=https://b.example/"] {
            assert!(RedirectTarget::local(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "//b.example",
            "/\\b.example",
            "\\\\b.example",
            "/a\r\nX: y",
            "/a b",
            "/\t/b",
            "https://b.example",
            "javascript:alert(1)",
            "/a#b",
            "/\u{e9}",
            " /a",
        ] {
            assert_eq!(RedirectTarget::local(bad), Err(TargetError), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_taken_apart_in_one_way() {
        for (text, origin) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example:8443/x?y=//z@w", "https://a.example:8443"),
            ("http://[::1]:3000/cb", "http://[::1]:3000"),
            ("com.example.app:/oauth", "com.example.app:"),
            ("app://callback/x", "app://callback"),
        ] {
            assert_eq!(Destination::parse(text).unwrap().origin(), origin);
        }
        for bad in [
            "",
            "/a",
            "a.example",
            "https:",
            "https:a",
            "https:/a",
            "https://",
            "https:///a",
            "https://u@a.example",
            "https://a.example@b.example/",
            "https://a.example\\@b.example",
            "https://a.example#x",
            "https://a.example/\r\n",
            "https://a.example/ x",
            "1a://b",
            "javascript:alert(1)",
            "JavaScript://a/%0aalert(1)",
            "data:text/html,x",
            "blob:x",
        ] {
            assert_eq!(Destination::parse(bad), Err(TargetError), "{bad:?}");
        }
    }

    #[test]
    fn only_what_the_list_allows_is_a_target() {
        let allowed = |to: &Destination| to.as_str() == "https://a.example/cb";
        assert!(RedirectTarget::listed("https://a.example/cb", allowed).is_ok());
        for other in [
            "https://a.example/cb/",
            "https://a.example/cb?x",
            "https://b.example/cb",
        ] {
            assert_eq!(RedirectTarget::listed(other, allowed), Err(TargetError));
        }
    }

    #[test]
    fn pairs_are_added_to_the_query_and_the_fragment() {
        let target = |text: &str| RedirectTarget::listed(text, |_| true).unwrap();
        for (text, expected) in [
            ("https://a/cb", "https://a/cb?code=a%26b"),
            ("https://a/cb?x=1", "https://a/cb?x=1&code=a%26b"),
            ("https://a/cb?", "https://a/cb?code=a%26b"),
        ] {
            let with = target(text).with_query(&[("code", "a&b")]);
            assert_eq!(with.as_str(), expected);
        }
        let end = target("https://a/cb").with_fragment(&[("t", "x#y"), ("u", "")]);
        let answer = Redirect::see_other(end).answer();
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.headers()["location"], "https://a/cb#t=x%23y&u=");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let found = Redirect::found(RedirectTarget::local("/x").unwrap()).answer();
        assert_eq!(
            (found.status().as_u16(), &found.headers()["location"]),
            (302, &"/x".parse().unwrap())
        );
    }
}
