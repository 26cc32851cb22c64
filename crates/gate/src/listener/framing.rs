//! Sees the framing that hyper hides. A request with both Content-Length and
//! Transfer-Encoding may be a smuggling attempt (RFC 9112 §6.1, §11.2); hyper drops
//! the length and goes on, so nothing above could refuse it. This reads along below
//! hyper and remembers which header section was ambiguous; so is one with a line that
//! a bare LF ends, which hyper takes and others do not. It decides nothing about
//! the framing that is used: hyper does, and what goes upstream is framed anew.

use crate::through::writes_through;
use bytes::Buf as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Enough for the two names and a length.
const LINE_KEPT: usize = 64;

/// What the scanner has seen of a connection.
#[derive(Debug)]
pub(super) struct Seen {
    /// Which header section was the first ambiguous one.
    ambiguous: AtomicU64,
    /// Whether the last byte read lies in a header section.
    in_head: AtomicBool,
    /// Whether the last byte read lies in a request: in its header section or its body.
    open: AtomicBool,
    /// Whether the connection speaks another protocol by now.
    switched: AtomicBool,
}

impl Seen {
    /// Whether this header section, counted from 0, was the first ambiguous one. Later
    /// ones are not told apart: the connection does not live that long.
    pub(super) fn is_ambiguous(&self, number: u64) -> bool {
        self.ambiguous.load(Ordering::Acquire) == number
    }

    /// Whether a request has begun to arrive that nobody has been told of.
    pub(super) fn is_in_head(&self) -> bool {
        self.in_head.load(Ordering::Acquire)
    }

    /// Whether a request has begun and its end was not read.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire) && !self.switched.load(Ordering::Acquire)
    }

    /// From here on there are no requests.
    pub(super) fn switch(&self) {
        self.switched.store(true, Ordering::Release);
    }
}

/// Follows the framing of a connection's requests.
#[derive(Debug)]
pub(super) struct Scanner {
    seen: Arc<Seen>,
    heads: u64,
    state: State,
    head: Head,
    line: Line,
}

#[derive(Debug)]
enum State {
    /// Lines up to an empty one.
    Head,
    /// This many bytes of a body.
    Body(u64),
    ChunkSize,
    /// This many bytes of a chunk, its line end included.
    Chunk(u64),
    Trailer,
    /// Not ours to read: an error that hyper answers, or another protocol.
    Opaque,
}

#[derive(Debug, Default)]
struct Head {
    started: bool,
    lengths: u32,
    length: u64,
    coded: bool,
    doubtful: bool,
}

#[derive(Debug, Default)]
struct Line {
    kept: Vec<u8>,
    cut: bool,
    /// Whether the last byte so far is a CR.
    cr: bool,
}

impl Scanner {
    /// For a connection whose first bytes were read already.
    pub(super) fn new() -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen {
            ambiguous: AtomicU64::new(u64::MAX),
            in_head: AtomicBool::new(true),
            open: AtomicBool::new(false),
            switched: AtomicBool::new(false),
        });
        let scanner = Self {
            seen: Arc::clone(&seen),
            heads: 0,
            state: State::Head,
            head: Head::default(),
            line: Line::default(),
        };
        (scanner, seen)
    }

    fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.read(bytes);
        let begun = self.head.started || !self.line.kept.is_empty();
        let in_head = matches!(self.state, State::Head) && begun;
        self.seen.in_head.store(in_head, Ordering::Release);
        let open = in_head || !matches!(self.state, State::Head);
        self.seen.open.store(open, Ordering::Release);
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Opaque => return,
                State::Body(left) | State::Chunk(left) => {
                    let taken =
                        usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    *left -= taken as u64;
                    bytes.advance(taken);
                    if *left == 0 {
                        self.state = match self.state {
                            State::Chunk(_) => State::ChunkSize,
                            _ => State::Head,
                        };
                    }
                }
                State::Head | State::ChunkSize | State::Trailer => {
                    let end = bytes.iter().position(|&byte| byte == b'\n');
                    self.line
                        .extend(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
                    bytes.advance(end.map_or(bytes.len(), |end| end + 1));
                    if end.is_some() {
                        let line = std::mem::take(&mut self.line);
                        self.state = self.end_line(&line);
                        // The allocation is kept for the next line.
                        self.line.kept = line.kept;
                        self.line.kept.clear();
                    }
                }
            }
        }
    }

    fn end_line(&mut self, line: &Line) -> State {
        let text = line.kept.strip_suffix(b"\r").unwrap_or(&line.kept);
        if matches!(self.state, State::Head) {
            self.head.doubtful |= !line.cr;
        }
        match self.state {
            State::Head if text.is_empty() && !self.head.started => State::Head,
            State::Head if text.is_empty() => self.end_head(),
            State::Head => {
                if self.head.started {
                    self.head.read(text, line.cut);
                }
                self.head.started = true;
                State::Head
            }
            // Where hyper sees the end of a line that a bare LF ends is not known here.
            State::ChunkSize | State::Trailer if !line.cr => self.lose_track(),
            State::ChunkSize => match chunk_size(text, line.cut) {
                Some(0) => State::Trailer,
                Some(size) => State::Chunk(size.saturating_add(2)),
                None => self.lose_track(),
            },
            State::Trailer if text.is_empty() => State::Head,
            State::Trailer => State::Trailer,
            State::Body(_) | State::Chunk(_) | State::Opaque => State::Opaque,
        }
    }

    /// Where the body ends is not known here. Whatever hyper takes for the next header
    /// section was not read along, so that it counts as ambiguous.
    fn lose_track(&self) -> State {
        self.seen.ambiguous.store(self.heads, Ordering::Release);
        State::Opaque
    }

    fn end_head(&mut self) -> State {
        let head = std::mem::take(&mut self.head);
        let number = self.heads;
        self.heads += 1;
        if head.doubtful || head.lengths > 1 || (head.lengths > 0 && head.coded) {
            self.seen.ambiguous.store(number, Ordering::Release);
            return State::Opaque;
        }
        match (head.coded, head.length) {
            (true, _) => State::ChunkSize,
            (false, 0) => State::Head,
            (false, length) => State::Body(length),
        }
    }
}

