//! What stops a piece of work: its time, or that nobody waits for it any more.

use super::spill::Spill;
use crate::fault::{Fault, FaultKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Of one piece of work.
pub(super) struct Brake {
    until: Instant,
    cancelled: AtomicBool,
    /// It has written or noted more than one may.
    spilt: AtomicBool,
    /// How often its statement may still be looked at before it has noted too much.
    looks: AtomicU32,
}

impl Brake {
    /// For work that may take this long from now.
    pub(super) fn within(time: Duration) -> Arc<Self> {
        Arc::new(Self {
            until: Instant::now() + time.min(Duration::from_secs(86_400)),
            cancelled: AtomicBool::new(false),
            spilt: AtomicBool::new(false),
            looks: AtomicU32::new(u32::MAX),
        })
    }

    /// Whether the work must stop now.
    pub(super) fn is_on(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.until
    }

    /// Lets the next statement be looked at so often.
    pub(super) fn allow_looks(&self, looks: u32) {
        self.looks.store(looks, Ordering::Relaxed);
    }

    /// Looks at it once: whether it must stop, having written so much or gone on for too long.
    pub(super) fn look(&self, spill: &mut Spill) -> bool {
        let left = self.looks.load(Ordering::Relaxed);
        if left == 0 || spill.is_too_much() {
            self.spilt.store(true, Ordering::Relaxed);
        }
        if left < u32::MAX {
            self.looks.store(left.saturating_sub(1), Ordering::Relaxed);
        }
        self.is_spilt() || self.is_on()
    }

    /// Whether it was stopped because it has written or noted too much.
    pub(super) fn is_spilt(&self) -> bool {
        self.spilt.load(Ordering::Relaxed)
    }

    /// Nothing while the work may go on.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.is_on() {
            Err(Fault::new(FaultKind::TimedOut).state("57014"))
        } else {
            Ok(())
        }
    }

    /// Waits for something that others hold, no longer than the work's time.
    pub(super) async fn wait<T>(&self, turn: impl Future<Output = T>) -> Result<T, Fault> {
        tokio::time::timeout_at(self.until.into(), turn)
            .await
            .map_err(|_| Fault::new(FaultKind::Contended).state("55P03"))
    }
}

/// Stops the work when it is dropped.
pub(super) struct Waiter(pub(super) Arc<Brake>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}
