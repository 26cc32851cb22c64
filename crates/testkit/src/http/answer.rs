//! One answer, and how much of what came is one (RFC 9112 §6.3).

use serde_json::Value;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, its transfer coding removed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!(
                "status {}, not JSON ({error}): {}",
                self.status,
                self.text()
            ),
        }
    }

    /// The stable code in the body, in whichever of the error templates it is written.
    #[must_use]
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        [
            body.pointer("/error/code"),
            body.pointer("/code"),
            body.pointer("/error_code"),
            body.pointer("/error"),
        ]
        .into_iter()
        .flatten()
        .find_map(Value::as_str)
        .unwrap_or_default()
        .to_owned()
    }

    /// The answer, if it has this status.
    ///
    /// # Panics
    /// When it has another; the text shows the body.
    pub fn expect(&self, status: u16) -> &Self {
        if self.status != status {
            panic!("expected {status}, got {}: {}", self.status, self.text());
        }
        self
    }

    /// Reads one answer of which no more will come; `None` if it is not whole.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (answer, rest) = Self::head(bytes)?;
        // Whether it answers HEAD is not known here: then it has a length and no body.
        let body = match answer.framing(rest.is_empty()) {
            Framing::UntilClose => Some(rest.to_vec()),
            framing => framing.take(rest),
        };
        Some(Self {
            body: body?,
            ..answer
        })
    }

    /// As [`Self::parse`], of an answer of which more may come. An answer that ends with
    /// the connection is never whole here.
    pub(super) fn parse_part(bytes: &[u8], of_head: bool) -> Option<Self> {
        let (answer, rest) = Self::head(bytes)?;
        let body = answer.framing(of_head).take(rest)?;
        Some(Self { body, ..answer })
    }

    /// Its head, and what follows it.
    fn head(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, rest) = bytes.split_at_checked(end + 4)?;
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        Some((answer, rest))
    }

    fn framing(&self, of_head: bool) -> Framing {
        if of_head || matches!(self.status, 100..=199 | 204 | 304) {
            return Framing::Length(Some(0));
        }
        let coding = self.header("transfer-encoding");
        if coding.is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunks;
        }
        self.header("content-length")
            .map_or(Framing::UntilClose, |length| {
                Framing::Length(length.parse().ok())
            })
    }
}

/// Where a body ends.
enum Framing {
    /// After so many bytes; none for a length that cannot be read.
    Length(Option<usize>),
    Chunks,
    UntilClose,
}

impl Framing {
    fn take(&self, rest: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Length(length) => rest.get(..(*length)?).map(<[u8]>::to_vec),
            Self::Chunks => dechunk(rest),
            Self::UntilClose => None,
        }
    }
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?, 16).ok()?;
        let data = rest.get(line + 2..)?;
        if size == 0 {
            // Trailers, then an empty line.
            let ended = data.starts_with(b"\r\n") || data.windows(4).any(|end| end == b"\r\n\r\n");
            return ended.then_some(body);
        }
        body.extend_from_slice(data.get(..size)?);
        rest = data.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok";
        let response = Response::parse(answer).unwrap();
        assert_eq!((response.status, response.text().as_str()), (200, "ok"));
        assert_eq!(response.header("x-a"), Some("b"));
        assert!(Response::parse(&answer[..answer.len() - 1]).is_none());
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(Response::parse(chunked).unwrap().text(), "abcde");
        for cut in [1, 2, 8] {
            assert!(Response::parse(&chunked[..chunked.len() - cut]).is_none());
        }
    }

    #[test]
    fn what_ends_with_the_connection_is_whole_at_its_end_only() {
        let part = |text: &str, of_head| Response::parse_part(text.as_bytes(), of_head);
        let open = "HTTP/1.0 200 OK\r\n\r\nso far";
        assert!(part(open, false).is_none());
        assert_eq!(Response::parse(open.as_bytes()).unwrap().text(), "so far");
        assert!(part("HTTP/1.1 204 No Content\r\n\r\n", false).is_some());
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert!(part(head, false).is_none());
        assert!(part(head, true).is_some());
    }
}
