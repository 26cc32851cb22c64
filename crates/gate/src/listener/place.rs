//! The place that a connection takes under the cap, and the word that it must end.
//! Whatever a connection turns into holds on to both. Not here: counting places
//! (`listener`).

use super::share::Share;
use crate::counters::GateCounters;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// What the listener is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Serving,
    /// Going on for a while, and asking clients to connect elsewhere.
    Leaving,
    /// Finishing what is open.
    Draining,
    /// Nothing may go on.
    Cut,
}

/// One place; free again when dropped.
#[derive(Debug)]
struct Place {
    counters: Arc<GateCounters>,
    /// Of the client's address; none where many clients share one, as behind a proxy that
    /// is trusted.
    share: Option<Share>,
    /// Dropped after the count went down.
    permit: OwnedSemaphorePermit,
}

/// One more place of a connection that does several things at once; free again when
/// dropped.
#[derive(Debug)]
pub(super) struct Further {
    place: Arc<Place>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Further {
    fn drop(&mut self) {
        if let Some(share) = &self.place.share {
            share.give_back();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters
            .connections_open
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ties a connection to its listener.
#[derive(Clone, Debug)]
pub(crate) struct Tether {
    phase: watch::Receiver<Phase>,
    place: Arc<Place>,
}

impl Tether {
    /// Takes a place, and counts it as open.
    pub(super) fn new(
        (permit, share): (OwnedSemaphorePermit, Option<Share>),
        counters: Arc<GateCounters>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        counters.connections_open.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            counters,
            share,
            permit,
        };
        Self {
            phase,
            place: Arc::new(place),
        }
    }

    /// One more place, if there is one and the address has it left. No lock is taken.
    pub(super) fn further(&self) -> Option<Further> {
        let all = Arc::clone(self.place.permit.semaphore());
        let permit = all.try_acquire_owned().ok()?;
        let share = self.place.share.as_ref();
        share.is_none_or(Share::add).then(|| Further {
            place: Arc::clone(&self.place),
            _permit: permit,
        })
    }

    /// Whether clients should connect elsewhere next time.
    pub(super) fn is_leaving(&self) -> bool {
        *self.phase.borrow() != Phase::Serving
    }

    /// Ends when only what is open goes on, also when the listener is gone.
    pub(super) async fn drained(&mut self) {
        let finishing = |phase: &Phase| matches!(phase, Phase::Draining | Phase::Cut);
        let _ = self.phase.wait_for(finishing).await;
    }

    /// Ends when nothing may go on, also when the listener is gone.
    pub(crate) async fn cut(&mut self) {
        let _ = self.phase.wait_for(|phase| *phase == Phase::Cut).await;
    }
}
