//! What became of outgoing requests, for metrics. Not here: how they are shown.

use doorward_base::egress::EgressError;
use doorward_base::tls::TlsFault;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts by outcome, and the time spent.
#[derive(Debug, Default)]
pub struct EgressCounters {
    answered: AtomicU64,
    failed: [AtomicU64; EgressError::ALL.len()],
    tls: [AtomicU64; TlsFault::ALL.len()],
    micros: AtomicU64,
}

impl EgressCounters {
    pub(super) fn count(&self, failure: Option<EgressError>, took: Duration) {
        let place = failure.and_then(|failure| {
            if let EgressError::Tls(fault) = failure {
                let at = TlsFault::ALL.iter().position(|known| *known == fault)?;
                return self.tls.get(at);
            }
            let at = EgressError::ALL
                .iter()
                .position(|known| *known == failure)?;
            self.failed.get(at)
        });
        place
            .unwrap_or(&self.answered)
            .fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Requests by outcome: `answered`, or an error's code.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let failed = EgressError::ALL.iter().zip(&self.failed);
        let failed = failed.filter(|(error, _)| !matches!(error, EgressError::Tls(_)));
        let failed = failed.map(|(error, count)| (error.code(), count));
        let tls = TlsFault::ALL.iter().zip(&self.tls);
        let tls = tls.map(|(fault, count)| (fault.code(), count));
        std::iter::once(("answered", &self.answered))
            .chain(failed)
            .chain(tls)
            .map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)))
            .collect()
    }

    /// The time of all requests together.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}
