//! Cookies (RFC 6265, and its successor's prefixes): read strictly, and written with
//! everything that protects them. Not here: what is in them, and forged requests
//! ([`crate::csrf`]).
//!
//! A cookie of ours is named `__Host-…`, `Secure`, `HttpOnly`, `SameSite=Lax`, for the
//! path `/` and no domain. Over plain HTTP no browser takes such a cookie, with one
//! exception that browsers do not agree on: a server on this machine. There, and only
//! there ([`Transport::Loopback`]), it loses its prefix and `Secure`; elsewhere without
//! TLS there is no cookie.

use crate::Refusal;
use doorward_base::{ErrorCode, Secret};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use std::fmt::Write as _;
use std::time::Duration;

/// The most cookies of a request that are looked at.
pub const MAX_COOKIES: usize = 200;

/// The longest value that is written, bytes: browsers drop a cookie beyond 4,096 with
/// its name and attributes.
pub const MAX_VALUE: usize = 3_800;

/// How a cookie would travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// By TLS, as far as the client's connection is known.
    Secure,
    /// By plain HTTP to a name of this machine.
    Loopback,
}

impl Transport {
    /// How cookies of a request travel; `host` is its authority.
    ///
    /// # Errors
    /// `https_required`: neither TLS nor this machine.
    pub fn of(secure: bool, host: &str) -> Result<Self, Refusal> {
        if secure {
            return Ok(Self::Secure);
        }
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => name,
            _ => host,
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let number = name.trim_start_matches('[').trim_end_matches(']');
        let loopback = number
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback());
        if loopback || name == "localhost" || name.ends_with(".localhost") {
            return Ok(Self::Loopback);
        }
        Err(Refusal::new(ErrorCode::HttpsRequired))
    }
}

/// The name of a cookie of ours, without its prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CookieName(&'static str);

impl CookieName {
    /// A name of letters, digits, `-` and `_`; `None` otherwise.
    #[must_use]
    pub fn new(name: &'static str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (!name.is_empty() && name.bytes().all(plain)).then_some(Self(name))
    }

    fn on(self, transport: Transport) -> String {
        match transport {
            Transport::Secure => format!("__Host-{}", self.0),
            Transport::Loopback => self.0.to_owned(),
        }
    }

    /// The cookie's value in a request.
    ///
    /// # Errors
    /// `invalid_request` when it is there twice, which a neighbouring host can bring
    /// about and nobody can decide, or not well-formed.
    pub fn find(
        self,
        headers: &HeaderMap,
        transport: Transport,
    ) -> Result<Option<Secret>, Refusal> {
        let name = self.on(transport);
        let mut found = None;
        // HTTP/2 may split the header into several (RFC 9113 §8.2.3).
        let fields = headers.get_all(COOKIE).iter();
        let pairs = fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b';'));
        for (number, pair) in pairs.enumerate() {
            if number == MAX_COOKIES {
                return Err(malformed("there are too many cookies"));
            }
            let pair = pair.trim_ascii();
            let Some(value) = pair
                .strip_prefix(name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            let value = unquote(value);
            let text = std::str::from_utf8(value)
                .ok()
                .filter(|text| is_value(text));
            let text = text.ok_or_else(|| malformed("a cookie is malformed"))?;
            if found.replace(Secret::new(text.to_owned())).is_some() {
                return Err(malformed("a cookie is given twice"));
            }
        }
        Ok(found)
    }
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest).with_message(message)
}

fn unquote(value: &[u8]) -> &[u8] {
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|v| v.strip_suffix(b"\""));
    inner.unwrap_or(value)
}

/// `cookie-octet`s alone (RFC 6265 §4.1.1).
fn is_value(text: &str) -> bool {
    let octet = |b: u8| matches!(b, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    text.bytes().all(octet)
}

/// Which requests from other sites a cookie goes along with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SameSite {
    /// Links that are followed, and nothing else.
    #[default]
    Lax,
    /// None.
    Strict,
}

/// A cookie to be set.
#[derive(Debug)]
pub struct SetCookie {
    name: CookieName,
    value: Secret,
    max_age: Option<Duration>,
    same_site: SameSite,
}

/// The value cannot be written into a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cookie's value, or longer than {MAX_VALUE} bytes")]
pub struct CookieError;

impl SetCookie {
    /// A cookie that lasts until the browser ends.
    ///
    /// # Errors
    /// [`CookieError`].
    pub fn new(name: CookieName, value: Secret) -> Result<Self, CookieError> {
        let text = value.expose();
        if text.len() > MAX_VALUE || !is_value(text) {
            return Err(CookieError);
        }
        Ok(Self {
            name,
            value,
            max_age: None,
            same_site: SameSite::default(),
        })
    }

