//! The port through which every outgoing HTTP request goes, and the values that cross
//! it. An implementation reaches public addresses only, unless the operator named
//! others, follows no redirect unless asked, and keeps to the [`Caps`] of each request.
//!
//! Not here: how it does so (`outbound`), and the gate's connections to its upstreams,
//! which are the operator's own.

use crate::tls::TlsFault;
use http::{HeaderMap, Method, StatusCode, Uri};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

/// What an exchange comes to.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<EgressAnswer, EgressError>> + Send + 'a>>;

/// The guarded way out.
pub trait Egress: Send + Sync {
    /// Sends one request and returns its answer, whole.
    ///
    /// # Errors
    /// [`EgressError`]; an answer with any status is none.
    fn send(&self, request: EgressRequest) -> Sending<'_>;
}

/// A request to be sent. It has no credentials and no cookies but those put in.
#[derive(Clone, Debug)]
pub struct EgressRequest {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: EgressUrl,
    /// Headers beside those that the client sets itself: `Host`, `User-Agent`,
    /// `Accept-Encoding`, `Connection` and the body's length.
    pub headers: HeaderMap,
    /// The body; empty is none.
    pub body: Vec<u8>,
    /// What the answer may cost.
    pub caps: Caps,
    /// How many redirects of a GET or HEAD are followed. Each hop is checked like a
    /// request of its own; to another origin go no headers but `Accept`.
    pub redirects: u8,
    /// Whether it may go over plain HTTP.
    pub transport: Transport,
}

impl EgressRequest {
    /// A GET over TLS that follows nothing.
    #[must_use]
    pub fn get(url: EgressUrl) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            caps: Caps::default(),
            redirects: 0,
            transport: Transport::TlsOnly,
        }
    }
}

/// Whether a request may go over plain HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// `https` only, on every hop.
    TlsOnly,
    /// `http` as well, but never from `https` back to it.
    PlainToo,
}

/// The most that an answer may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// The status line and the headers, bytes; at least 8 KiB.
    pub head: usize,
    /// The body, bytes.
    pub body: usize,
    /// From looking the name up to a connection, TLS included; for each address tried.
    pub connect: Duration,
    /// All of it, redirects included.
    pub total: Duration,
}

impl Default for Caps {
    /// 16 KiB of head, 256 KiB of body, 3 s to connect, 5 s in all.
    fn default() -> Self {
        Self {
            head: 16 * 1024,
            body: 256 * 1024,
            connect: Duration::from_secs(3),
            total: Duration::from_secs(5),
        }
    }
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct EgressAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, never decoded: we ask for none of the encodings.
    pub body: Vec<u8>,
}

/// Why there is no answer. The texts name neither the address nor anything sent: they
/// may be shown to somebody who is not to learn what lies behind it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum EgressError {
    /// The scheme is not one that the request may use.
    #[error("the address must be https")]
    Insecure,
    /// Every address of the host is one that is not to be reached.
    #[error("the host has no address that may be reached")]
    Forbidden,
    /// The name has no address.
    #[error("the host was not found")]
    NotFound,
    /// Nobody accepts connections there.
    #[error("no connection could be made")]
    Unreachable,
    /// There is no TLS with the host.
    #[error("no TLS: {0}")]
    Tls(#[from] TlsFault),
    /// It took longer than it may.
    #[error("there was no whole answer in time")]
    TimedOut,
    /// The head or the body is larger than it may be.
    #[error("the answer is too large")]
    TooLarge,
    /// The body is encoded, which we did not ask for.
    #[error("the answer is encoded")]
    Encoded,
    /// A redirect to nowhere, or one more than are followed.
    #[error("too many redirects, or to no address")]
    Redirected,
    /// It is not HTTP, or it broke off.
    #[error("the answer is not whole HTTP")]
    Broken,
    /// As many requests are under way as there may be.
    #[error("too many requests are under way")]
    Busy,
}

impl EgressError {
    /// Every one; of those of TLS the one that says least.
    pub const ALL: [Self; 11] = [
        Self::Insecure,
        Self::Forbidden,
        Self::NotFound,
        Self::Unreachable,
        Self::Tls(TlsFault::Handshake),
        Self::TimedOut,
        Self::TooLarge,
        Self::Encoded,
        Self::Redirected,
        Self::Broken,
        Self::Busy,
    ];

    /// A stable name for metrics and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Insecure => "insecure",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Unreachable => "unreachable",
            Self::Tls(fault) => fault.code(),
            Self::TimedOut => "timed_out",
            Self::TooLarge => "too_large",
            Self::Encoded => "encoded",
            Self::Redirected => "redirected",
            Self::Broken => "broken",
            Self::Busy => "busy",
        }
    }
}

/// An absolute `http` or `https` address without user information or fragment, whose
/// host can be read in one way only.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressUrl {
    uri: Uri,
    host: EgressHost,
}

/// The host of an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EgressHost {
    /// An address in its usual form.
    Address(std::net::IpAddr),
    /// A name, lower-case, without a dot at its end.
    Name(String),
}

/// The text is no [`EgressUrl`]. It is not repeated: it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address such as https://login.example.com/path")]
pub struct EgressUrlError;

