//! What the gate counts. Not here: how it is exported (`server`).

pub use crate::limit::{LimitCounters, LimitReached};
use doorward_base::ErrorCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since start, read by the metrics exporter.
#[derive(Debug, Default)]
pub struct GateCounters {
    /// Requests that were let through to a target which did not refuse them, and, at
    /// forward-auth, those that may pass.
    pub permitted: AtomicU64,
    /// Requests in which something of ours panicked.
    pub panics: AtomicU64,
    /// Access tokens found in the cache.
    pub cache_hits: AtomicU64,
    /// Access tokens that had to be verified.
    pub cache_misses: AtomicU64,
    /// API tokens presented themselves whose shape is right, and that were looked up.
    pub token_lookups: AtomicU64,
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections open now.
    pub connections_open: AtomicU64,
    /// Connections closed at once, because of the cap.
    pub connections_refused: AtomicU64,
    /// Connections that ended before a whole request: timeouts, broken handshakes.
    pub connections_failed: AtomicU64,
    /// Limits that were reached.
    pub limits: LimitCounters,
    refused: Refused,
}

#[derive(Debug)]
struct Refused([AtomicU64; ErrorCode::ALL.len()]);

impl Default for Refused {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl GateCounters {
    /// Refusals by code.
    pub fn refused(&self) -> impl Iterator<Item = (ErrorCode, u64)> + '_ {
        ErrorCode::ALL
            .iter()
            .zip(&self.refused.0)
            .map(|(&code, count)| (code, count.load(Ordering::Relaxed)))
    }

    pub(crate) fn count_refusal(&self, code: ErrorCode) {
        // The codes are numbered in the order of the table.
        if let Some(count) = self.refused.0.get(code as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_cache(&self, hit: bool) {
        let counter = if hit {
            &self.cache_hits
        } else {
            &self.cache_misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
