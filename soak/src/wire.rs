//! One kept HTTP/1.1 connection to one listener: what a load generator needs. A
//! connection that the other side closed while it was idle is replaced before it is
//! used, as polite clients do. Not here: retrying anything.

use doorward_testkit::Response;
use std::fmt::Write as _;
use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    head: String,
    body: String,
}

impl Call {
    /// A request for a host.
    #[must_use]
    pub fn new(method: &str, target: &str, host: &str) -> Self {
        Self {
            head: format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n"),
            body: String::new(),
        }
    }

    /// One more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    /// `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// A JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string();
        self.header("Content-Type", "application/json")
    }

    /// What goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let length = self.body.len();
        let Self { head, body } = self;
        format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// A connection that is kept from one request to the next.
#[derive(Debug)]
pub struct Wire {
    addr: SocketAddr,
    patience: Duration,
    stream: Option<TcpStream>,
}

impl Wire {
    /// To this listener; an answer may take as long as `patience`.
    #[must_use]
    pub const fn new(addr: SocketAddr, patience: Duration) -> Self {
        Self {
            addr,
            patience,
            stream: None,
        }
    }

    /// To whom.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Errors
    /// What the socket said. Nobody knows then what became of the request.
    pub fn send(&mut self, call: &Call) -> Result<Response> {
        self.send_bytes(&call.bytes())
    }

    /// As [`Self::send`], of a request that was written before.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_bytes(&mut self, request: &[u8]) -> Result<Response> {
        let mut stream = match self.stream.take().filter(is_open) {
            Some(stream) => stream,
            None => self.connect()?,
        };
        // A server may refuse before it has read everything, and close: its answer is
        // there all the same.
        let sent = stream.write_all(request);
        let answer = match (read(&mut stream), &sent) {
            (Err(_), Err(_)) => return Err(sent.err().unwrap_or(ErrorKind::BrokenPipe.into())),
            (answer, _) => answer?,
        };
        let closes = |value: &str| value.eq_ignore_ascii_case("close");
        if sent.is_ok() && !answer.header("connection").is_some_and(closes) {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.addr, self.patience)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Whether an idle connection is still open and silent.
fn is_open(stream: &TcpStream) -> bool {
    let silent = |stream: &TcpStream| {
        let mut byte = [0_u8];
        stream
            .peek(&mut byte)
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    stream.set_nonblocking(true).is_ok() && silent(stream) && stream.set_nonblocking(false).is_ok()
}

fn read(stream: &mut TcpStream) -> Result<Response> {
    let mut bytes = Vec::with_capacity(2048);
    let mut part = [0_u8; 8192];
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "no whole answer"));
        }
        bytes.extend(part.iter().take(count));
        if is_whole(&bytes) {
            return Response::parse(&bytes)
                .ok_or_else(|| Error::new(ErrorKind::InvalidData, "no HTTP answer"));
        }
    }
}

/// Whether the bytes are a whole answer. Answers of the servers here have a length, no
/// body, or chunks.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let (head, body) = bytes.split_at_checked(end + 4).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let field = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    if let Some(length) = field("content-length:") {
        return length
            .parse()
            .is_ok_and(|length: usize| body.len() >= length);
    }
    if field("transfer-encoding:").is_some() {
        return body.ends_with(b"0\r\n\r\n");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_answer_is_whole_by_its_length_or_its_last_chunk() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(is_whole(answer));
        assert!(!is_whole(&answer[..answer.len() - 1]));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n"));
        assert!(is_whole(b"HTTP/1.1 204 No Content\r\n\r\n"));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert!(is_whole(chunked));
        assert!(!is_whole(&chunked[..chunked.len() - 5]));
    }

    /// Serves one answer on each of two connections and closes them after it.
    #[test]
    fn a_connection_that_was_closed_while_idle_is_replaced() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .unwrap();
            }
        });
        let mut wire = Wire::new(addr, Duration::from_secs(5));
        let call = Call::new("GET", "/", "host");
        assert_eq!(wire.send(&call).unwrap().status, 200);
        let kept = wire.stream.as_ref().unwrap().try_clone().unwrap();
        doorward_testkit::wait::until("the close", Duration::from_secs(5), || {
            (!is_open(&kept)).then_some(())
        });
        kept.set_nonblocking(false).unwrap();
        assert_eq!(wire.send(&call).unwrap().status, 200);
        server.join().unwrap();
    }
}
