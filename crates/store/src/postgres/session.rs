//! Sessions.

use super::dossier;
use super::gather::{Gather, Together};
use super::scope::{Trouble, failed};
use super::shared::{Kind, Shared};
use super::tx::RealmTx;
use crate::row::session::{SEVERAL, TABLE, rotation, target, values};
use crate::row::{Value, audit, sorted, values};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::secret::TokenDigest;
use doorward_base::{RealmId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{AuditEvent, Dossier, Rotation, Session};
use doorward_identity::port::{SessionRead, SessionWrite, StoreError};
use tokio_postgres::types::ToSql;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, tenant, roles, permissions, audiences, environment, ended_at, \
             created_at, expires_at, idle_until, steps, aal, factor, client, address, \
             user_agent, refreshed_at, refresh_digest, refresh_key, refresh_number \
             FROM session WHERE realm = $1 ",
            $rest
        )
    };
}

#[async_trait]
impl SessionRead for RealmTx {
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id FROM session WHERE realm = $1 AND id = ANY($2) AND ended_at IS NULL",
            values![ids],
            |row| row.id("id"),
        )
        .await
        .map(sorted)
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.find(select!("AND id = $2"), values![id]).await
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        let sql = select!(
            "AND subject = $2 AND ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1000"
        );
        self.list(sql, values![subject]).await
    }

    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError> {
        self.look_up::<Refreshed, _, _>(digests.to_vec()).await
    }

    async fn list_ended_sessions(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id FROM session WHERE realm = $1 AND ended_at >= $2",
            values![since],
            |row| row.id("id"),
        )
        .await
        .map(sorted)
    }
}

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

/// Sessions by their refresh tokens, with their subjects.
pub(super) struct Refreshed;

#[async_trait]
impl Together for Refreshed {
    type Ask = (RealmId, Vec<TokenDigest>);
    type Told = Option<(Session, Dossier)>;
    const REPEATABLE: bool = true;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        dossier::find_sessions(conn, asked).await
    }
}

impl Kind for Refreshed {
    fn lane(shared: &Shared) -> &Gather<Self> {
        &shared.refreshed
    }
}

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

#[async_trait]
impl SessionWrite for RealmTx {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.insert_one(
            target(&session.id),
            "INSERT INTO session (realm, id, subject, tenant, roles, permissions, audiences, \
             environment, ended_at, created_at, expires_at, idle_until, steps, aal, factor, \
             client, address, user_agent, refreshed_at, refresh_digest, refresh_key, \
             refresh_number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
             $14, $15, $16, $17, $18, $19, $20, $21, $22) \
             ON CONFLICT DO NOTHING",
            &values(session),
        )
        .await
    }

    async fn rotate_refresh_token(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        if self.postpone(to)? {
            return Ok(true);
        }
        self.write(
            target(&to.session),
            "UPDATE session SET refresh_number = $4, refreshed_at = $5, idle_until = $6, \
             refresh_digest = coalesce($7, refresh_digest), \
             refresh_key = coalesce($8, refresh_key) \
             WHERE realm = $1 AND id = $2 AND refresh_number = $3 AND ended_at IS NULL",
            &rotation(to),
        )
        .await
        .map(|moved| moved > 0)
    }

    async fn end_other_sessions(
        &mut self,
        subject: SubjectId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.returned(
            SEVERAL,
            "UPDATE session SET ended_at = $4 \
             WHERE realm = $1 AND subject = $2 AND id <> $3 AND ended_at IS NULL RETURNING id",
            values![subject, keep, at],
            |row| row.id("id"),
        )
        .await
        .map(sorted)
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.write(
            target(&id),
            "UPDATE session SET ended_at = $3 \
             WHERE realm = $1 AND id = $2 AND ended_at IS NULL",
            values![id, at],
        )
        .await
        .map(|ended| ended > 0)
    }

    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.returned(
            SEVERAL,
            "UPDATE session SET ended_at = $4 \
             WHERE realm = $1 AND subject = $2 AND ($3::text IS NULL OR tenant = $3) \
             AND ended_at IS NULL RETURNING id",
            values![subject, tenant, at],
            |row| row.id("id"),
        )
        .await
        .map(sorted)
    }

    async fn prune_sessions(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(
            SEVERAL,
            "DELETE FROM session WHERE realm = $1 AND id = ANY (ARRAY (\
             SELECT id FROM (SELECT id FROM session \
                 WHERE realm = $1 AND ended_at IS NOT NULL AND ended_at < $2 LIMIT $3) AS ended \
             UNION ALL SELECT id FROM (SELECT id FROM session \
                 WHERE realm = $1 AND realm > 0 AND ended_at IS NULL AND expires_at < $2 \
                 LIMIT $3) AS over \
             LIMIT $3))",
            values![before, limit],
        )
        .await
    }
}
