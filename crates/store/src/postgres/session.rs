//! Sessions.

use super::scope::{Id, Record, Scope, Target, Trouble, Values};
use super::tx::RealmTx;
use super::tx::{reading, writing};
use super::{ceiling, dossier};
use crate::row::ceiling::CeilingRow;
use crate::row::session::{BeginningRow, SessionRow, TABLE, ended_at};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Dossier, Rotation, Session, UserAgent};
use doorward_identity::port::{SessionRead, SessionWrite, StoreError};
use tokio_postgres::{Error, Row};

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

pub(super) async fn find(scope: Scope<'_>, id: SessionId) -> Result<Option<Session>, Trouble> {
    scope
        .find::<SessionRow, _>(select!("AND id = $2"), &[&Id::from(id)])
        .await
}

pub(super) async fn list(scope: Scope<'_>, subject: SubjectId) -> Result<Vec<Session>, Trouble> {
    let sql = select!(
        "AND subject = $2 AND ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1000"
    );
    scope
        .list::<SessionRow, _>(sql, &[&Id::from(subject)])
        .await
}

pub(super) async fn list_active_among(
    scope: Scope<'_>,
    wanted: &[SessionId],
) -> Result<Vec<SessionId>, Trouble> {
    let wanted: Vec<Id> = wanted.iter().copied().map(Id::from).collect();
    scope
        .column(
            TABLE,
            "SELECT id FROM session WHERE realm = $1 AND id = ANY($2) AND ended_at IS NULL",
            &[&wanted],
        )
        .await
        .map(ids)
}

