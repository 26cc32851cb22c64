//! One HTTP/1.1 request and its answer, for probes: does a server do what is about to
//! be measured? Not the load (`load`).

use crate::failure::{Context as _, Failure};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    pub(crate) method: &'r str,
    pub(crate) path: &'r str,
    pub(crate) headers: &'r [(String, String)],
    pub(crate) body: &'r str,
}

impl<'r> Request<'r> {
    pub(crate) const fn get(path: &'r str, headers: &'r [(String, String)]) -> Self {
        Self {
            method: "GET",
            path,
            headers,
            body: "",
        }
    }
}

/// Sends it on a connection of its own.
pub(crate) fn send(addr: SocketAddr, request: &Request<'_>) -> Result<Answer, Failure> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nConnection: close\r\n",
        request.method, request.path
    );
    let named = |(name, _): &(String, String)| name.eq_ignore_ascii_case("host");
    if !request.headers.iter().any(named) {
        let _ = write!(text, "Host: {addr}\r\n");
    }
    for (name, value) in request.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if !request.body.is_empty() {
        let _ = write!(text, "Content-Length: {}\r\n", request.body.len());
    }
    let _ = write!(text, "\r\n{}", request.body);
    let bytes = exchange(addr, text.as_bytes()).during(format!("asking {addr}"))?;
    parse(&String::from_utf8_lossy(&bytes)).during(format!("{addr} answers no HTTP"))
}

fn exchange(addr: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // A server may refuse before it has read everything, and close: its answer is there
    // all the same.
    let sent = stream.write_all(request);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    if bytes.is_empty() {
        sent.and(read)?;
    }
    Ok(bytes)
}

/// A body in chunks keeps its framing: probes look for a text in it.
fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse("HTTP/1.1 404 Not Found\r\nX: y\r\n\r\nno\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (404, "no\r\n\r\n"));
        assert!(parse("SSH-2.0-x\r\n\r\n").is_none());
    }
}
