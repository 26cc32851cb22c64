//! What stops a piece of work: its time, or that nobody waits for it any more.

use crate::fault::{Fault, FaultKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Of one piece of work.
pub(super) struct Brake {
    until: Instant,
    cancelled: AtomicBool,
}

impl Brake {
    /// For work that may take this long from now.
    pub(super) fn within(time: Duration) -> Arc<Self> {
        Arc::new(Self {
            until: Instant::now() + time.min(Duration::from_secs(86_400)),
            cancelled: AtomicBool::new(false),
        })
    }

    /// Whether the work must stop now.
    pub(super) fn is_on(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.until
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
