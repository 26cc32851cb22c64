//! An upstream of a test's own, which remembers every byte that reached it.

use crate::artifact::must;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// A listener on the loopback that answers 200 to everything.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Upstream {
    /// Answers at once.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start() -> Self {
        Self::with_answer(Arc::new(|| ()))
    }

    /// Answers each request only after one message on the channel, or after 30 s. The
    /// second channel tells when a request has arrived.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn held() -> (Self, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (release, released) = mpsc::channel();
        let (arrive, arrived) = mpsc::channel();
        let released = Mutex::new(released);
        let wait = move || {
            let _ = arrive.send(());
            let released = released.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = released.recv_timeout(Duration::from_secs(30));
        };
        (Self::with_answer(Arc::new(wait)), release, arrived)
    }

    fn with_answer(before: Arc<dyn Fn() + Send + Sync>) -> Self {
        let listener = must("listen as an upstream", TcpListener::bind("127.0.0.1:0"));
        let addr = must("listen as an upstream", listener.local_addr());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (record, before) = (Arc::clone(&record), Arc::clone(&before));
                std::thread::spawn(move || answer(stream, &record, &*before));
            }
        });
        Self { addr, seen }
    }

    /// Its origin, for a route's `upstream`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every byte it has received so far, as text.
    #[must_use]
    pub fn seen(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&seen).into_owned()
    }
}

/// Reads requests from one connection and answers each. Only heads are told apart;
/// bodies are short in tests and arrive with what follows.
fn answer(mut stream: TcpStream, record: &Mutex<Vec<u8>>, before: &dyn Fn()) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"upstream\": 1}";
    let mut part = [0_u8; 4096];
    let mut tail = Vec::new();
    while let Ok(count) = stream.read(&mut part) {
        let bytes = part.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        tail.extend_from_slice(bytes);
        while let Some(end) = tail.windows(4).position(|four| four == b"\r\n\r\n") {
            tail.drain(..end + 4);
            before();
            if stream.write_all(ANSWER).is_err() {
                return;
            }
        }
    }
}
