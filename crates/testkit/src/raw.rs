//! Bytes straight onto a socket: requests that no HTTP client would send. Not here:
//! well-formed requests (`http`).

use crate::artifact::must;
use crate::http::Response;
use crate::wait::PATIENCE;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A connection with the kit's time limits.
///
/// # Panics
/// When nobody listens.
#[must_use]
pub fn connect(addr: SocketAddr) -> TcpStream {
    let stream = must("connect", TcpStream::connect(addr));
    must("set a time limit", stream.set_read_timeout(Some(PATIENCE)));
    must("set a time limit", stream.set_write_timeout(Some(PATIENCE)));
    stream
}

/// How long a peer that has begun to answer may pause before it is taken to have said
/// everything, and to wait for more.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends the bytes and returns everything that came back. The sending half is closed
/// only when the peer falls silent: some servers take an earlier end for a client that
/// went away.
///
/// # Panics
/// When nobody listens, or the peer keeps silent and open.
#[must_use]
pub fn exchange(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(addr);
    // The peer may refuse before it has read everything.
    let _ = stream.write_all(bytes);
    must(
        "set a time limit",
        stream.set_read_timeout(Some(PAUSE * 10)),
    );
    let mut all = Vec::new();
    while let Some(part) = read_part(&mut stream) {
        if part.is_empty() {
            return all;
        }
        all.extend(part);
        must("set a time limit", stream.set_read_timeout(Some(PAUSE)));
    }
    let _ = stream.shutdown(Shutdown::Write);
    must("set a time limit", stream.set_read_timeout(Some(PATIENCE)));
    all.extend(read_all(&mut stream));
    all
}

/// What arrives next; empty at the end, nothing when the time limit passed. A reset is
/// an end too.
fn read_part(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut part = [0_u8; 16 * 1024];
    match stream.read(&mut part) {
        Ok(count) => Some(part.iter().take(count).copied().collect()),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(Vec::new()),
        Err(_) => None,
    }
}

/// Everything until the peer closes. A reset ends it too: what came before counts.
///
/// # Panics
/// When the peer neither sends nor closes in time.
#[must_use]
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match read_part(stream) {
            Some(part) if part.is_empty() => return all,
            Some(part) => all.extend(part),
            None => panic!("the peer neither answers nor closes"),
        }
    }
}

/// How many answers the bytes hold.
#[must_use]
pub fn count_answers(bytes: &[u8]) -> usize {
    bytes.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count()
}

/// The status of the first answer; 0 for a connection that was just closed.
#[must_use]
pub fn status(bytes: &[u8]) -> u16 {
    let head = String::from_utf8_lossy(bytes);
    head.strip_prefix("HTTP/1.1 ")
        .or_else(|| head.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.get(..3))
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

/// The first answer.
///
/// # Panics
/// When the bytes hold no whole one.
#[must_use]
pub fn response(bytes: &[u8]) -> Response {
    match Response::parse(bytes) {
        Some(response) => response,
        None => panic!("no whole answer in {} bytes", bytes.len()),
    }
}