    /// A cookie that removes the one of this name.
    #[must_use]
    pub fn removal(name: CookieName) -> Self {
        Self {
            name,
            value: Secret::new(String::new()),
            max_age: Some(Duration::ZERO),
            same_site: SameSite::default(),
        }
    }

    /// That lasts this long.
    #[must_use]
    pub const fn lasting(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// That goes along with nothing from other sites, not even links.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.same_site = SameSite::Strict;
        self
    }

    /// The value of `Set-Cookie`.
    #[must_use]
    pub fn write(&self, transport: Transport) -> HeaderValue {
        let name = self.name.on(transport);
        let mut text = format!("{name}={}; Path=/; HttpOnly", self.value.expose());
        if transport == Transport::Secure {
            text.push_str("; Secure");
        }
        text.push_str(match self.same_site {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
        });
        if let Some(age) = self.max_age {
            let _ = write!(text, "; Max-Age={}", age.as_secs());
        }
        // Both parts were checked when they were made.
        let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> CookieName {
        CookieName::new("session").unwrap()
    }

    fn found(fields: &[&str], transport: Transport) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            let field = HeaderValue::from_bytes(field.as_bytes());
            headers.append(COOKIE, field.map_err(|error| error.to_string())?);
        }
        let value = name().find(&headers, transport);
        value
            .map(|value| value.map(|value| value.expose().to_owned()))
            .map_err(|refusal| refusal.message().to_owned())
    }

    #[test]
    fn a_cookie_is_found_among_others_and_never_by_another_name() {
        for (fields, value) in [
            (&["__Host-session=a.b-c"][..], Some("a.b-c")),
            (&["x=1; __Host-session=a;y"], Some("a")),
            (&["x=\u{e9}; junk; =; __Host-session=\"a\""], Some("a")),
            (&["x=1", "__Host-session=a=="], Some("a==")),
            (&["__Host-session="], Some("")),
            (&["session=a"], None),
            (&["__host-session=a"], None),
            (&["__Host-session2=a"], None),
            (&["x=__Host-session=a"], None),
            (&[], None),
        ] {
            let expected = Ok(value.map(str::to_owned));
            assert_eq!(found(fields, Transport::Secure), expected, "{fields:?}");
        }
        let loopback = found(&["session=a; __Host-session=b"], Transport::Loopback);
        assert_eq!(loopback, Ok(Some("a".to_owned())));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let many = vec!["a=1"; MAX_COOKIES + 1].join(";");
        for (fields, message) in [
            (
                &["__Host-session=a; __Host-session=b"][..],
                "a cookie is given twice",
            ),
            (
                &["__Host-session=a", "__Host-session=a"],
                "a cookie is given twice",
            ),
            (&["__Host-session=a b"], "a cookie is malformed"),
            (&["__Host-session=a\"b"], "a cookie is malformed"),
            (&["__Host-session=\u{e9}"], "a cookie is malformed"),
            (&[many.as_str()], "there are too many cookies"),
        ] {
            assert_eq!(
                found(fields, Transport::Secure),
                Err(message.to_owned()),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn a_cookie_is_written_with_everything_that_protects_it() {
        let cookie = |value: &str| SetCookie::new(name(), Secret::new(value.to_owned()));
        let plain = cookie("v1").unwrap();
        assert_eq!(
            plain.write(Transport::Secure),
            "__Host-session=v1; Path=/; HttpOnly; Secure; SameSite=Lax"
        );
        assert_eq!(
            plain.write(Transport::Loopback),
            "session=v1; Path=/; HttpOnly; SameSite=Lax"
        );
        let lasting = cookie("v1")
            .unwrap()
            .strict()
            .lasting(Duration::from_secs(60));
        assert_eq!(
            lasting.write(Transport::Secure),
            "__Host-session=v1; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=60"
        );
        assert_eq!(
            SetCookie::removal(name()).write(Transport::Secure),
            "__Host-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0"
        );
        for bad in ["a;b", "a b", "a\r\nX: y", "\u{e9}", "a\"", "a,b", "a\\"] {
            assert!(matches!(cookie(bad), Err(CookieError)), "{bad:?}");
        }
        assert!(cookie(&"a".repeat(MAX_VALUE)).is_ok());
        assert!(cookie(&"a".repeat(MAX_VALUE + 1)).is_err());
    }

    #[test]
    fn without_tls_there_are_cookies_on_this_machine_alone() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "app.localhost.",
            "127.0.0.1:80",
            "[::1]:80",
            "[::1]",
        ] {
            assert_eq!(
                Transport::of(false, host),
                Ok(Transport::Loopback),
                "{host}"
            );
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "10.0.0.1",
            "[::2]",
            "",
        ] {
            let refusal = Transport::of(false, host).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::HttpsRequired, "{host}");
        }
        assert_eq!(Transport::of(true, "example.com"), Ok(Transport::Secure));
    }
}
