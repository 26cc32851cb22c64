//! What is written down of every event.

use super::{AuditFilter, Page, StoreError};
use crate::model::{AuditEvent, AuditRow};
use async_trait::async_trait;
use doorward_base::Timestamp;

/// Reading them.
#[async_trait]
pub trait AuditRead: Send {
    /// Audit rows, newest first; `page.after` is a row's number. Looks at a bounded number
    /// of rows: where [`AuditRead::find_audit_horizon`] says so, it goes on there.
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError>;
    /// The number of the last row that such a listing looks at; `None` if it looks at all
    /// that there are, or ends with its page.
    async fn find_audit_horizon(
        &mut self,
        filter: &AuditFilter,
        after: Option<i64>,
    ) -> Result<Option<i64>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait AuditWrite: Send {
    /// Writes an event down.
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError>;
    /// Forgets events from before a time; returns how many. It looks at the `limit` oldest.
    async fn prune_audit(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
