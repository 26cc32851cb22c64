//! What is written down of every event.

use super::scope::{Id, Record, Scope, Trouble, failed};
use super::tx::RealmTx;
use super::tx::reading;
use crate::row::audit::{EventRow, TABLE, actor, refused};
use crate::row::bounded;
use crate::row::json;
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::{RealmId, TenantId};
use doorward_identity::model::{AuditEvent, AuditRow};
use doorward_identity::port::{AuditFilter, AuditRead, AuditWrite, Page, StoreError};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

const SELECT: &str = "SELECT seq, at, request, actor, actor_subject, action, refused, subject, \
     tenant, token, session, peer, detail FROM audit WHERE realm = $1 AND seq < $2";

pub(super) async fn list(
    scope: Scope<'_>,
    filter: &AuditFilter,
    page: Page<i64>,
) -> Result<Vec<AuditRow>, Trouble> {
    // It comes from outside, and a text here cannot hold a NUL: no row has it.
    if filter
        .action
        .as_ref()
        .is_some_and(|action| action.contains('\0'))
    {
        return Ok(Vec::new());
    }
    let before = page.after.unwrap_or(i64::MAX);
    let subject = filter.subject.map(Id::from);
    let tenant = filter.tenant.as_ref().map(TenantId::as_str);
    let limit = i64::from(page.limit);
    let mut sql = SELECT.to_owned();
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&before];
    // A condition that is not asked for is left out, so that an index serves the rest.
    let conditions: [(&str, Option<&(dyn ToSql + Sync)>); 3] = [
        ("subject", subject.as_ref().map(|value| value as _)),
        ("tenant", tenant.as_ref().map(|value| value as _)),
        ("action", filter.action.as_ref().map(|value| value as _)),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ${}", values.len() + 1));
        }
    }
    values.push(&limit);
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ${}", values.len() + 1));
    scope.list::<EventRow, _>(&sql, &values).await
}

/// Numbered in the order of the arrays. A realm that is not there is NULL, which the table
/// does not take: then none of them is written.
const APPEND: &str = "INSERT INTO audit (realm, at, request, actor, actor_subject, action, \
     refused, subject, tenant, token, session, peer, detail) \
     SELECT realm.id, at, request, actor, actor_subject, action, refused, subject, tenant, token, \
     session, peer, detail \
     FROM unnest($1::int8[], $2::int8[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], \
     $7::text[], $8::uuid[], $9::text[], $10::uuid[], $11::uuid[], $12::text[], $13::text[]) \
     WITH ORDINALITY AS event (of, at, request, actor, actor_subject, action, refused, \
     subject, tenant, token, session, peer, detail, place) \
     LEFT JOIN realm ON realm.id = event.of ORDER BY place";

/// Writes events down, of several realms perhaps, in this order and in one statement.
pub(super) async fn append_many(
    conn: &ClientWrapper,
    rows: &[(RealmId, AuditEvent)],
) -> Result<(), Trouble> {
    let arrays = Arrays::of(rows)?;
    let written = match conn.prepare_cached(APPEND).await {
        Ok(statement) => conn.execute(&statement, &arrays.values()).await,
        Err(error) => Err(error),
    };
    let written = written.map_err(|error| failed(TABLE, &error))?;
    if usize::try_from(written) == Ok(rows.len()) {
        return Ok(());
    }
    Err(Trouble::Store(StoreError::Inconsistent {
        table: TABLE,
        column: "(row)",
        row: "new".to_owned(),
        problem: format!(
            "{written} rows were written where {} were expected",
            rows.len()
        ),
    }))
}

/// Events column by column.
#[derive(Default)]
struct Arrays<'e> {
    realm: Vec<i64>,
    at: Vec<i64>,
    request: Vec<Id>,
    actor: Vec<&'static str>,
    actor_subject: Vec<Option<Id>>,
    action: Vec<&'static str>,
    refused: Vec<Option<&'static str>>,
    subject: Vec<Option<Id>>,
    tenant: Vec<Option<&'e str>>,
    token: Vec<Option<Id>>,
    session: Vec<Option<Id>>,
    peer: Vec<Option<String>>,
    detail: Vec<String>,
}

impl<'e> Arrays<'e> {
    fn of(rows: &'e [(RealmId, AuditEvent)]) -> Result<Self, StoreError> {
        let mut arrays = Self::default();
        for (realm, event) in rows {
            let (actor, actor_subject) = actor(&event.actor);
            arrays.realm.push(realm.0);
            arrays.at.push(event.at.as_micros());
            arrays.request.push(Id::from(event.request));
            arrays.actor.push(actor);
            arrays
                .actor_subject
                .push(actor_subject.copied().map(Id::from));
            arrays.action.push(event.action.as_str());
            arrays.refused.push(refused(event.outcome));
            arrays.subject.push(event.subject.map(Id::from));
            arrays
                .tenant
                .push(event.tenant.as_ref().map(TenantId::as_str));
            arrays.token.push(event.token.map(Id::from));
            arrays.session.push(event.session.map(Id::from));
            arrays.peer.push(event.peer.map(|peer| peer.to_string()));
            arrays.detail.push(json(&event.detail)?);
        }
        Ok(arrays)
    }

    /// In the order of [`APPEND`].
    fn values(&self) -> [&(dyn ToSql + Sync); 13] {
        [
            &self.realm,
            &self.at,
            &self.request,
            &self.actor,
            &self.actor_subject,
            &self.action,
            &self.refused,
            &self.subject,
            &self.tenant,
            &self.token,
            &self.session,
            &self.peer,
            &self.detail,
        ]
    }
}

#[async_trait]
impl AuditRead for RealmTx {
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        reading!(self, list(filter, bounded(page)))
    }
}

#[async_trait]
impl AuditWrite for RealmTx {
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.push_audit(event)
    }
}

impl Record for EventRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(request) = row.try_get(2)?;
        let some_id = |column: usize| -> Result<Option<[u8; 16]>, Error> {
            let id: Option<Id> = row.try_get(column)?;
            Ok(id.map(|Id(id)| id))
        };
        Ok(Self {
            seq: row.try_get(0)?,
            at: row.try_get(1)?,
            request,
            actor: row.try_get(3)?,
            actor_subject: some_id(4)?,
            action: row.try_get(5)?,
            refused: row.try_get(6)?,
            subject: some_id(7)?,
            tenant: row.try_get(8)?,
            token: some_id(9)?,
            session: some_id(10)?,
            peer: row.try_get(11)?,
            detail: row.try_get(12)?,
        })
    }
}