impl Head {
    fn read(&mut self, line: &[u8], cut: bool) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return;
        };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths += 1;
            let digits = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
            let length = std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok());
            // What cannot be read here hyper refuses; a value that was cut it may not.
            self.doubtful |= cut;
            self.length = length.unwrap_or(0);
        }
    }
}

impl Line {
    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_KEPT - self.kept.len().min(LINE_KEPT);
        self.cut |= bytes.len() > room;
        self.cr = bytes.last().map_or(self.cr, |&last| last == b'\r');
        self.kept.extend(bytes.iter().take(room));
    }
}

/// The size line of a chunk, extensions left aside (RFC 9112 §7.1). None if it cannot be
/// read, also because the line was cut within the digits.
fn chunk_size(line: &[u8], cut: bool) -> Option<u64> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    if cut && digits == line.len() {
        return None;
    }
    let digits = std::str::from_utf8(line.get(..digits)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

/// A connection that is read along, and whose first bytes were read already.
#[derive(Debug)]
pub(super) struct Scanned<T> {
    stream: T,
    said: Vec<u8>,
    scanner: Option<Scanner>,
}

impl<T> Scanned<T> {
    pub(super) fn new(stream: T, said: Vec<u8>, scanner: Scanner) -> Self {
        Self {
            stream,
            said,
            scanner: Some(scanner),
        }
    }

    /// Another protocol: nothing is read along.
    pub(super) fn opaque(stream: T, said: Vec<u8>) -> Self {
        Self {
            stream,
            said,
            scanner: None,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Scanned<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.said.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let taken = self.said.len().min(buf.remaining());
            let said: Vec<u8> = self.said.drain(..taken).collect();
            buf.put_slice(&said);
        }
        if let Some(scanner) = &mut self.scanner {
            scanner.push(buf.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Scanned<T> {
    writes_through!(stream);

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    mod differential;

    use super::*;

    /// The number of the first ambiguous header section, however the bytes arrive.
    fn first_ambiguous(wire: &str) -> Option<u64> {
        let whole = {
            let (mut scanner, seen) = Scanner::new();
            scanner.push(wire.as_bytes());
            seen.ambiguous.load(Ordering::Acquire)
        };
        let (mut scanner, seen) = Scanner::new();
        for byte in wire.as_bytes() {
            scanner.push(&[*byte]);
        }
        assert_eq!(seen.ambiguous.load(Ordering::Acquire), whole, "{wire:?}");
        (whole != u64::MAX).then_some(whole)
    }

    #[test]
    fn g12_both_framings_are_seen_in_any_order_and_spelling() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 0\r\n\r\n",
            "POST / HTTP/1.1\nContent-Length:4\nTransfer-Encoding:x\n\n",
            "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
        ] {
            assert_eq!(first_ambiguous(head), Some(0), "{head:?}");
            let second = format!("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n{head}");
            assert_eq!(first_ambiguous(&second), Some(1), "{second:?}");
        }
        let padded = format!(
            "POST / HTTP/1.1\r\nContent-Length:{}5\r\n\r\n",
            " ".repeat(80)
        );
        assert_eq!(first_ambiguous(&padded), Some(0));
    }

    #[test]
    fn g13_a_bare_line_feed_ends_no_header_line() {
        let long = "a".repeat(200);
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: a\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: a\r\n\n".to_owned(),
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\nX: {long}\nHost: a\r\n\r\n"),
            format!("GET /{long} HTTP/1.1\nHost: a\r\n\r\n"),
        ] {
            assert_eq!(first_ambiguous(&head), Some(0), "{head:?}");
        }
        let sound = format!("\r\nGET /{long} HTTP/1.1\r\nX: {long}\r\n\r\n");
        assert_eq!(first_ambiguous(&format!("{sound}{sound}")), None);
        let body = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\n";
        assert_eq!(first_ambiguous(&format!("{body}{sound}")), None);
    }

    #[test]
    fn g12_after_a_chunk_whose_size_was_not_read_all_is_ambiguous() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let zeros = "0".repeat(80);
        for size in [format!("{zeros}4"), zeros, "x".into(), "f".repeat(17)] {
            let wire = format!("{head}{size}\r\n\r\n\r\n\r\n0\r\n\r\n{next}");
            assert_eq!(first_ambiguous(&wire), Some(1), "{size}");
        }
        let extension = format!("4;{}\r\n\r\n\r\n\r\n0\r\n\r\n", "e".repeat(80));
        assert_eq!(first_ambiguous(&format!("{head}{extension}{next}")), None);
    }

    #[test]
    fn what_lies_in_a_body_is_no_header() {
        let smuggled = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let fixed = format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        );
        assert_eq!(first_ambiguous(&fixed), None);
        let chunked = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x};ext=1\r\n{smuggled}\r\n0\r\nContent-Length: 1\r\n\r\n",
            smuggled.len()
        );
        assert_eq!(first_ambiguous(&chunked), None);
        assert_eq!(
            first_ambiguous(&format!(
                "{fixed}{chunked}{fixed}POST / HTTP/1.1\r\n{smuggled}"
            )),
            Some(3)
        );
    }
}
