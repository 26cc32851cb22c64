//! A tenant is a file of SQLite.

use crate::engine::Engine;
use crate::fault::{Fault, FaultKind};
use doorward_base::Clock;
use std::path::Path;
use std::sync::Arc;

/// Opens a realm's directory.
///
/// # Errors
/// Why it cannot be used.
#[expect(clippy::unused_async, reason = "opening will wait for files")]
pub async fn open(
    _directory: &Path,
    _tenant_column: &str,
    _clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Engine>, Fault> {
    Err(Fault::new(FaultKind::Unavailable))
}
