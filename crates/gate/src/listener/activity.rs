//! Whether a connection is in use, and when the client must have said something. Not
//! here: deadlines within a body (`body`).

use super::framing::Seen;
use crate::body::GateBody;
use bytes::Bytes;
use doorward_surface::body::BodyError;
use http_body::{Body, Frame, SizeHint};
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
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::AcqRel);
        Open(Arc::clone(self))
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
pub(super) struct Open(Arc<Activity>);

impl Drop for Open {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.rest.notify_one();
        }
    }
}

/// An answer that keeps its request open until it was sent.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) body: GateBody,
    pub(super) _open: Open,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
