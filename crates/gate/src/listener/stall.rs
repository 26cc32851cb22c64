//! A peer that takes nothing of what is there for it, although its connection is up: it
//! is waited for as long as the limit says, and then given up. Not here: a peer that says
//! nothing (`activity`, `body`).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// One wait after another, each with the same limit. The timer is made by the first wait
/// and moved only when it rings: what waits often and briefly pays a look at the clock.
#[derive(Debug)]
pub(super) struct Stall {
    limit: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: None,
            timer: None,
        }
    }

    /// Nothing is waited for any more.
    pub(super) fn end(&mut self) {
        self.since = None;
    }

    /// Goes on with the wait, or begins one; ready when it was too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            // It was set for an earlier wait.
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

/// A connection that fails when its peer takes nothing for too long.
#[derive(Debug)]
pub struct Stalling<T> {
    stream: T,
    stall: Stall,
    /// What is done to the stream then.
    give_up: fn(&T),
}

impl<T> Stalling<T> {
    /// `stream`, whose peer may take nothing for `limit`; `give_up` is called before the
    /// connection fails.
    pub const fn new(stream: T, limit: Duration, give_up: fn(&T)) -> Self {
        Self {
            stream,
            stall: Stall::new(limit),
            give_up,
        }
    }

    fn judge<R>(
        &mut self,
        written: Poll<io::Result<R>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stall.end();
            return written;
        }
        self.stall.poll(cx).map(|()| {
            (self.give_up)(&self.stream);
            Err(io::ErrorKind::TimedOut.into())
        })
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stalling<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stalling<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// A socket has nothing of its own to flush.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    const LIMIT: Duration = Duration::from_secs(60);

    static GIVEN_UP: AtomicUsize = AtomicUsize::new(0);

    fn count(_: &DuplexStream) {
        GIVEN_UP.fetch_add(1, Ordering::SeqCst);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up_and_who_takes_a_little_is_not() {
        let (near, mut far) = duplex(16);
        let mut near = Stalling::new(near, LIMIT, count);
        let writing = tokio::spawn(async move {
            let wrote = near.write_all(&[0; 16 * 20]).await;
            (wrote, Instant::now(), near)
        });
        // Ten pieces, each taken just before the limit.
        for _ in 0..10 {
            tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
            far.read_exact(&mut [0; 16]).await.unwrap();
        }
        let last = Instant::now();
        let (wrote, ended, _near) = writing.await.unwrap();
        assert_eq!(wrote.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(ended - last, LIMIT);
        assert_eq!(GIVEN_UP.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_ended_is_not_counted() {
        let mut stall = Stall::new(LIMIT);
        let half = LIMIT / 2;
        for _ in 0..5 {
            let waited =
                tokio::time::timeout(half, std::future::poll_fn(|cx| stall.poll(cx))).await;
            assert!(waited.is_err());
            stall.end();
        }
        let began = Instant::now();
        std::future::poll_fn(|cx| stall.poll(cx)).await;
        assert_eq!(began.elapsed(), LIMIT);
    }
}
