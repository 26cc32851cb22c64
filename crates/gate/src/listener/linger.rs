//! The end of a connection whose client is still sending a request that was answered
//! already. Closed at once, the kernel would answer what still arrives with a reset,
//! and the client would lose the answer it has not read. So our side is closed first,
//! and what comes is read and dropped: up to an amount, for a time (RFC 9112 §9.6).
//!
//! Not here: whether a request is unfinished ([`super::framing`]).

use super::framing::Seen;
use crate::through::writes_through;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How much is read and dropped, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// Enough for a form or an upload of a reasonable size on a slow line; a client that
/// sends more has its connection reset, as it would without this.
pub(super) const PATIENCE: Patience = Patience {
    bytes: 64 * 1024 * 1024,
    time: Duration::from_secs(5),
};

/// A connection that lingers when it is shut down within a request.
#[derive(Debug)]
pub(super) struct Lingering<T> {
    stream: T,
    seen: Arc<Seen>,
    patience: Patience,
    /// Runs once our side is closed.
    until: Option<Pin<Box<Sleep>>>,
}

impl<T> Lingering<T> {
    pub(super) const fn new(stream: T, seen: Arc<Seen>, patience: Patience) -> Self {
        Self {
            stream,
            seen,
            patience,
            until: None,
        }
    }
}

impl<T: AsyncRead + Unpin> Lingering<T> {
    fn poll_drop(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0_u8; 8 * 1024];
        while self.seen.is_open() && self.patience.bytes > 0 {
            let late = self
                .until
                .as_mut()
                .is_none_or(|until| until.as_mut().poll(cx).is_ready());
            if late {
                break;
            }
            let mut buffer = ReadBuf::new(&mut scrap);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let count = buffer.filled().len() as u64;
            if read.is_err() || count == 0 {
                break;
            }
            self.patience.bytes = self.patience.bytes.saturating_sub(count);
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lingering<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<T> {
    writes_through!(stream);

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.until.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.seen.is_open() {
                return Poll::Ready(Ok(()));
            }
            this.until = Some(Box::pin(sleep(this.patience.time)));
        }
        this.poll_drop(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::{Scanned, Scanner};
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    /// A connection on which `said` was read, and its other end.
    async fn after(
        said: &str,
        patience: Patience,
    ) -> (Lingering<Scanned<DuplexStream>>, DuplexStream) {
        let (near, mut far) = duplex(1024);
        let (scanner, seen) = Scanner::new();
        let scanned = Scanned::new(near, Vec::new(), scanner);
        let mut connection = Lingering::new(scanned, seen, patience);
        far.write_all(said.as_bytes()).await.unwrap();
        let mut read = vec![0; said.len()];
        connection.read_exact(&mut read).await.unwrap();
        (connection, far)
    }

    const LONG: Patience = Patience {
        bytes: u64::MAX,
        time: Duration::from_secs(3600),
    };

    const UNFINISHED: &str = "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\nab";

    #[tokio::test]
    async fn the_rest_of_a_request_is_taken_after_our_side_was_closed() {
        let (mut connection, mut far) = after(UNFINISHED, LONG).await;
        let closing = tokio::spawn(async move { connection.shutdown().await });
        // Our end first: the client sees the end of the answer while it still sends.
        assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
        far.write_all(&[b'x'; 4998]).await.unwrap();
        closing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_whole_request_leaves_nothing_to_wait_for() {
        for said in [
            "GET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ] {
            let (mut connection, _far) = after(said, LONG).await;
            connection.shutdown().await.unwrap();
        }
    }

    #[tokio::test]
    async fn neither_a_silent_nor_an_endless_client_is_waited_for_longer() {
        let short = Patience {
            time: Duration::from_millis(1),
            ..LONG
        };
        let (mut connection, _far) = after(UNFINISHED, short).await;
        connection.shutdown().await.unwrap();
        let little = Patience {
            bytes: 1000,
            ..LONG
        };
        let (mut connection, mut far) = after(UNFINISHED, little).await;
        far.write_all(&[b'x'; 1000]).await.unwrap();
        connection.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn another_protocol_keeps_what_it_has_to_say() {
        let (mut connection, mut far) = after("GET / HTTP/1.1\r\n\r\n\u{1}\u{2}", LONG).await;
        connection.seen.switch();
        connection.shutdown().await.unwrap();
        far.write_all(b"left").await.unwrap();
        let mut left = [0; 4];
        connection.read_exact(&mut left).await.unwrap();
        assert_eq!(&left, b"left");
    }
}
