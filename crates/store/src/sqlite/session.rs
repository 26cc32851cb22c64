//! Sessions.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use super::{ceiling, dossier};
use crate::row::ceiling::CeilingRow;
use crate::row::session::{BeginningRow, SessionRow, TABLE, ended_at};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, FactorId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Dossier, Rotation, Session, SessionState, UserAgent};
use doorward_identity::port::{SessionRead, SessionWrite, StoreError};
use rusqlite::Row;

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

pub(super) fn find_by_refresh(
    scope: Scope<'_>,
    digests: &[TokenDigest],
) -> Result<Option<Session>, StoreError> {
    for digest in digests {
        let sql = select!("AND refresh_digest = ?2");
        let found = scope.find::<SessionRow, _>(sql, &[digest.as_bytes()])?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

pub(super) fn insert(scope: Scope<'_>, session: &Session) -> Result<(), StoreError> {
    let ceiling = CeilingRow::of(&session.ceiling);
    let began = BeginningRow::of(session);
    let family = session.refresh.as_ref();
    scope.write_one(
        target(&session.id),
        "INSERT INTO session (realm, id, subject, tenant, roles, permissions, audiences, \
         environment, ended_at, created_at, expires_at, idle_until, steps, aal, factor, client, \
         address, user_agent, refreshed_at, refresh_digest, refresh_key, refresh_number) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
         ?18, ?19, ?20, ?21, ?22)",
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
            &session.idle_until.map(Timestamp::as_micros),
            &began.steps,
            &session.aal.as_str(),
            &session.factor.as_ref().map(FactorId::as_bytes),
            &session.client.as_ref().map(ClientId::as_bytes),
            &began.address,
            &session.user_agent.as_ref().map(UserAgent::as_str),
            &session.refreshed_at.map(Timestamp::as_micros),
            &family.map(|family| family.digest.as_bytes()),
            &family.map(|family| family.digest_key.as_str()),
            &family.map(|family| i64::from(family.number)),
        ],
    )
}

/// Moves a session on, if it has the number that is said and has not ended.
pub(super) fn rotate(scope: Scope<'_>, to: &Rotation) -> Result<bool, StoreError> {
    let (digest, key) = to.rekey.as_ref().map(|(digest, key)| (digest, key)).unzip();
    scope
        .write(
            target(&to.session),
            "UPDATE session SET refresh_number = ?4, refreshed_at = ?5, idle_until = ?6, \
             refresh_digest = coalesce(?7, refresh_digest), \
             refresh_key = coalesce(?8, refresh_key) \
             WHERE realm = ?1 AND id = ?2 AND refresh_number = ?3 AND ended_at IS NULL",
            &[
                to.session.as_bytes(),
                &i64::from(to.from),
                &i64::from(to.to),
                &to.at.as_micros(),
                &to.idle_until.map(Timestamp::as_micros),
                &digest.map(TokenDigest::as_bytes),
                &key,
            ],
        )
        .map(|moved| moved > 0)
}

pub(super) fn end_others(
    scope: Scope<'_>,
    subject: SubjectId,
    keep: SessionId,
    at: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let ended = scope.column(
        TABLE,
        "UPDATE session SET ended_at = ?4 \
         WHERE realm = ?1 AND subject = ?2 AND id <> ?3 AND ended_at IS NULL RETURNING id",
        &[subject.as_bytes(), keep.as_bytes(), &at.as_micros()],
    )?;
    Ok(ids(ended))
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

    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError> {
        self.with(|scope| {
            let Some(session) = find_by_refresh(scope, digests)? else {
                return Ok(None);
            };
            let owner = dossier::find(scope, session.subject)?;
            Ok(owner.map(|owner| (session, owner)))
        })
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

    async fn rotate_refresh_token(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        self.with(|scope| rotate(scope, to))
    }

    async fn end_other_sessions(
        &mut self,
        subject: SubjectId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.with(|scope| end_others(scope, subject, keep, at))
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
            idle_until: row.get(10)?,
            steps: row.get(11)?,
            aal: row.get(12)?,
            factor: row.get(13)?,
            client: row.get(14)?,
            address: row.get(15)?,
            user_agent: row.get(16)?,
            refreshed_at: row.get(17)?,
            refresh_digest: row.get(18)?,
            refresh_key: row.get(19)?,
            refresh_number: row.get(20)?,
        })
    }
}
