//! Where limits are counted: in this process, or in a store that processes share. Not
//! here: which limits there are (the gate's policies, and identity's guesses).

use crate::cli::Failure;
use crate::config::LimitStore;
use crate::system::SystemClock;
use doorward_base::limit::{Limiter, LocalLimiter, StrictLimiter};
use doorward_outbound::limit::{SharedLimits, SharedSettings};
use std::sync::Arc;

/// How many keys are remembered: with 40 bytes each in memory, some 10 MiB when full.
const KEYS: usize = 250_000;
/// How many accounts are remembered for their wrong guesses in memory.
const GUESSED_ACCOUNTS: usize = 100_000;

/// Where limits are counted.
#[derive(Clone)]
pub(crate) enum Limits {
    /// In this process.
    Memory,
    /// In Redis or Valkey, by merging what each process counts.
    Shared(Arc<SharedLimits>),
}

impl Limits {
    /// Begins to count as configured. A shared store is not waited for.
    pub(crate) fn start(store: &LimitStore) -> Result<Self, Failure> {
        let LimitStore::Redis(config) = store else {
            return Ok(Self::Memory);
        };
        let settings = SharedSettings {
            url: config.url.clone(),
            merge_every: config.merge_every,
            max_keys: KEYS,
        };
        SharedLimits::start(&settings, Arc::new(SystemClock))
            .map(Self::Shared)
            .map_err(|error| Failure::Usage(format!("[server] limits: {error}")))
    }

    /// What the gate counts with.
    pub(crate) fn limiter(&self) -> Arc<dyn Limiter> {
        match self {
            Self::Memory => Arc::new(LocalLimiter::new(KEYS)),
            Self::Shared(shared) => Arc::clone(shared) as Arc<dyn Limiter>,
        }
    }

    /// What guesses of passwords are counted with.
    pub(crate) fn strict_limiter(&self) -> Arc<dyn StrictLimiter> {
        match self {
            Self::Memory => Arc::new(LocalLimiter::new(GUESSED_ACCOUNTS)),
            Self::Shared(shared) => Arc::clone(shared) as Arc<dyn StrictLimiter>,
        }
    }

    /// Whether counts are shared as configured. Without the shared store each process
    /// limits by itself: worse, and no reason to serve nobody.
    pub(crate) fn is_connected(&self) -> bool {
        match self {
            Self::Memory => true,
            Self::Shared(shared) => shared.health().connected,
        }
    }

    /// `memory` or `redis`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shared(_) => "redis",
        }
    }

    /// Says what was counted and not said yet.
    pub(crate) async fn close(&self) {
        if let Self::Shared(shared) = self {
            shared.close().await;
        }
    }
}
