//! The small languages of configuration values: durations, sizes, rates, references
//! to secrets, upstreams, presentations. Not here: addresses of stores (`address`), and
//! which key takes which (the section files).

use super::text::FromText;
use doorward_identity::settings::Presentation;
pub use doorward_surface::setting::{Size, Span};
use http::Uri;
use std::path::PathBuf;
use std::time::Duration;

impl FromText for Span {
    const FORM: &'static str = Self::FORM;

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn instead_of_number(number: i64) -> Option<String> {
        Some(Self::instead_of(number))
    }
}

impl FromText for Size {
    const FORM: &'static str = Self::FORM;

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn instead_of_number(number: i64) -> Option<String> {
        Some(Self::instead_of(number))
    }
}

/// A rate: a count and a period, `"100/1m"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

impl FromText for Rate {
    const FORM: &'static str = "a rate such as \"100/1m\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not {}", Self::FORM);
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
        let count = count.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        let Span(per) = Span::from_text(per)?;
        Ok(Self { count, per })
    }

    fn instead_of_number(number: i64) -> Option<String> {
        Some(format!("\"{number}/1m\""))
    }
}

/// Where a secret is to be found. The configuration never holds one itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretRef {
    /// `env:NAME`: the environment variable.
    Env(String),
    /// `file:PATH`: the file, relative to the configuration file.
    File(PathBuf),
}

impl FromText for SecretRef {
    const FORM: &'static str = "a reference to a secret: \"env:NAME\" or \"file:PATH\"";
    const IS_SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            // The text is not repeated: it may be the secret itself.
            _ => Err(format!(
                "expected {}; secrets are never written in the configuration",
                Self::FORM
            )),
        }
    }
}

/// Whether a text can be the name of an environment variable, which messages repeat.
fn is_variable(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Where a route's requests go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Upstream {
    /// `http://host[:port][/base]` or `https://…`.
    Http(Uri),
    /// `builtin:echo`.
    Echo,
    /// `builtin:data`: the realm's data API.
    Data,
}

impl FromText for Upstream {
    const FORM: &'static str =
        "an upstream such as \"http://127.0.0.1:9000\", \"builtin:echo\" or \"builtin:data\"";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "builtin:echo" => return Ok(Self::Echo),
            "builtin:data" => return Ok(Self::Data),
            _ => {}
        }
        let url = Url::from_text(text).map_err(|_| format!("{text:?} is not {}", Self::FORM))?;
        Ok(Self::Http(url.uri))
    }
}

/// An absolute http or https address without user information, query or fragment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    uri: Uri,
    text: String,
}

impl Url {
    /// The address, byte for byte as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address, parsed.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether it is plain HTTP to another machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.uri.scheme_str() == Some("http") && !self.is_loopback()
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromText for Url {
    const FORM: &'static str = "an address such as \"https://api.example.com\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let sound = |uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri
                    .authority()
                    .is_some_and(|part| !part.as_str().contains('@'))
                && uri.query().is_none()
                && !text.contains('#')
        };
        text.parse::<Uri>()
            .ok()
            .filter(sound)
            .map(|uri| Self {
                uri,
                text: text.to_owned(),
            })
            .ok_or_else(|| format!("{text:?} is not {}", Self::FORM))
    }
}

impl FromText for Presentation {
    const FORM: &'static str =
        "a presentation: \"exchange\", \"basic\", \"bearer\", \"header:NAME\" or \"query:NAME\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let plain = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        match text.split_once(':') {
            None if text == "exchange" => Ok(Self::Exchange),
            None if text == "basic" => Ok(Self::Basic),
            None if text == "bearer" => Ok(Self::Bearer),
            Some(("header", name)) if plain(name) => {
                if name.eq_ignore_ascii_case("authorization") {
                    return Err("the Authorization header is \"bearer\" or \"basic\"".to_owned());
                }
                Ok(Self::Header(name.to_ascii_lowercase()))
            }
            Some(("query", name)) if plain(name) => Ok(Self::Query(name.to_owned())),
            _ => Err(format!("{text:?} is not {}", Self::FORM)),
        }
    }
}

/// A request line of an expectation: `"POST /path?query"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestLine {
    pub method: http::Method,
    /// The path, with its query if it has one.
    pub target: String,
}

impl FromText for RequestLine {
    const FORM: &'static str = "a request such as \"GET /api/items\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not {}", Self::FORM);
        let (method, target) = text.split_once(' ').ok_or_else(wrong)?;
        let method = http::Method::from_text(method)?;
        let sound = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic());
        if !sound {
            return Err(wrong());
        }
        Ok(Self {
            method,
            target: target.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_period() {
        let rate = Rate {
            count: 100,
            per: Duration::from_secs(60),
        };
        assert_eq!(Rate::from_text("100/1m"), Ok(rate));
        for bad in ["100", "100/m", "/1m", "+1/1m", "1/1m/1m", "5000000000/1s"] {
            assert!(Rate::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_written_in_the_configuration_is_refused_and_not_repeated() {
        let error = SecretRef::from_text("hunter2").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(SecretRef::from_text("env:").is_err());
    }

    #[test]
    fn upstreams_are_origins() {
        assert_eq!(Upstream::from_text("builtin:echo"), Ok(Upstream::Echo));
        assert!(Upstream::from_text("http://127.0.0.1:9000/base").is_ok());
        for bad in [
            "127.0.0.1:9000",
            "ftp://a",
            "http://u:p@a",
            "http://a?x",
            "http://a#x",
            "/a",
            "builtin:other",
        ] {
            assert!(Upstream::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn presentations_are_strict() {
        assert_eq!(
            Presentation::from_text("header:X-API-Key"),
            Ok(Presentation::Header("x-api-key".into()))
        );
        for bad in [
            "Bearer",
            "header:",
            "header:a b",
            "header:Authorization",
            "cookie:a",
            "query:a&b",
        ] {
            assert!(Presentation::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let exposed = |text| Url::from_text(text).unwrap().is_exposed();
        assert!(exposed("http://auth.example.com/"));
        assert!(
            !exposed("http://127.0.0.1:8080")
                && !exposed("http://[::1]:80")
                && !exposed("https://a.b")
        );
    }
}
