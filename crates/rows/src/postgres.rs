//! Tenants in shared tables of PostgreSQL, under row-level security.

use crate::engine::Engine;
use crate::fault::{Fault, FaultKind};
use crate::open::DataParts;
use crate::settings::PostgresStore;
use std::sync::Arc;

/// Connects to the database.
///
/// # Errors
/// Why it cannot be used.
#[expect(clippy::unused_async, reason = "connecting will wait for the server")]
pub async fn open(
    _store: &PostgresStore,
    _tenant_column: &Arc<str>,
    _parts: &DataParts,
) -> Result<Arc<dyn Engine>, Fault> {
    Err(Fault::new(FaultKind::Unavailable))
}
