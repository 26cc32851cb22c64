//! Sessions.

use super::ceiling;
use crate::engine::{Engine, InRealm, among, either, found_by};
use crate::row::{Cursor, Record, Target, Value, join, sorted, values};
use async_trait::async_trait;
use doorward_base::{ApiTokenId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Device, RefreshFamily, Rotation, Session, SessionState, UserAgent};
use doorward_identity::port::{SessionRead, SessionWrite, StoreError};
use std::fmt::Display;

pub(crate) const TABLE: &str = "session";

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the session")
}

const fn ended_at(state: SessionState) -> Option<Timestamp> {
    match state {
        SessionState::Active => None,
        SessionState::Ended { at } => Some(at),
    }
}

fn read_family(row: &mut Cursor<'_>) -> Result<Option<RefreshFamily>, StoreError> {
    let digest = row.opt_digest("refresh_digest")?;
    let digest_key = row.opt_string("refresh_key")?;
    let number = row.opt_int("refresh_number")?;
    let (Some(digest), Some(digest_key), Some(number)) = (digest, digest_key, number) else {
        return Ok(None);
    };
    let number = u32::try_from(number).map_err(|problem| row.bad("refresh_number", problem))?;
    Ok(Some(RefreshFamily {
        digest,
        digest_key,
        number,
    }))
}

impl Record for Device {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            address: row.opt_parse("address")?,
            user_agent: row.opt_text("user_agent")?.and_then(UserAgent::clean),
        })
    }
}

impl Record for Session {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            subject: row.id("subject")?,
            ceiling: ceiling::read(row)?,
            state: row
                .opt_time("ended_at")?
                .map_or(SessionState::Active, |at| SessionState::Ended { at }),
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            idle_until: row.opt_time("idle_until")?,
            steps: row.list("steps")?,
            aal: row.parse("aal")?,
            factor: row.opt_id("factor")?,
            client: row.opt_id("client")?,
            made_from: row.opt_id("made_from")?,
            address: row.opt_parse("address")?,
            user_agent: row.opt_text("user_agent")?.and_then(UserAgent::clean),
            refreshed_at: row.opt_time("refreshed_at")?,
            refresh: read_family(row)?,
        })
    }
}

/// The columns as they are read.
fn values(session: &Session) -> [Value<'_>; 22] {
    let [tenant, roles, permissions, audiences, environment] = ceiling::values(&session.ceiling);
    let family = session.refresh.as_ref();
    [
        session.id.into(),
        session.subject.into(),
        tenant,
        roles,
        permissions,
        audiences,
        environment,
        ended_at(session.state).into(),
        session.created_at.into(),
        session.expires_at.into(),
        session.idle_until.into(),
        join(&session.steps).into(),
        session.aal.as_str().into(),
        session.factor.into(),
        session.client.into(),
        session.made_from.into(),
        session.address.map(|address| address.to_string()).into(),
        session.user_agent.as_ref().map(UserAgent::as_str).into(),
        session.refreshed_at.into(),
        family.map(|family| &family.digest).into(),
        family.map(|family| &family.digest_key).into(),
        family.map(|family| family.number).into(),
    ]
}

/// A rotation: the session, the number it must have, the one it gets, when, until when it
/// may idle, and the digest and its key if they change.
pub(crate) fn rotation(to: &Rotation) -> [Value<'_>; 7] {
    [
        to.session.into(),
        to.from.into(),
        to.to.into(),
        to.at.into(),
        to.idle_until.into(),
        to.rekey.as_ref().map(|(digest, _)| digest).into(),
        to.rekey.as_ref().map(|(_, key)| key).into(),
    ]
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, tenant, roles, permissions, audiences, environment, ended_at, \
             created_at, expires_at, idle_until, steps, aal, factor, client, made_from, address, \
             user_agent, refreshed_at, refresh_digest, refresh_key, refresh_number \
             FROM session WHERE realm = $1 ",
            $rest
        )
    };
}

#[async_trait]
impl<E: Engine> SessionRead for InRealm<E> {
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = among!(
            E,
            "SELECT id FROM session WHERE realm = $1 AND",
            "id",
            "$2",
            "AND ended_at IS NULL"
        );
        let values = values![ids];
        let found = self.0.rows(TABLE, sql, values, |row| row.id("id"));
        found.await.map(sorted)
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.0.find(select!("AND id = $2"), values![id]).await
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        let sql = select!(
            "AND subject = $2 AND ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1000"
        );
        self.0.list(sql, values![subject]).await
    }

    async fn list_devices(&mut self, subject: SubjectId) -> Result<Vec<Device>, StoreError> {
        let sql = "SELECT DISTINCT address, user_agent FROM (SELECT address, user_agent \
             FROM session WHERE realm = $1 AND subject = $2 AND aal <> '' \
             ORDER BY id DESC LIMIT 200) AS latest";
        self.0.list(sql, values![subject]).await
    }

    async fn list_ended_sessions(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = "SELECT id FROM session WHERE realm = $1 AND ended_at >= $2";
        let values = values![since];
        let found = self.0.rows(TABLE, sql, values, |row| row.id("id"));
        found.await.map(sorted)
    }
}

