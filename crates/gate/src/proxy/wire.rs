//! What a connection to an upstream is made of, and how it ends: whoever says farewell first
//! has its port taken for a minute (RFC 9293 §3.6.1), and the ports of this machine towards
//! one upstream are few. So it ends by a reset, which leaves the port free at once, unless
//! the upstream ended it or somebody asked for a farewell. Not here: who ends it, and when
//! (`pool`).

use super::pool::{FAREWELL, Leaving};
use rustix::net::{RecvFlags, recv};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_rustls::client::TlsStream;

/// How a connection ends when it is ended on this side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// By a reset at once.
    Reset,
    /// By a reset that waits a while for the upstream to end it: a reset takes from the
    /// upstream what it has not read of the request.
    LateReset,
    /// By a farewell.
    Farewell,
}

/// What becomes of a connection, told from outside.
#[derive(Clone, Debug)]
pub(super) struct Fate(Arc<Told>);

#[derive(Debug)]
struct Told {
    end: AtomicU8,
    /// Whether the next read looks by itself for what has arrived.
    wary: AtomicBool,
}

impl Fate {
    fn new() -> Self {
        Self(Arc::new(Told {
            end: AtomicU8::new(End::Reset as u8),
            wary: AtomicBool::new(false),
        }))
    }

    pub(super) fn set(&self, end: End) {
        self.0.end.store(end as u8, Ordering::Release);
    }

    /// Whatever arrived before the next request is sent ends the connection, also what the
    /// runtime has not told of yet: it would be taken for the answer.
    pub(super) fn beware(&self) {
        self.0.wary.store(true, Ordering::Release);
    }

    fn end(&self) -> End {
        let told = self.0.end.load(Ordering::Acquire);
        let ends = [End::Farewell, End::LateReset];
        let found = ends.into_iter().find(|end| *end as u8 == told);
        found.unwrap_or(End::Reset)
    }

    fn is_wary(&self) -> bool {
        // Looked at first: mostly it is not, and nothing is written.
        self.0.wary.load(Ordering::Acquire) && self.0.wary.swap(false, Ordering::AcqRel)
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    fate: Fate,
    /// Whether the upstream said that it says no more.
    is_left: bool,
    leaving: Leaving,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// For the upstream to end it.
#[derive(Debug)]
struct Waiting {
    until: Pin<Box<Sleep>>,
    _room: OwnedSemaphorePermit,
}

impl Wire {
    pub(super) fn new(stream: Stream, leaving: Leaving) -> Self {
        Self {
            stream,
            fate: Fate::new(),
            is_left: false,
            leaving,
            waiting: None,
        }
    }

    pub(super) fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Ready when the upstream ended it, or had its time.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; 1024];
        while !self.is_left {
            let late = self
                .waiting
                .as_mut()
                .is_none_or(|waiting| waiting.until.as_mut().poll(cx).is_ready());
            let mut buffer = ReadBuf::new(&mut scrap);
            if late || ready!(Pin::new(&mut *self).poll_read(cx, &mut buffer)).is_err() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Whether anything lies there to be read, its end among it.
    fn has_arrived(&self) -> bool {
        let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        recv(self.tcp(), &mut [0; 1], look).is_ok()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.is_left || self.fate.end() == End::Farewell {
            return;
        }
        if let Err(error) = self.stream.tcp().set_zero_linger() {
            tracing::debug!(%error, "a connection to an upstream ends by a farewell");
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.remaining();
        let read = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        match &read {
            Poll::Ready(Ok(())) => this.is_left |= before > 0 && buf.remaining() == before,
            Poll::Pending if this.fate.is_wary() && this.stream.has_arrived() => {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.waiting.is_none() && !this.is_left {
            match this.fate.end() {
                End::Reset => return Poll::Ready(Ok(())),
                End::LateReset => {
                    let Ok(room) = Arc::clone(&this.leaving).try_acquire_owned() else {
                        return Poll::Ready(Ok(()));
                    };
                    this.waiting = Some(Waiting {
                        until: Box::pin(sleep(FAREWELL)),
                        _room: room,
                    });
                }
                End::Farewell => {}
            }
        }
        if this.waiting.is_some() {
            return this.poll_left(cx).map(Ok);
        }
        match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::task::Waker;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn what_arrived_ends_it_before_the_runtime_tells_of_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (mut far, _) = listener.accept().unwrap();
        let room = Arc::new(Semaphore::new(1));
        let mut wire = Wire::new(Stream::Plain(near.unwrap()), room);
        let fate = wire.fate();
        let mut read = || {
            let (mut bytes, mut cx) = ([0; 8], Context::from_waker(Waker::noop()));
            let mut buffer = ReadBuf::new(&mut bytes);
            Pin::new(&mut wire).poll_read(&mut cx, &mut buffer)
        };
        fate.beware();
        assert!(read().is_pending(), "nothing is there");
        far.write_all(b"stray").unwrap();
        assert!(read().is_pending(), "nobody told");
        fate.beware();
        let Poll::Ready(Err(error)) = read() else {
            panic!("it goes on");
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
