//! What is written down of every event.

use super::{AuditFilter, Page, StoreError};
use crate::model::{AuditEvent, AuditRow};
use async_trait::async_trait;
use doorward_base::Timestamp;

/// Reading them.
#[async_trait]
pub trait AuditRead: Send {
    /// Audit rows, newest first; `page.after` is a row's number.
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait AuditWrite: Send {
    /// Writes an event down.
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError>;
    /// Forgets events from before a time; returns how many. It looks at the `limit` oldest.
    async fn prune_audit(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
