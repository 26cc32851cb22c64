//! Whether a connection is in use, and when the client must have said something. Not
//! here: deadlines within a body (`body`).

use super::framing::Seen;
use super::place::{Further, Tether};
use super::taking::Given;
use crate::body::GateBody;
use bytes::Bytes;
use doorward_surface::body::BodyError;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// The clock by which hyper waits for a header section of HTTP/1.1: a connection may be
/// idle for one time, and from the first byte of the section on there is another.
#[derive(Clone, Debug)]
pub(super) struct HeadTimer {
    pub(super) seen: Arc<Seen>,
    pub(super) idle: Duration,
    pub(super) header: Duration,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    /// The deadline is our own: hyper asks when it begins to wait.
    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HeadSleep {
            timer: self.clone(),
            began: false,
            sleep: tokio::time::sleep(self.idle),
        })
    }
}

pin_project! {
    struct HeadSleep {
        timer: HeadTimer,
        began: bool,
        #[pin]
        sleep: tokio::time::Sleep,
    }
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// Asked whenever bytes have arrived that do not end the section.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if !*this.began && this.timer.seen.is_in_head() {
            *this.began = true;
            let deadline = tokio::time::Instant::now() + this.timer.header;
            this.sleep.as_mut().reset(deadline);
        }
        this.sleep.poll(cx)
    }
}

/// How many requests of an HTTP/2 connection are open.
#[derive(Debug, Default)]
pub(super) struct Activity {
    open: AtomicUsize,
    /// Told when the last open one ends.
    rest: Notify,
}

impl Activity {
    /// A request begins: the first that is open has the place of its connection, each
    /// other one takes its own, if there is one.
    pub(super) fn begin(self: &Arc<Self>, tether: &Tether) -> Open {
        let others = self.open.fetch_add(1, Ordering::AcqRel);
        let further = (others > 0).then(|| tether.further());
        Open {
            crowded: matches!(further, Some(None)),
            _further: further.flatten(),
            activity: Arc::clone(self),
        }
    }

    /// Returns when nothing was open for `limit`.
    pub(super) async fn idle(&self, limit: Duration) {
        loop {
            let rested = self.rest.notified();
            let resting = self.open.load(Ordering::Acquire) == 0;
            if !resting {
                rested.await;
            } else if timeout(limit, rested).await.is_err()
                && self.open.load(Ordering::Acquire) == 0
            {
                return;
            }
        }
    }
}

/// One open request; over when dropped.
#[derive(Debug)]
pub(super) struct Open {
    /// Whether there was no place for it.
    pub(super) crowded: bool,
    _further: Option<Further>,
    activity: Arc<Activity>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.activity.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.activity.rest.notify_one();
        }
    }
}

/// An open request, as long as either its body or its answer is there. Most have no body,
/// and share nothing.
#[derive(Debug)]
pub(super) enum Opened {
    Alone { _open: Open },
    Shared { _held: Held },
}

/// What the body of a request holds on to.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    _open: Arc<Open>,
}

impl Opened {
    /// Leaves the request's body its part.
    pub(super) fn by(request: &mut Request<Incoming>, open: Open) -> Self {
        if request.body().is_end_stream() {
            return Self::Alone { _open: open };
        }
        let held = Held {
            _open: Arc::new(open),
        };
        request.extensions_mut().insert(held.clone());
        Self::Shared { _held: held }
    }
}

/// The most of a body that is handed on at once, bytes: a client that takes little at a
/// time is seen to take it, and no more than this lies here for it.
const PIECE: usize = 16 * 1024;

/// An answer that keeps its request open until it was sent.
#[derive(Debug)]
pub(super) struct Counted {
    body: GateBody,
    /// What is left of the last frame.
    rest: Bytes,
    given: Given,
    _opened: Opened,
}

impl Counted {
    pub(super) fn new(body: GateBody, opened: Opened) -> Self {
        let given = Given::of_this_stream();
        // The head is the client's to take, whatever becomes of the body.
        given.give();
        Self {
            body,
            rest: Bytes::new(),
            given,
            _opened: opened,
        }
    }

    fn piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        self.rest = data.split_off(data.len().min(PIECE));
        Frame::data(data)
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.rest.is_empty() {
            self.given.give();
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.piece(rest))));
        }
        let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(cx) else {
            self.given.wait();
            return Poll::Pending;
        };
        self.given.give();
        Poll::Ready(next.map(|next| {
            let frame = next?;
            Ok(frame
                .into_data()
                .map_or_else(|other| other, |data| self.piece(data)))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let left = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(left.lower().saturating_add(rest));
        if let Some(upper) = left.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
