//! What is written down of every event.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::audit::{EventRow, TABLE, actor, refused};
use crate::row::bounded;
use crate::row::json;
use async_trait::async_trait;
use doorward_base::{ApiTokenId, SessionId, SubjectId, TenantId};
use doorward_identity::model::{AuditEvent, AuditRow};
use doorward_identity::port::{AuditFilter, AuditRead, AuditWrite, Page, StoreError};
use rusqlite::{Row, ToSql};

const SELECT: &str = "SELECT seq, at, request, actor, actor_subject, action, refused, subject, \
     tenant, token, session, peer, detail FROM audit WHERE realm = ?1 AND seq < ?2";

pub(super) fn list(
    scope: Scope<'_>,
    filter: &AuditFilter,
    page: Page<i64>,
) -> Result<Vec<AuditRow>, StoreError> {
    let before = page.after.unwrap_or(i64::MAX);
    let subject = filter.subject.as_ref().map(SubjectId::as_bytes);
    let tenant = filter.tenant.as_ref().map(TenantId::as_str);
    let mut sql = SELECT.to_owned();
    let mut values: Vec<&dyn ToSql> = vec![&before];
    // A condition that is not asked for is left out, so that an index serves the rest.
    let conditions: [(&str, Option<&dyn ToSql>); 3] = [
        ("subject", subject.as_ref().map(|value| value as &dyn ToSql)),
        ("tenant", tenant.as_ref().map(|value| value as &dyn ToSql)),
        (
            "action",
            filter.action.as_ref().map(|value| value as &dyn ToSql),
        ),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len() + 1));
        }
    }
    values.push(&page.limit);
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ?{}", values.len() + 1));
    scope.list::<EventRow, _>(&sql, &values)
}

pub(super) fn append(scope: Scope<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    let (actor, actor_subject) = actor(&event.actor);
    scope.write_one(
        Target {
            table: TABLE,
            row: &event.request,
            unique: "the audit row",
        },
        "INSERT INTO audit (realm, at, request, actor, actor_subject, action, refused, subject, \
         tenant, token, session, peer, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            &event.at.as_micros(),
            event.request.as_bytes(),
            &actor,
            &actor_subject.map(SubjectId::as_bytes),
            &event.action.as_str(),
            &refused(event.outcome),
            &event.subject.as_ref().map(SubjectId::as_bytes),
            &event.tenant.as_ref().map(TenantId::as_str),
            &event.token.as_ref().map(ApiTokenId::as_bytes),
            &event.session.as_ref().map(SessionId::as_bytes),
            &event.peer.map(|peer| peer.to_string()),
            &json(&event.detail)?,
        ],
    )
}

#[async_trait]
impl AuditRead for RealmTx<'_> {
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.with(|scope| list(scope, filter, bounded(page)))
    }
}

#[async_trait]
impl AuditWrite for RealmTx<'_> {
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.with(|scope| append(scope, event))
    }
}

impl Record for EventRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            request: row.get(2)?,
            actor: row.get(3)?,
            actor_subject: row.get(4)?,
            action: row.get(5)?,
            refused: row.get(6)?,
            subject: row.get(7)?,
            tenant: row.get(8)?,
            token: row.get(9)?,
            session: row.get(10)?,
            peer: row.get(11)?,
            detail: row.get(12)?,
        })
    }
}