#[async_trait]
impl<E: Engine> SessionWrite for InRealm<E> {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let sql = "INSERT INTO session (realm, id, subject, tenant, roles, permissions, \
             audiences, environment, ended_at, created_at, expires_at, idle_until, steps, aal, \
             factor, client, made_from, address, user_agent, refreshed_at, refresh_digest, \
             refresh_key, refresh_number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
             $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) ON CONFLICT DO NOTHING";
        self.0
            .insert(target(&session.id), sql, &values(session))
            .await
    }

    async fn rotate_refresh_token(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        if self.0.postpone(to)? {
            return Ok(true);
        }
        let sql = "UPDATE session SET refresh_number = $4, refreshed_at = $5, idle_until = $6, \
             refresh_digest = coalesce($7, refresh_digest), \
             refresh_key = coalesce($8, refresh_key) \
             WHERE realm = $1 AND id = $2 AND refresh_number = $3 AND ended_at IS NULL";
        self.0
            .try_change(target(&to.session), sql, &rotation(to))
            .await
    }

    async fn end_other_sessions(
        &mut self,
        subject: SubjectId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = "UPDATE session SET ended_at = $4 \
             WHERE realm = $1 AND subject = $2 AND id <> $3 AND ended_at IS NULL RETURNING id";
        let (target, values) = (target(&subject), values![subject, keep, at]);
        let ended = self.0.returned(target, sql, values, |row| row.id("id"));
        ended.await.map(sorted)
    }

    async fn end_oldest_sessions(
        &mut self,
        keep: &Session,
        most: u32,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = either!(
            E,
            sqlite: "UPDATE session SET ended_at = $4 WHERE realm = $1 AND id <> $3 AND id IN \
                 (SELECT id FROM session WHERE realm = $1 AND subject = $2 \
                  AND made_from IS $6 AND ended_at IS NULL \
                  ORDER BY created_at DESC, id DESC LIMIT 16 OFFSET $5) \
                 RETURNING id",
            postgres: "UPDATE session SET ended_at = $4 WHERE realm = $1 AND id <> $3 \
                 AND id = ANY (ARRAY (SELECT id FROM session WHERE realm = $1 AND subject = $2 \
                  AND made_from IS NOT DISTINCT FROM $6 AND ended_at IS NULL \
                  ORDER BY created_at DESC, id DESC LIMIT 16 OFFSET $5)) \
                 RETURNING id",
        );
        let target = target(&keep.subject);
        let values = values![keep.subject, keep.id, at, most, keep.made_from];
        let ended = self.0.returned(target, sql, values, |row| row.id("id"));
        ended.await.map(sorted)
    }

    async fn end_sessions_made_from(
        &mut self,
        token: ApiTokenId,
        subject: SubjectId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = "UPDATE session SET ended_at = $4 WHERE realm = $1 AND subject = $2 \
             AND made_from = $3 AND ended_at IS NULL RETURNING id";
        let (target, values) = (target(&subject), values![subject, token, at]);
        let ended = self.0.returned(target, sql, values, |row| row.id("id"));
        ended.await.map(sorted)
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE session SET ended_at = $3 \
                   WHERE realm = $1 AND id = $2 AND ended_at IS NULL";
        self.0.try_change(target(&id), sql, values![id, at]).await
    }

    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = "UPDATE session SET ended_at = $4 WHERE realm = $1 AND subject = $2 \
             AND (CAST($3 AS text) IS NULL OR tenant = $3) AND ended_at IS NULL RETURNING id";
        let (target, values) = (target(&subject), values![subject, tenant, at]);
        let ended = self.0.returned(target, sql, values, |row| row.id("id"));
        ended.await.map(sorted)
    }

    async fn prune_sessions(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = found_by!(
            E,
            "DELETE FROM session WHERE realm = $1 AND",
            "id",
            "SELECT id FROM (SELECT id FROM session \
                 WHERE realm = $1 AND ended_at IS NOT NULL AND ended_at < $2 LIMIT $3) AS ended \
             UNION ALL SELECT id FROM (SELECT id FROM session \
                 WHERE realm = $1 AND realm > 0 AND ended_at IS NULL AND expires_at < $2 \
                 LIMIT $3) AS over \
             LIMIT $3"
        );
        let target = target(&"those that are over");
        self.0.write(target, sql, values![before, limit]).await
    }
}
