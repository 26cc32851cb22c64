//! An upstream of a test's own whose answers do not end: it sends on for ever, pushes
//! frames through a WebSocket, tells events, or says one thing and then nothing. Not
//! here: one that answers (`upstream`).

use crate::artifact::must;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n";

/// Listens on the loopback until the process ends, and answers by what the path ends
/// with: `/endless` bytes, `/pushing` frames, `/events` one event, `/websocket` one frame,
/// anything else one piece of a text. The origin, for a route's `upstream`.
///
/// # Panics
/// When it cannot listen.
#[must_use]
pub fn start() -> String {
    let listener = must("listen as an upstream", TcpListener::bind("127.0.0.1:0"));
    let addr: SocketAddr = must("listen as an upstream", listener.local_addr());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let small = std::thread::Builder::new().stack_size(64 * 1024);
            // Without a thread the connection is closed, which its client sees.
            let _ = small.spawn(move || drop(answer(stream)));
        }
    });
    format!("http://{addr}")
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let name = target.rsplit('/').next().unwrap_or_default();
    let chunked = |kind: &str, chunk: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
        )
    };
    let begin = match name {
        "endless" => "HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n".to_owned(),
        "pushing" => SWITCH.to_owned(),
        "websocket" => format!("{SWITCH}\u{2}\u{4}ping"),
        "events" => chunked("text/event-stream", "c\r\ndata: ping\n\n\r\n"),
        _ => chunked("text/plain", "4\r\nping\r\n"),
    };
    stream.write_all(begin.as_bytes())?;
    // A frame of 8 KiB, whole.
    let mut piece = vec![0x82, 126, 0x20, 0];
    piece.extend([b'x'; 8192]);
    if matches!(name, "endless" | "pushing") {
        loop {
            stream.write_all(&piece)?;
        }
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(drop)
}
