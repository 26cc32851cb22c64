//! What both engines know of sweeping.

use std::time::Duration;

/// How long after a deletion the sweep looks again: longer than any request that was under
/// way may take to write something down.
pub(crate) const SETTLED: Duration = Duration::from_secs(300);
/// How many deleted subjects or tenants one piece of the sweep looks at.
pub(crate) const BATCH: u32 = 100;
