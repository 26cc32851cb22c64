//! The one body type of the gate, in both directions: streamed bodies pass unboxed.

use bytes::Bytes;
use doorward_surface::Body as LocalBody;
use doorward_surface::body::BodyError;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// A body that passes through the gate.
#[derive(Debug, Default)]
pub enum GateBody {
    /// No bytes.
    #[default]
    Empty,
    /// An upstream's answer, as it arrives.
    Streamed(Incoming),
    /// A client's request, as it arrives, up to a cap and without trailers.
    Request(Capped),
    /// A local target's answer, or one of ours.
    Local(LocalBody),
}

/// A request body with a cap.
#[derive(Debug)]
pub struct Capped {
    inner: Incoming,
    left: u64,
    over: Arc<AtomicBool>,
}

/// The request body went beyond the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request body is larger than the cap")]
pub struct BodyOverCap;

impl Capped {
    /// At most `cap` bytes of `inner`.
    pub(crate) fn new(inner: Incoming, cap: u64) -> Self {
        Self {
            inner,
            left: cap,
            over: Arc::default(),
        }
    }

    /// Set once the body went beyond the cap.
    pub(crate) fn over(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }
}

impl Body for Capped {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        // A trailer could carry what was stripped from the headers (G3).
        let Ok(data) = frame.into_data() else {
            return Poll::Ready(None);
        };
        match self.left.checked_sub(data.len() as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            None => {
                self.over.store(true, Ordering::Release);
                Poll::Ready(Some(Err(BodyOverCap.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Body for GateBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Streamed(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Request(body) => Pin::new(body).poll_frame(cx),
            Self::Local(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed(body) => body.is_end_stream(),
            Self::Request(body) => body.is_end_stream(),
            Self::Local(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streamed(body) => body.size_hint(),
            Self::Request(body) => body.size_hint(),
            Self::Local(body) => body.size_hint(),
        }
    }
}
