//! Clients that make no progress, as an attacker's would not: each is polite to the letter
//! and holds on to what it has. Not here: what the door must do about them.

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

/// In what way one makes none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Asks for more than there is room for, and reads nothing.
    Deaf,
    /// The same with what an upstream pushes through a WebSocket.
    DeafWebSocket,
    /// HTTP/2 with a window of 0 for each of its streams; answers every PING.
    ClosedWindow,
    /// HTTP/2 without a request; sends and answers PINGs.
    Pinging,
    /// A header section that never ends.
    SlowHead,
    /// A body for an endpoint of the door's own, a byte a second.
    SlowBody,
    /// Asks the operations listener for metrics, again and again, and reads nothing.
    DeafOperator,
}

impl Sort {
    /// Those at the public door.
    pub const AT_THE_DOOR: [Self; 6] = [
        Self::Deaf,
        Self::DeafWebSocket,
        Self::ClosedWindow,
        Self::Pinging,
        Self::SlowHead,
        Self::SlowBody,
    ];
}

/// What they go at.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The public door.
    pub door: SocketAddr,
    /// The operations listener.
    pub ops: SocketAddr,
    /// A public path of an upstream that sends on for ever.
    pub endless: &'t str,
    /// A public path of an upstream that pushes frames for ever.
    pub pushing: &'t str,
    /// An endpoint of the door's own that takes a body.
    pub own: &'t str,
}

/// How many streams one with a closed window opens.
const STREAMS: u32 = 4;
/// How often a slow one says something.
const PACE: Duration = Duration::from_secs(1);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One of them, with its connection.
#[derive(Debug)]
pub struct Hostile {
    sort: Sort,
    stream: TcpStream,
    seen: Vec<u8>,
    said: Instant,
    resets: u32,
    ended: bool,
}

impl Hostile {
    /// Connects from an address of this machine (127.0.0.0/8) and begins.
    ///
    /// # Errors
    /// Without descriptors or ports. That the door closes at once is none.
    pub fn open(sort: Sort, target: &Target<'_>, from: Ipv4Addr) -> std::io::Result<Self> {
        let to = if sort == Sort::DeafOperator {
            target.ops
        } else {
            target.door
        };
        let stream = connect_from(from, to)?;
        stream.set_nonblocking(true)?;
        let mut hostile = Self {
            sort,
            stream,
            seen: Vec::new(),
            said: Instant::now(),
            resets: 0,
            ended: false,
        };
        hostile.say(&opening(sort, target));
        Ok(hostile)
    }

    /// Does what it does to stay, and tells whether it was ended: its connection, or every
    /// stream of it.
    pub fn is_ended(&mut self) -> bool {
        if self.ended {
            return true;
        }
        match self.sort {
            Sort::Deaf | Sort::DeafWebSocket | Sort::DeafOperator => self.look(),
            Sort::ClosedWindow | Sort::Pinging | Sort::SlowHead | Sort::SlowBody => {
                self.listen();
                self.go_on();
            }
        }
        self.ended
    }

    /// Looks without reading anything.
    fn look(&mut self) {
        let failed = self.stream.take_error().is_ok_and(|error| error.is_some());
        let closed = match self.stream.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        self.ended = failed || closed;
    }

    fn listen(&mut self) {
        let mut part = [0; 4096];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.seen.extend(part.iter().take(count));
                    continue;
                }
                Err(error) => self.ended |= error.kind() != ErrorKind::WouldBlock,
            }
            break;
        }
        if matches!(self.sort, Sort::ClosedWindow | Sort::Pinging) {
            self.read_frames();
            self.ended |= self.sort == Sort::ClosedWindow && self.resets >= STREAMS;
        }
    }

    fn go_on(&mut self) {
        if self.ended || self.said.elapsed() < PACE {
            return;
        }
        self.said = Instant::now();
        match self.sort {
            Sort::Pinging => self.say(&frame(6, 0, 0, b"are you?")),
            Sort::SlowHead | Sort::SlowBody => self.say(b"x"),
            _ => {}
        }
    }

    /// Answers SETTINGS and PINGs, and counts streams that were reset.
    fn read_frames(&mut self) {
        while let Some((head, rest)) = self.seen.split_first_chunk::<9>() {
            let [l0, l1, l2, kind, flags, ..] = *head;
            let length = u32::from_be_bytes([0, l0, l1, l2]);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let Some(payload) = rest.get(..length) else {
                return;
            };
            let answer = match (kind, flags & 1) {
                (4, 0) => Some(frame(4, 1, 0, b"")),
                (6, 0) => Some(frame(6, 1, 0, payload)),
                _ => None,
            };
            // Refused for want of a place is answered and closed: that is an end too.
            self.resets += u32::from(kind == 3);
            self.seen.drain(..9 + length);
            if let Some(answer) = answer {
                self.say(&answer);
            }
        }
    }

    /// As much as is taken; what fails shows when it listens.
    fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.write(bytes);
    }
}

fn opening(sort: Sort, target: &Target<'_>) -> Vec<u8> {
    match sort {
        Sort::Deaf => get(target.endless, "").repeat(4),
        Sort::DeafWebSocket => get(
            target.pushing,
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        ),
        Sort::DeafOperator => get("/metrics", "").repeat(4000),
        Sort::SlowHead => {
            let mut head = get("/", "X-Slow: ");
            head.truncate(head.len().saturating_sub(2));
            head
        }
        Sort::SlowBody => format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{{",
            target.own
        )
        .into_bytes(),
        Sort::Pinging => [PREFACE, &frame(4, 0, 0, b"")].concat(),
        Sort::ClosedWindow => {
            let mut bytes = [PREFACE, &frame(4, 0, 0, b"\0\x04\0\0\0\0")].concat();
            for number in 0..STREAMS {
                let mut head = vec![0x82, 0x86, 0x01, 1, b'a', 0x04];
                head.push(u8::try_from(target.endless.len()).unwrap_or(0));
                head.extend(target.endless.bytes());
                bytes.extend(frame(1, 5, 2 * number + 1, &head));
            }
            bytes
        }
    }
}

fn get(path: &str, further: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{further}\r\n").into_bytes()
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut frame: Vec<u8> = length.into_iter().skip(1).collect();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A connection from an address of this machine.
///
/// # Errors
/// When nobody listens, or descriptors or ports have run out.
pub fn connect_from(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    connect(&socket, &to)?;
    Ok(TcpStream::from(socket))
}
