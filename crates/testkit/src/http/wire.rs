//! One kept HTTP/1.1 connection to one listener. A connection that the other side closed
//! while it was idle is replaced before it is used, as polite clients do. Not here:
//! retrying anything.

use super::{Call, Response};
use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

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
        self.ask(&call.write(false), call.method == "HEAD")
    }

    pub(super) fn ask(&mut self, request: &[u8], of_head: bool) -> Result<Response> {
        let mut stream = match self.stream.take().filter(is_open) {
            Some(stream) => stream,
            None => self.connect()?,
        };
        // A server may refuse before it has read everything, and close: its answer is
        // there all the same.
        let sent = stream.write_all(request);
        let answer = match (read(&mut stream, of_head), &sent) {
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

/// Reads until the answer is whole, or the connection ends.
fn read(stream: &mut TcpStream, of_head: bool) -> Result<Response> {
    let mut bytes = Vec::with_capacity(2048);
    let mut part = [0_u8; 16 * 1024];
    loop {
        let count = match stream.read(&mut part) {
            // A machine that is stopped for a moment is no answer.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        bytes.extend(part.iter().take(count));
        let answer = match count {
            0 => Some(Response::parse(&bytes).ok_or_else(not_whole)?),
            _ => Response::parse_part(&bytes, of_head),
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
}

fn not_whole() -> Error {
    Error::new(ErrorKind::UnexpectedEof, "no whole answer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

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
        let call = Call::to_host("GET", "/", "host");
        assert_eq!(wire.send(&call).unwrap().status, 200);
        let kept = wire.stream.as_ref().unwrap().try_clone().unwrap();
        crate::wait::until("the close", Duration::from_secs(5), || {
            (!is_open(&kept)).then_some(())
        });
        kept.set_nonblocking(false).unwrap();
        assert_eq!(wire.send(&call).unwrap().status, 200);
        server.join().unwrap();
    }
}
