//! The one body type of the gate, in both directions: streamed bodies pass unboxed.

use bytes::Bytes;
use doorward_base::ErrorCode;
use doorward_surface::Body as LocalBody;
use doorward_surface::body::BodyError;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// A body that passes through the gate.
#[derive(Debug, Default)]
pub enum GateBody {
    /// No bytes.
    #[default]
    Empty,
    /// An upstream's answer, as it arrives.
    Streamed(Paced),
    /// A client's request, as it arrives, up to a cap and without trailers.
    Request(Capped),
    /// A local target's answer, or one of ours.
    Local(LocalBody),
}

/// A request body with a cap and a deadline for each piece of it.
#[derive(Debug)]
pub struct Capped {
    inner: Incoming,
    left: u64,
    pause: Pause,
    fault: Arc<OnceLock<BodyFault>>,
}

/// An upstream's body with a deadline for each piece of it. The deadline runs only
/// while a piece is waited for: a slow client is not the upstream's silence.
#[derive(Debug)]
pub struct Paced {
    inner: Incoming,
    pause: Pause,
}

/// How long the next piece of a body may take.
#[derive(Debug)]
struct Pause {
    limit: Duration,
    /// Runs while the sender says nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

/// An upstream fell silent within its answer.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer stalled")]
struct AnswerStalled;

/// Why a request body was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It went beyond the cap.
    #[error("the request body is larger than the cap")]
    OverCap,
    /// Its sender fell silent.
    #[error("the request body stalled")]
    Stalled,
    /// Its framing is wrong, or its sender went away within it.
    #[error("the request body is broken")]
    Broken,
}

impl BodyFault {
    /// What the client is told.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::OverCap => ErrorCode::BodyTooLarge,
            Self::Stalled => ErrorCode::InvalidRequest,
            // Where it ends is anyone's guess, so nothing more is read (RFC 9112 §7.1).
            Self::Broken => ErrorCode::FramingAmbiguous,
        }
    }

    /// The check that failed, for traces.
    #[must_use]
    pub const fn check(self) -> &'static str {
        match self {
            Self::OverCap => "body_size",
            Self::Stalled => "body_stalled",
            Self::Broken => "body_broken",
        }
    }
}

impl Pause {
    const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
        }
    }

    /// Goes on with the pause, or begins one; ready when it was too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        waiting.as_mut().poll(cx)
    }

    fn end(&mut self) {
        self.waiting = None;
    }
}

impl Paced {
    /// `inner`, with no pause longer than `idle`.
    pub(crate) const fn new(inner: Incoming, idle: Duration) -> Self {
        Self {
            inner,
            pause: Pause::new(idle),
        }
    }
}

impl Capped {
    /// At most `cap` bytes of `inner`, with no pause longer than `idle`.
    pub(crate) fn new(inner: Incoming, cap: u64, idle: Duration) -> Self {
        Self {
            inner,
            left: cap,
            pause: Pause::new(idle),
            fault: Arc::default(),
        }
    }

    /// Filled once the body was broken off.
    pub(crate) fn fault(&self) -> Arc<OnceLock<BodyFault>> {
        Arc::clone(&self.fault)
    }

    fn break_off(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // The first fault is the cause of any later one.
        let _ = self.fault.set(fault);
        Poll::Ready(Some(Err(fault.into())))
    }
}

impl Body for Capped {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) else {
            return match self.pause.poll(cx) {
                Poll::Ready(()) => self.break_off(BodyFault::Stalled),
                Poll::Pending => Poll::Pending,
            };
        };
        self.pause.end();
        let frame = match next {
            None => return Poll::Ready(None),
            Some(Err(error)) => {
                tracing::debug!(%error, "request body broken");
                return self.break_off(BodyFault::Broken);
            }
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
            None => self.break_off(BodyFault::OverCap),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.pause.end();
            return Poll::Ready(next.map(|next| next.map_err(Into::into)));
        }
        self.pause.poll(cx).map(|()| {
            tracing::warn!("an upstream stalled within its answer");
            Some(Err(AnswerStalled.into()))
        })
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
            Self::Streamed(body) => Pin::new(body).poll_frame(cx),
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
