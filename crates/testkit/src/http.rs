//! An HTTP/1.1 client: a request on a connection of its own, or on one that is kept
//! ([`Wire`]). It sends what it is told, so that a test can also send what a polite client
//! would not. Not here: requests that are not HTTP at all (`raw`).

mod answer;
mod wire;

pub use answer::Response;
pub use wire::Wire;

use crate::artifact::must;
use crate::wait::PATIENCE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::SocketAddr;

/// A request in the making, to the listener `A`.
#[derive(Clone, Debug)]
pub struct Request<A = SocketAddr> {
    addr: A,
    method: String,
    target: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A request without an address: whoever sends it chooses the connection.
pub type Call = Request<()>;

impl<A> Request<A> {
    fn of(addr: A, method: &str, target: &str, host: String) -> Self {
        Self {
            addr,
            method: method.to_owned(),
            target: target.to_owned(),
            host,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Another `Host` than the address.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    /// One more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// `Authorization: Basic` (RFC 7617).
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        self.header("Authorization", &format!("Basic {pair}"))
    }

    /// A JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// A body; `Content-Length` is added.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// What goes over the wire; `last` says that the connection ends with it.
    fn write(&self, last: bool) -> Vec<u8> {
        let Self {
            method,
            target,
            host,
            ..
        } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !self.body.is_empty() || !matches!(method.as_str(), "GET" | "HEAD") {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        if last {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl Call {
    /// A request for a host.
    #[must_use]
    pub fn to_host(method: &str, target: &str, host: &str) -> Self {
        Self::of((), method, target, host.to_owned())
    }
}

impl Request {
    /// A request to a listener, whose address is its `Host`; `target` goes out as it is.
    #[must_use]
    pub fn new(addr: SocketAddr, method: &str, target: &str) -> Self {
        Self::of(addr, method, target, addr.to_string())
    }

    /// To whom.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    /// When there is no answer, or none that is HTTP.
    #[must_use]
    pub fn send(&self) -> Response {
        match self.try_send() {
            Ok(response) => response,
            Err(error) => panic!("{} {}: {error}", self.method, self.target),
        }
    }

    /// Sends it; a connection that fails or ends early is an error, as a client sees it.
    ///
    /// # Errors
    /// What the socket said, or that the answer was not whole.
    pub fn try_send(&self) -> std::io::Result<Response> {
        Wire::new(self.addr, PATIENCE).ask(&self.write(true), self.method == "HEAD")
    }
}

/// Percent-encodes what is not unreserved (RFC 3986 §2.3).
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A fresh secret of the client's own choosing: 128 bits in hexadecimal.
///
/// # Panics
/// When the kernel has no randomness to give.
#[must_use]
pub fn random_secret() -> String {
    let mut bytes = [0_u8; 16];
    let mut source = must("open /dev/urandom", std::fs::File::open("/dev/urandom"));
    must("read /dev/urandom", source.read_exact(&mut bytes));
    bytes.iter().fold(String::from("pw-"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
