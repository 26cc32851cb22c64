//! What became of a job's runs, for metrics. Not here: how they are shown.

use crate::system::SystemClock;
use doorward_base::{Clock as _, Timestamp};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Done,
    Failed,
    Panicked,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
        }
    }
}

/// The runs of one job in this process.
#[derive(Debug, Default)]
pub(crate) struct Record {
    done: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    rows: AtomicU64,
    micros: AtomicU64,
    /// Microseconds since 1970; 0 is never.
    last_done: AtomicI64,
}

impl Record {
    pub(super) fn note(&self, outcome: Outcome, rows: u64, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.count(outcome).fetch_add(1, Ordering::Relaxed);
        if outcome == Outcome::Done {
            let now = SystemClock.now().as_micros();
            self.last_done.store(now, Ordering::Relaxed);
        }
    }

    const fn count(&self, outcome: Outcome) -> &AtomicU64 {
        match outcome {
            Outcome::Done => &self.done,
            Outcome::Failed => &self.failed,
            Outcome::Panicked => &self.panicked,
        }
    }

    pub(crate) fn outcomes(&self) -> [(Outcome, u64); 3] {
        let load = |outcome| (outcome, self.count(outcome).load(Ordering::Relaxed));
        [Outcome::Done, Outcome::Failed, Outcome::Panicked].map(load)
    }

    /// What all runs dealt with.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// How long all runs took.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    /// When a run last succeeded.
    pub(crate) fn last_done(&self) -> Option<Timestamp> {
        let micros = self.last_done.load(Ordering::Relaxed);
        (micros != 0).then_some(Timestamp::from_micros(micros))
    }
}
