//! Sessions.

use super::ceiling;
use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::ceiling::CeilingRow;
use crate::row::session::{SessionRow, TABLE, ended_at};
use async_trait::async_trait;
use doorward_base::{SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Session, SessionState};
use doorward_identity::port::{SessionRead, SessionWrite, StoreError};
use rusqlite::Row;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, tenant, roles, permissions, audiences, environment, ended_at, \
             created_at, expires_at FROM session WHERE realm = ?1 ",
            $rest
        )
    };
}

pub(super) fn find(scope: Scope<'_>, id: SessionId) -> Result<Option<Session>, StoreError> {
    scope.find::<SessionRow, _>(select!("AND id = ?2"), &[id.as_bytes()])
}

pub(super) fn list(scope: Scope<'_>, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
    scope.list::<SessionRow, _>(
        select!(
            "AND subject = ?2 AND ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1000"
        ),
        &[subject.as_bytes()],
    )
}

pub(super) fn list_active_among(
    scope: Scope<'_>,
    wanted: &[SessionId],
) -> Result<Vec<SessionId>, StoreError> {
    let mut active = Vec::with_capacity(wanted.len());
    for &id in wanted {
        let session = find(scope, id)?;
        active.extend(
            session
                .filter(|session| session.state == SessionState::Active)
                .map(|session| session.id),
        );
    }
    Ok(active)
}

pub(super) fn list_ended_since(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    scope
        .column(
            TABLE,
            "SELECT id FROM session WHERE realm = ?1 AND ended_at >= ?2",
            &[&since.as_micros()],
        )
        .map(ids)
}

pub(super) fn insert(scope: Scope<'_>, session: &Session) -> Result<(), StoreError> {
    let ceiling = CeilingRow::of(&session.ceiling);
    scope.write_one(
        target(&session.id),
        "INSERT INTO session (realm, id, subject, tenant, roles, permissions, audiences, \
         environment, ended_at, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &[
            session.id.as_bytes(),
            session.subject.as_bytes(),
            &ceiling.tenant,
            &ceiling.roles,
            &ceiling.permissions,
            &ceiling.audiences,
            &ceiling.environment,
            &ended_at(session.state),
            &session.created_at.as_micros(),
            &session.expires_at.as_micros(),
        ],
    )
}

pub(super) fn end(scope: Scope<'_>, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE session SET ended_at = ?3 \
               WHERE realm = ?1 AND id = ?2 AND ended_at IS NULL";
    scope
        .write(target(&id), sql, &[id.as_bytes(), &at.as_micros()])
        .map(|ended| ended > 0)
}

pub(super) fn end_of(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let ended = scope.column(
        TABLE,
        "UPDATE session SET ended_at = ?4 \
         WHERE realm = ?1 AND subject = ?2 AND (?3 IS NULL OR tenant = ?3) \
         AND ended_at IS NULL RETURNING id",
        &[
            subject.as_bytes(),
            &tenant.map(TenantId::as_str),
            &at.as_micros(),
        ],
    )?;
    Ok(ids(ended))
}

fn ids(found: Vec<[u8; 16]>) -> Vec<SessionId> {
    let mut ids: Vec<_> = found.into_iter().map(SessionId::from_bytes).collect();
    ids.sort_unstable();
    ids
}

const fn target(id: &SessionId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the session",
    }
}

#[async_trait]
impl SessionRead for RealmTx<'_> {
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        self.with(|scope| list_active_among(scope, ids))
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.with(|scope| find(scope, id))
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        self.with(|scope| list(scope, subject))
    }

    async fn list_ended_sessions(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.with(|scope| list_ended_since(scope, since))
    }
}

#[async_trait]
impl SessionWrite for RealmTx<'_> {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, session))
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.with(|scope| end(scope, id, at))
    }

    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.with(|scope| end_of(scope, subject, tenant, at))
    }
}

impl Record for SessionRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            subject: row.get(1)?,
            ceiling: ceiling::read(row, 2)?,
            ended_at: row.get(7)?,
            created_at: row.get(8)?,
            expires_at: row.get(9)?,
        })
    }
}
