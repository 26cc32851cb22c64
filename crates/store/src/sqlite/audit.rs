//! What is written down of every event.

use super::tx::RealmTx;
use crate::row::audit::{condition, target, values};
use crate::row::{bounded, values};
use async_trait::async_trait;
use doorward_base::Timestamp;
use doorward_identity::model::{AuditEvent, AuditRow};
use doorward_identity::port::{AuditFilter, AuditRead, AuditWrite, Page, StoreError};

const SELECT: &str = "SELECT seq, at, request, actor, actor_subject, action, refused, subject, \
     tenant, token, session, peer, detail FROM audit WHERE realm = ?1 AND seq < ?2";

#[async_trait]
impl AuditRead for RealmTx<'_> {
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let (conditions, values) = condition(filter, bounded(page), '?');
        self.list(&format!("{SELECT}{conditions}"), &values)
    }
}

#[async_trait]
impl AuditWrite for RealmTx<'_> {
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        if let Some(later) = self.later() {
            later.events.push(event.clone());
            return Ok(());
        }
        append(self, event)
    }

    async fn prune_audit(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(
            target(&"old events"),
            "DELETE FROM audit WHERE at < ?2 AND seq IN \
             (SELECT seq FROM audit WHERE realm = ?1 ORDER BY seq LIMIT ?3)",
            values![before, limit],
        )
        .map(|pruned| pruned as u64)
    }
}

/// Writes an event down.
pub(super) fn append(tx: &mut RealmTx<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    tx.write_one(
        target(&event.request),
        "INSERT INTO audit (realm, at, request, actor, actor_subject, action, refused, \
         subject, tenant, token, session, peer, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &values(event)?,
    )
}
