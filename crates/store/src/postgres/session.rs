//! Rotating refresh tokens, of many requests in one statement.

use super::gather::{Gather, Together};
use super::scope::{Trouble, failed};
use super::shared::{Kind, Shared};
use crate::area::audit;
use crate::area::session::{TABLE, rotation};
use crate::row::Value;
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::model::{AuditEvent, Rotation};
use tokio_postgres::types::ToSql;

/// Rotates refresh tokens, each with the event that tells of it: who is told no has left
/// nothing behind. Rows are locked by id before the first is written, so that nodes do not
/// wait for each other in a circle; of two for one session one is told no.
const ROTATE: &str = "WITH asked AS MATERIALIZED (SELECT * FROM unnest($1::int8[], $2::uuid[], \
         $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::bytea[], $8::text[], $9::int8[], \
         $10::uuid[], $11::text[], $12::uuid[], $13::text[], $14::text[], $15::uuid[], \
         $16::text[], $17::uuid[], $18::uuid[], $19::text[], $20::text[]) WITH ORDINALITY \
         AS each (of, id, was, becomes, moved_at, idle, digest, key, at, request, actor, \
         actor_subject, action, refused, subject, tenant, token, session, peer, detail, number)), \
     held AS MATERIALIZED (SELECT one.id FROM (SELECT of, id FROM asked ORDER BY id, of) AS each \
         CROSS JOIN LATERAL (SELECT id FROM session WHERE id = each.id AND realm = each.of \
             OFFSET 0 FOR NO KEY UPDATE) AS one), \
     moved AS (UPDATE session SET refresh_number = asked.becomes, refreshed_at = asked.moved_at, \
             idle_until = asked.idle, \
             refresh_digest = coalesce(asked.digest, session.refresh_digest), \
             refresh_key = coalesce(asked.key, session.refresh_key) \
         FROM asked WHERE (SELECT count(*) FROM held) > 0 AND session.id = ANY($2) \
         AND session.id = asked.id AND session.realm = asked.of \
         AND session.refresh_number = asked.was AND session.ended_at IS NULL \
         RETURNING asked.number), \
     written AS (INSERT INTO audit (realm, at, request, actor, actor_subject, action, refused, \
             subject, tenant, token, session, peer, detail) \
         SELECT of, at, request, actor, actor_subject, action, refused, subject, tenant, token, \
             session, peer, detail FROM asked JOIN moved USING (number) ORDER BY number) \
     SELECT number FROM moved";

/// Rotations outside of transactions; an answer comes after the commit.
pub(super) struct Rotations;

#[async_trait]
impl Together for Rotations {
    type Ask = (RealmId, Rotation, AuditEvent);
    type Told = bool;
    const REPEATABLE: bool = false;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        let realms: Vec<i64> = asked.iter().map(|(realm, ..)| realm.0).collect();
        let mut columns: [Vec<Value<'_>>; 19] = Default::default();
        for (_, to, event) in asked {
            let row = rotation(to).into_iter().chain(audit::values(event)?);
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let mut bound: Vec<&(dyn ToSql + Sync)> = vec![&realms];
        bound.extend(columns.iter().map(|column| column as &(dyn ToSql + Sync)));
        let failed = |error: tokio_postgres::Error| failed(TABLE, &error);
        let statement = conn.prepare_cached(ROTATE).await.map_err(failed)?;
        let moved = conn.query(&statement, &bound).await.map_err(failed)?;
        let mut told = vec![false; asked.len()];
        for row in moved {
            // Counted from 1.
            let number: i64 = row.try_get(0).map_err(failed)?;
            let place = usize::try_from(number - 1).ok();
            if let Some(told) = place.and_then(|place| told.get_mut(place)) {
                *told = true;
            }
        }
        Ok(told)
    }
}

impl Kind for Rotations {
    fn lane(shared: &Shared) -> &Gather<Self> {
        &shared.rotations
    }
}