pub(super) async fn list_ended_since(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<SessionId>, Trouble> {
    scope
        .column(
            TABLE,
            "SELECT id FROM session WHERE realm = $1 AND ended_at >= $2",
            &[&since.as_micros()],
        )
        .await
        .map(ids)
}

pub(super) async fn find_by_refresh(
    scope: Scope<'_>,
    digests: &[TokenDigest],
) -> Result<Option<(Session, Dossier)>, Trouble> {
    let mut found = None;
    for digest in digests {
        // One at a time: with ANY, a plan made over empty tables reads the realm.
        let sql = select!("AND refresh_digest = $2");
        let values: Values<'_> = &[&digest.as_bytes().as_slice()];
        found = scope.find::<SessionRow, Session>(sql, values).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(session) = found else {
        return Ok(None);
    };
    let owner = dossier::find(scope, session.subject).await?;
    Ok(owner.map(|owner| (session, owner)))
}

pub(super) async fn insert(scope: Scope<'_>, session: &Session) -> Result<(), Trouble> {
    let ceiling = CeilingRow::of(&session.ceiling);
    let began = BeginningRow::of(session);
    let family = session.refresh.as_ref();
    scope
        .insert_one(
            target(&session.id),
            "INSERT INTO session (realm, id, subject, tenant, roles, permissions, audiences, \
             environment, ended_at, created_at, expires_at, idle_until, steps, aal, factor, \
             client, address, user_agent, refreshed_at, refresh_digest, refresh_key, \
             refresh_number) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
             $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING",
            &[
                &Id::from(session.id),
                &Id::from(session.subject),
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
                &session.factor.map(|id| Id(*id.as_bytes())),
                &session.client.map(|id| Id(*id.as_bytes())),
                &began.address,
                &session.user_agent.as_ref().map(UserAgent::as_str),
                &session.refreshed_at.map(Timestamp::as_micros),
                &family.map(|family| family.digest.as_bytes().as_slice()),
                &family.map(|family| family.digest_key.as_str()),
                &family.map(|family| i64::from(family.number)),
            ],
        )
        .await
}

/// Moves a session on, if it has the number that is said and has not ended.
pub(super) async fn rotate(scope: Scope<'_>, to: &Rotation) -> Result<bool, Trouble> {
    let (digest, key) = to.rekey.as_ref().map(|(digest, key)| (digest, key)).unzip();
    scope
        .write(
            target(&to.session),
            "UPDATE session SET refresh_number = $4, refreshed_at = $5, idle_until = $6, \
             refresh_digest = coalesce($7, refresh_digest), \
             refresh_key = coalesce($8, refresh_key) \
             WHERE realm = $1 AND id = $2 AND refresh_number = $3 AND ended_at IS NULL",
            &[
                &Id::from(to.session),
                &i64::from(to.from),
                &i64::from(to.to),
                &to.at.as_micros(),
                &to.idle_until.map(Timestamp::as_micros),
                &digest.map(|digest| digest.as_bytes().as_slice()),
                &key.map(String::as_str),
            ],
        )
        .await
        .map(|moved| moved > 0)
}

pub(super) async fn end_others(
    scope: Scope<'_>,
    subject: SubjectId,
    keep: SessionId,
    at: Timestamp,
) -> Result<Vec<SessionId>, Trouble> {
    scope
        .column(
            TABLE,
            "UPDATE session SET ended_at = $4 \
             WHERE realm = $1 AND subject = $2 AND id <> $3 AND ended_at IS NULL RETURNING id",
            &[&Id::from(subject), &Id::from(keep), &at.as_micros()],
        )
        .await
        .map(ids)
}

pub(super) async fn end(scope: Scope<'_>, id: SessionId, at: Timestamp) -> Result<bool, Trouble> {
    let sql = "UPDATE session SET ended_at = $3 \
               WHERE realm = $1 AND id = $2 AND ended_at IS NULL";
    scope
        .write(target(&id), sql, &[&Id::from(id), &at.as_micros()])
        .await
        .map(|ended| ended > 0)
}

pub(super) async fn end_of(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<Vec<SessionId>, Trouble> {
    scope
        .column(
            TABLE,
            "UPDATE session SET ended_at = $4 \
             WHERE realm = $1 AND subject = $2 AND ($3::text IS NULL OR tenant = $3) \
             AND ended_at IS NULL RETURNING id",
            &[
                &Id::from(subject),
                &tenant.map(TenantId::as_str),
                &at.as_micros(),
            ],
        )
        .await
        .map(ids)
}

fn ids(found: Vec<Id>) -> Vec<SessionId> {
    let mut ids: Vec<_> = found
        .into_iter()
        .map(|Id(id)| SessionId::from_bytes(id))
        .collect();
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
impl SessionRead for RealmTx {
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError> {
        reading!(self, list_active_among(ids))
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        reading!(self, find(id))
    }

    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError> {
        reading!(self, list(subject))
    }

    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError> {
        reading!(self, find_by_refresh(digests))
    }

    async fn list_ended_sessions(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        reading!(self, list_ended_since(since))
    }
}

#[async_trait]
impl SessionWrite for RealmTx {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        writing!(self, insert(session))
    }

    async fn rotate_refresh_token(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        writing!(self, rotate(to))
    }

    async fn end_other_sessions(
        &mut self,
        subject: SubjectId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        writing!(self, end_others(subject, keep, at))
    }

    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        writing!(self, end(id, at))
    }

    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        writing!(self, end_of(subject, tenant, at))
    }
}

impl Record for SessionRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        let Id(subject) = row.try_get(1)?;
        let factor: Option<Id> = row.try_get(13)?;
        let client: Option<Id> = row.try_get(14)?;
        Ok(Self {
            id,
            subject,
            ceiling: ceiling::read(row, 2)?,
            ended_at: row.try_get(7)?,
            created_at: row.try_get(8)?,
            expires_at: row.try_get(9)?,
            idle_until: row.try_get(10)?,
            steps: row.try_get(11)?,
            aal: row.try_get(12)?,
            factor: factor.map(|Id(id)| id),
            client: client.map(|Id(id)| id),
            address: row.try_get(15)?,
            user_agent: row.try_get(16)?,
            refreshed_at: row.try_get(17)?,
            refresh_digest: row.try_get(18)?,
            refresh_key: row.try_get(19)?,
            refresh_number: row.try_get(20)?,
        })
    }
}
