//! How large a message of the server's may be. The client's library gathers a whole message
//! before anybody can look at it, and a row is one: its length is read here, as it comes over
//! the wire, and what is too long is never gathered. Not here: how many rows there may be
//! (`statement`).

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The most until somebody says otherwise, in bytes.
const AT_FIRST: usize = 1 << 20;
/// What a row's message holds beside what its values weigh: their lengths, their own forms.
const BESIDE: usize = 1 << 20;

/// The largest message that a connection takes, shared by who reads and who asks.
#[derive(Clone)]
pub(super) struct Gauge(Arc<State>);

struct State {
    most: AtomicUsize,
    burst: AtomicBool,
    read: AtomicBool,
}

impl Gauge {
    /// For a connection that asks for little.
    pub(super) fn new() -> Self {
        Self::of(AT_FIRST)
    }

    /// For messages of so many bytes.
    pub(super) fn of(most: usize) -> Self {
        Self(Arc::new(State {
            most: AtomicUsize::new(most),
            burst: AtomicBool::new(false),
            read: AtomicBool::new(false),
        }))
    }

    /// From now on a row may weigh so much.
    pub(super) fn admit(&self, bytes: usize) {
        let most = bytes.saturating_mul(2).saturating_add(BESIDE);
        self.0.most.store(most, Ordering::Release);
    }

    /// Whether a message was too large, and the connection given up for it.
    pub(super) fn is_burst(&self) -> bool {
        self.0.burst.load(Ordering::Acquire)
    }

    /// Whether some connection is read through it.
    pub(super) fn is_read(&self) -> bool {
        self.0.read.load(Ordering::Acquire)
    }
}

/// Where in the stream of messages (a letter, four bytes of length, the rest) reading is.
enum Place {
    Head { bytes: [u8; 5], have: usize },
    Body { left: usize },
}

impl Place {
    const START: Self = Self::Head {
        bytes: [0; 5],
        have: 0,
    };

    /// Goes on over what was read; whether every message on the way may be as long as it is.
    fn pass(&mut self, mut read: &[u8], most: usize) -> bool {
        while !read.is_empty() {
            match self {
                Self::Head { bytes, have } => {
                    let (room, next) = (bytes.iter_mut().skip(*have), read.iter());
                    let taken = room.zip(next).map(|(to, from)| *to = *from).count();
                    *have += taken;
                    read = read.get(taken..).unwrap_or_default();
                    if *have == bytes.len() {
                        let [_, a, b, c, d] = *bytes;
                        let length = usize::try_from(u32::from_be_bytes([a, b, c, d]));
                        let length = length.unwrap_or(usize::MAX);
                        if length > most {
                            return false;
                        }
                        // The length counts itself.
                        *self = Self::body(length.saturating_sub(4));
                    }
                }
                Self::Body { left } => {
                    let taken = read.len().min(*left);
                    let rest = *left - taken;
                    read = read.get(taken..).unwrap_or_default();
                    *self = Self::body(rest);
                }
            }
        }
        true
    }

    const fn body(left: usize) -> Self {
        match left {
            0 => Self::START,
            left => Self::Body { left },
        }
    }
}

/// A stream of the server's messages, over TLS or not.
pub(super) struct Gauged<T> {
    inner: T,
    gauge: Gauge,
    place: Place,
}

impl<T> Gauged<T> {
    pub(super) fn new(inner: T, gauge: Gauge) -> Self {
        gauge.0.read.store(true, Ordering::Release);
        Self {
            inner,
            gauge,
            place: Place::START,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Gauged<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(context, buffer);
        if !matches!(read, Poll::Ready(Ok(()))) {
            return read;
        }
        let most = this.gauge.0.most.load(Ordering::Acquire);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if this.place.pass(new, most) {
            return read;
        }
        buffer.set_filled(before);
        this.gauge.0.burst.store(true, Ordering::Release);
        Poll::Ready(Err(io::Error::other(
            "the server's message is larger than may be",
        )))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gauged<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<T: TlsStream + Unpin> TlsStream for Gauged<T> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// What a stream without TLS is to who expects one with it.
pub(super) struct Plain<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Plain<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Plain<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Plain<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Connects without TLS where the library would ask for it: the one place where a stream can
/// be wrapped by who does not make it.
#[derive(Clone)]
pub(super) struct MakePlain;

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for MakePlain {
    type Stream = Plain<S>;
    type TlsConnect = Self;
    type Error = Infallible;

    fn make_tls_connect(&mut self, _: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for MakePlain {
    type Stream = Plain<S>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Plain<S>, Infallible>>;

    fn connect(self, stream: S) -> Self::Future {
        std::future::ready(Ok(Plain(stream)))
    }
}

/// Connects as `how` does, and gauges what comes.
#[derive(Clone)]
pub(super) struct MakeGauged<M = MakeRustlsConnect> {
    pub(super) how: M,
    pub(super) gauge: Gauge,
}

impl<S, M: MakeTlsConnect<S>> MakeTlsConnect<S> for MakeGauged<M>
where
    <M::TlsConnect as TlsConnect<S>>::Future: Send + 'static,
{
    type Stream = Gauged<M::Stream>;
    type TlsConnect = MakeGauged<M::TlsConnect>;
    type Error = M::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, M::Error> {
        let how = self.how.make_tls_connect(domain)?;
        let gauge = self.gauge.clone();
        Ok(MakeGauged { how, gauge })
    }
}

impl<S, C: TlsConnect<S>> TlsConnect<S> for MakeGauged<C>
where
    C::Future: Send + 'static,
{
    type Stream = Gauged<C::Stream>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, C::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let Self { how, gauge } = self;
        let connecting = how.connect(stream);
        Box::pin(async move { Ok(Gauged::new(connecting.await?, gauge)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32) -> Vec<u8> {
        let mut bytes = vec![b'D'];
        bytes.extend(length.to_be_bytes());
        bytes.resize(1 + usize::try_from(length).unwrap(), b'x');
        bytes
    }

    /// Whatever the pieces are that the wire brings.
    #[test]
    fn a_message_is_measured_by_its_head() {
        let fits = [message(4), message(100), message(17)].concat();
        let bursts = [message(100), message(101)].concat();
        for size in [1, 2, 3, 4, 5, 6, 7, 50, 1000] {
            let mut place = Place::START;
            assert!(fits.chunks(size).all(|piece| place.pass(piece, 100)));
            assert!(matches!(place, Place::Head { have: 0, .. }));
            let mut place = Place::START;
            assert!(!bursts.chunks(size).all(|piece| place.pass(piece, 100)));
        }
    }
}
