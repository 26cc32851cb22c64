//! Writing events down, of many requests in one statement.

use super::gather::Together;
use super::scope::{Trouble, failed};
use crate::area::audit::{TABLE, values};
use crate::row::Value;
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::model::AuditEvent;
use doorward_identity::port::StoreError;
use tokio_postgres::types::ToSql;

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
    let realms: Vec<i64> = rows.iter().map(|(realm, _)| realm.0).collect();
    let mut columns: [Vec<Value<'_>>; 12] = Default::default();
    for (_, event) in rows {
        for (column, value) in columns.iter_mut().zip(values(event)?) {
            column.push(value);
        }
    }
    let mut bound: Vec<&(dyn ToSql + Sync)> = vec![&realms];
    bound.extend(columns.iter().map(|column| column as &(dyn ToSql + Sync)));
    let written = match conn.prepare_cached(APPEND).await {
        Ok(statement) => conn.execute(&statement, &bound).await,
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

/// Audit rows outside of transactions; an answer comes after the commit.
pub(super) struct Audits;

#[async_trait]
impl Together for Audits {
    type Ask = (RealmId, AuditEvent);
    type Told = ();
    const REPEATABLE: bool = false;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        append_many(conn, asked).await?;
        Ok(vec![(); asked.len()])
    }
}
