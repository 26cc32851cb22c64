//! A tenant is a file of SQLite.

use crate::engine::Engine;
use crate::fault::{Fault, FaultKind};
use std::path::Path;
use std::sync::Arc;

/// Opens the tenants' files below this folder.
///
/// # Errors
/// Why it cannot be used.
#[expect(clippy::unused_async, reason = "opening will wait for files")]
pub async fn open(_folder: &Path, _tenant_column: &Arc<str>) -> Result<Arc<dyn Engine>, Fault> {
    Err(Fault::new(FaultKind::Unavailable))
}
