//! How long a body may take, and how it fares. Not here: the bodies (`body`).

use super::BodyFault;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

/// How slow a request body may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// The longest wait for one piece.
    pub idle: Duration,
    /// How many bytes a second there must be at least, over all the time that was spent
    /// waiting beyond the first `idle`; 0 is no such rule. Without it a body of single
    /// bytes would never end.
    pub rate: u64,
}

/// How long the next piece of a body may take.
#[derive(Debug)]
pub(super) struct Pause {
    pub(super) limit: Duration,
    /// Runs while the sender says nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

/// What a body has brought, and how long was waited for it.
#[derive(Debug)]
pub(super) struct Flow {
    pace: Pace,
    pub(super) bytes: u64,
    waited: Duration,
    since: Option<Instant>,
}

/// How a request body fares, for those who wait until it is through.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(super) fault: OnceLock<BodyFault>,
    /// Bytes handed on.
    pub(super) passed: AtomicU64,
    /// Whether it is the client that is waited for.
    pub(super) waiting: AtomicBool,
    /// Whether it was read to its end.
    pub(super) whole: AtomicBool,
    ended: AtomicBool,
    end: Notify,
}

impl Pause {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
        }
    }

    /// Goes on with the pause, or begins one; ready when it was too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        waiting.as_mut().poll(cx)
    }

    pub(super) fn end(&mut self) {
        self.waiting = None;
    }

    pub(super) const fn is_running(&self) -> bool {
        self.waiting.is_some()
    }
}

impl Flow {
    pub(super) const fn new(pace: Pace) -> Self {
        Self {
            pace,
            bytes: 0,
            waited: Duration::ZERO,
            since: None,
        }
    }

    /// A wait begins: how long it may be. The wait goes on until [`Flow::end`].
    pub(super) fn begin(&mut self) -> Duration {
        self.since = Some(Instant::now());
        let Some(owed) = self.bytes.saturating_mul(1000).checked_div(self.pace.rate) else {
            return self.pace.idle;
        };
        let whole = self.pace.idle.saturating_add(Duration::from_millis(owed));
        whole.saturating_sub(self.waited).min(self.pace.idle)
    }

    pub(super) const fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    pub(super) fn end(&mut self) {
        if let Some(since) = self.since.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
    }
}

impl Course {
    /// Why the body was broken off, if it was.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.fault.get().copied()
    }

    /// Bytes handed on so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Acquire)
    }

    /// Whether it is the client that is waited for.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether it was read to its end, which is of the sender's making.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Returns when the body was handed on whole or given up.
    pub(crate) async fn ended(&self) {
        while !self.has_ended() {
            self.end.notified().await;
        }
    }

    pub(super) fn finish(&self) {
        self.ended.store(true, Ordering::Release);
        self.end.notify_one();
    }
}