impl EgressUrl {
    /// The address, parsed.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &EgressHost {
        &self.host
    }

    /// Whether it is `https`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.uri.scheme() == Some(&http::uri::Scheme::HTTPS)
    }

    /// The port, named or the scheme's.
    #[must_use]
    pub fn port(&self) -> u16 {
        let usual = if self.is_tls() { 443 } else { 80 };
        self.uri.port_u16().unwrap_or(usual)
    }

    /// Whether both have the same scheme, host and port (RFC 6454 §4).
    #[must_use]
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.is_tls() == other.is_tls() && self.host == other.host && self.port() == other.port()
    }

    /// What a `Location` says, seen from here (RFC 9110 §10.2.2; of the relative forms
    /// of RFC 3986 §4.2 those that are in use).
    ///
    /// # Errors
    /// [`EgressUrlError`] when it is none of them.
    pub fn join(&self, location: &str) -> Result<Self, EgressUrlError> {
        let location = location
            .split_once('#')
            .map_or(location, |(before, _)| before);
        let scheme = if self.is_tls() { "https" } else { "http" };
        let authority = self.uri.authority().ok_or(EgressUrlError)?;
        if let Some(rest) = location.strip_prefix("//") {
            return format!("{scheme}://{rest}").parse();
        }
        if location.starts_with('/') {
            return format!("{scheme}://{authority}{location}").parse();
        }
        // A colon before any slash makes it absolute, whatever its scheme.
        if location
            .split(['/', '?'])
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return location.parse();
        }
        let path = self.uri.path();
        let base = match location.starts_with('?') || location.is_empty() {
            true => path,
            false => path.rsplit_once('/').map_or("", |(folder, _)| folder),
        };
        let slash = if location.starts_with('?') || location.is_empty() {
            ""
        } else {
            "/"
        };
        format!("{scheme}://{authority}{base}{slash}{location}").parse()
    }
}

impl FromStr for EgressUrl {
    type Err = EgressUrlError;

    fn from_str(text: &str) -> Result<Self, EgressUrlError> {
        if text.contains(['#', '\\']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EgressUrlError);
        }
        let uri: Uri = text.parse().map_err(|_| EgressUrlError)?;
        let authority = uri.authority().ok_or(EgressUrlError)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if !known || authority.as_str().contains('@') || has_odd_port(authority) {
            return Err(EgressUrlError);
        }
        let host = EgressHost::parse(authority.host())?;
        Ok(Self { uri, host })
    }
}

/// A colon without a port after it, or port 0.
fn has_odd_port(authority: &http::uri::Authority) -> bool {
    let named = authority.as_str().len() > authority.host().len();
    named && authority.port_u16().is_none_or(|port| port == 0)
}

impl EgressHost {
    /// Reads a host. An IPv4 address in a form other than four decimal numbers, which
    /// resolvers read as an address all the same (`127.1`, `0x7f000001`, `0177.0.0.1`),
    /// is refused, and so is an IPv6 address with a zone.
    fn parse(text: &str) -> Result<Self, EgressUrlError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(EgressUrlError)?;
            let address: std::net::Ipv6Addr = inner.parse().map_err(|_| EgressUrlError)?;
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let sound = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        let number = last.strip_prefix("0x").map_or_else(
            || last.bytes().all(|byte| byte.is_ascii_digit()),
            |hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        );
        if name.len() > 253 || !name.split('.').all(sound) || number {
            return Err(EgressUrlError);
        }
        Ok(Self::Name(name))
    }
}

/// The origin alone: a path may hold a secret.
impl fmt::Debug for EgressUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        write!(
            f,
            "{scheme}://{}:{}/…",
            self.uri.host().unwrap_or_default(),
            self.port()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<EgressUrl, EgressUrlError> {
        text.parse()
    }

    #[test]
    fn an_address_reads_in_one_way_only() {
        for bad in [
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://127.0.0.1./",
            "https://127.0.0.0x1/",
            "https://127.0.0.256/",
            "https://[fe80::1%25eth0]/",
            "https://[::1/",
            "https://trusted.example@evil.example/",
            "https://evil.example\\@trusted.example/",
            "https://evil.example#@trusted.example/",
            "https://a.example/\r\nHost: b",
            "https://a.example/a b",
            "https://ex\u{e4}mple.com/",
            "https://a..b/",
            "https:///path",
            "https://:443/",
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:99999/",
            "file:///etc/passwd",
            "gopher://a.example/",
            "unix:/run/a",
            "/relative",
            "",
        ] {
            assert_eq!(url(bad), Err(EgressUrlError), "{bad}");
        }
        let name = |text: &str| url(text).map(|url| url.host().clone());
        let expected = Ok(EgressHost::Name("a.example".to_owned()));
        assert_eq!(name("https://A.example./x"), expected);
        let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
        assert_eq!(
            name("http://127.0.0.1:8080"),
            Ok(EgressHost::Address(loopback))
        );
        assert!(url("https://[2001:db8::1]:8443/x?y=z").is_ok());
    }

    #[test]
    fn a_location_is_read_from_where_it_was_said() {
        let from = url("https://a.example/b/c?d").unwrap();
        for (location, expected) in [
            ("/x?y", "https://a.example/x?y"),
            ("x", "https://a.example/b/x"),
            ("?e", "https://a.example/b/c?e"),
            ("//b.example/x", "https://b.example/x"),
            ("http://b.example/x#y", "http://b.example/x"),
        ] {
            assert_eq!(from.join(location).unwrap().uri().to_string(), expected);
        }
        for bad in [
            "javascript:alert(1)",
            "https://u:p@b.example/",
            "//",
            "file:/etc",
        ] {
            assert_eq!(from.join(bad), Err(EgressUrlError), "{bad}");
        }
    }

    #[test]
    fn what_is_printed_of_an_address_is_its_origin() {
        let url = url("https://hooks.example/T0K3N?k=s").unwrap();
        assert_eq!(format!("{url:?}"), "https://hooks.example:443/…");
    }
}
