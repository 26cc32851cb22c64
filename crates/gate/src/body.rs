//! The one body type of the gate, in both directions: streamed bodies pass unboxed.

mod pace;

pub(crate) use pace::Course;
pub use pace::Pace;

use crate::listener::Held;
use crate::proxy::upload::Hold;
use crate::stream::{Watch, YOUNG};
use bytes::Bytes;
use doorward_base::ErrorCode;
use doorward_surface::Body as LocalBody;
use doorward_surface::body::BodyError;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pace::{Flow, Pause};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

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
    flow: Flow,
    course: Arc<Course>,
    /// As long as it comes, its request is open.
    _held: Option<Held>,
}

/// An upstream's body with a deadline for each piece of it. The deadline runs only
/// while a piece is waited for: a slow client is not the upstream's silence. It ends with
/// the credential that asked for it.
#[derive(Debug)]
pub struct Paced {
    inner: Incoming,
    /// The longest silence.
    idle: Duration,
    pause: Pause,
    watch: Watch,
    /// The connection, until the body is whole.
    hold: Option<Hold>,
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

impl Paced {
    /// `inner`, with no pause longer than `idle`, as long as `watch` lets it go on;
    /// `hold` is given back when it is whole.
    pub(crate) fn new(inner: Incoming, idle: Duration, hold: Hold, watch: Watch) -> Self {
        let mut body = Self {
            inner,
            idle,
            pause: Pause::new(idle),
            watch,
            hold: Some(hold),
        };
        if body.inner.is_end_stream() {
            body.give_back();
        }
        body
    }

    fn give_back(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.give_back();
        }
    }

    /// The upstream says nothing; ready when that is the end.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        loop {
            if !self.pause.is_running() {
                let young = self.watch.is_young();
                self.pause.limit = if young {
                    self.idle.min(YOUNG)
                } else {
                    self.idle
                };
            }
            ready!(self.pause.poll(cx));
            if self.pause.limit >= self.idle {
                tracing::warn!("an upstream stalled within its answer");
                return Poll::Ready(AnswerStalled.into());
            }
            // It goes on: the rest of the silence is a stream's.
            self.pause.end();
            self.watch.open();
            if let Poll::Ready(ended) = self.watch.poll_ended(cx) {
                return Poll::Ready(ended.into());
            }
        }
    }
}

impl Capped {
    /// At most `cap` bytes of `inner`, not slower than `pace`; `held` is let go of with it.
    pub(crate) fn new(inner: Incoming, cap: u64, pace: Pace, held: Option<Held>) -> Self {
        Self {
            inner,
            left: cap,
            pause: Pause::new(pace.idle),
            flow: Flow::new(pace),
            course: Arc::default(),
            _held: held,
        }
    }

    /// How it fares.
    pub(crate) fn course(&self) -> Arc<Course> {
        Arc::clone(&self.course)
    }

    fn break_off(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // The first fault is the cause of any later one.
        let _ = self.course.fault.set(fault);
        Poll::Ready(Some(Err(fault.into())))
    }

    /// Goes on waiting for the client; ready when it was too long.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.flow.is_waiting() {
            self.pause.limit = self.flow.begin();
            self.course.waiting.store(true, Ordering::Release);
        }
        self.pause.poll(cx)
    }

    fn end_pause(&mut self) {
        if self.flow.is_waiting() {
            self.flow.end();
            self.pause.end();
            self.course.waiting.store(false, Ordering::Release);
        }
    }
}

/// Whoever reads it lets go of it when there is no more to come.
impl Drop for Capped {
    fn drop(&mut self) {
        self.course.finish();
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
            return match self.poll_pause(cx) {
                Poll::Ready(()) => self.break_off(BodyFault::Stalled),
                Poll::Pending => Poll::Pending,
            };
        };
        self.end_pause();
        if next.is_none() || (matches!(next, Some(Ok(_))) && self.inner.is_end_stream()) {
            self.course.whole.store(true, Ordering::Release);
        }
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
        let size = data.len() as u64;
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                self.flow.bytes = self.flow.bytes.saturating_add(size);
                self.course.passed.fetch_add(size, Ordering::AcqRel);
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
        if let Poll::Ready(ended) = self.watch.poll_ended(cx) {
            return Poll::Ready(Some(Err(ended.into())));
        }
        if let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.pause.end();
            match &next {
                Some(Err(_)) => {}
                Some(Ok(_)) if !self.inner.is_end_stream() => {}
                None | Some(Ok(_)) => self.give_back(),
            }
            return Poll::Ready(next.map(|next| next.map_err(Into::into)));
        }
        self.poll_silence(cx).map(|error| Some(Err(error)))
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
