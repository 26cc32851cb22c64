//! What a tenant was given of a limit in place of what the configuration says, and how much
//! of a quota of the calendar is used.

use doorward_base::limit::Amount;
use doorward_base::{TenantId, Timestamp};

/// A tenant's own amount of a limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantLimit {
    /// Whose.
    pub tenant: TenantId,
    /// Of which limit, by its name in the configuration.
    pub limit: String,
    /// How much.
    pub amount: Amount,
    /// Since when.
    pub changed_at: Timestamp,
}

/// A quota of one holder in one period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaWindow {
    /// Limit and holder, hashed under a secret: no name is written down.
    pub holder: u128,
    /// When the period began.
    pub start: Timestamp,
    /// When it ends: then the row is of no use.
    pub end: Timestamp,
}
