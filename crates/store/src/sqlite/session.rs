//! Sessions.

use super::scope::Scope;
use super::tx::RealmTx;
use crate::row::session::{SEVERAL, TABLE, rotation, target, values};
use crate::row::{sorted, values};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Dossier, Rotation, Session};
use doorward_identity::port::{DossierRead as _, SessionRead, SessionWrite, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, tenant, roles, permissions, audiences, environment, ended_at, \
             created_at, expires_at, idle_until, steps, aal, factor, client, address, \
             user_agent, refreshed_at, refresh_digest, refresh_key, refresh_number \
             FROM session WHERE realm = ?1 ",
            $rest
        )
    };
}

#[async_trait]
impl SessionRead for RealmTx<'_> {
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut active = Vec::with_capacity(ids.len());
        for &id in ids {
            let sql = "SELECT id FROM session WHERE realm = ?1 AND id = ?2 AND ended_at IS NULL";
            let found: Vec<SessionId> = self.rows(TABLE, sql, values![id], |row| row.id("id"))?;
            active.extend(found);
        }
        Ok(active)
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.find(select!("AND id = ?2"), values![id])
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        let sql = select!(
            "AND subject = ?2 AND ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1000"
        );
        self.list(sql, values![subject])
    }

    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError> {
        let mut found: Option<Session> = None;
        for digest in digests {
            found = self.find(select!("AND refresh_digest = ?2"), values![digest])?;
            if found.is_some() {
                break;
            }
        }
        let Some(session) = found else {
            return Ok(None);
        };
        let owner = self.find_dossier(session.subject).await?;
        Ok(owner.map(|owner| (session, owner)))
    }

    async fn list_ended_sessions(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.rows(
            TABLE,
            "SELECT id FROM session WHERE realm = ?1 AND ended_at >= ?2",
            values![since],
            |row| row.id("id"),
        )
        .map(sorted)
    }
}

/// Moves a session on, if it has the number that is said and has not ended.
pub(super) fn rotate(scope: Scope<'_>, to: &Rotation) -> Result<bool, StoreError> {
    scope
        .put(
            target(&to.session),
            "UPDATE session SET refresh_number = ?4, refreshed_at = ?5, idle_until = ?6, \
             refresh_digest = coalesce(?7, refresh_digest), \
             refresh_key = coalesce(?8, refresh_key) \
             WHERE realm = ?1 AND id = ?2 AND refresh_number = ?3 AND ended_at IS NULL",
            &rotation(to),
        )
        .map(|moved| moved > 0)
}

#[async_trait]
impl SessionWrite for RealmTx<'_> {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.write_one(
            target(&session.id),
            "INSERT INTO session (realm, id, subject, tenant, roles, permissions, audiences, \
             environment, ended_at, created_at, expires_at, idle_until, steps, aal, factor, \
             client, address, user_agent, refreshed_at, refresh_digest, refresh_key, \
             refresh_number) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
             ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
            &values(session),
        )
    }

    async fn rotate_refresh_token(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        match self.later() {
            // It turns out at the end whether it was so.
            Some(later) => Ok(later.rotation.replace(to.clone()).is_none()),
            None => self.with(|scope| rotate(scope, to)),
        }
    }

    async fn end_other_sessions(
        &mut self,
        subject: SubjectId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.returned(
            SEVERAL,
            "UPDATE session SET ended_at = ?4 \
             WHERE realm = ?1 AND subject = ?2 AND id <> ?3 AND ended_at IS NULL RETURNING id",
            values![subject, keep, at],
            |row| row.id("id"),
        )
        .map(sorted)
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.write(
            target(&id),
            "UPDATE session SET ended_at = ?3 \
             WHERE realm = ?1 AND id = ?2 AND ended_at IS NULL",
            values![id, at],
        )
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
            "UPDATE session SET ended_at = ?4 \
             WHERE realm = ?1 AND subject = ?2 AND (?3 IS NULL OR tenant = ?3) \
             AND ended_at IS NULL RETURNING id",
            values![subject, tenant, at],
            |row| row.id("id"),
        )
        .map(sorted)
    }

    async fn prune_sessions(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(
            SEVERAL,
            "DELETE FROM session WHERE realm = ?1 AND id IN (\
             SELECT id FROM (SELECT id FROM session \
                 WHERE realm = ?1 AND ended_at IS NOT NULL AND ended_at < ?2 LIMIT ?3) \
             UNION ALL SELECT id FROM (SELECT id FROM session \
                 WHERE realm = ?1 AND ended_at IS NULL AND expires_at < ?2 LIMIT ?3) LIMIT ?3)",
            values![before, limit],
        )
        .map(|pruned| pruned as u64)
    }
}
