//! Sessions.

use super::{Columns, Cursor, Record, Target, Value, ceiling, join};
use doorward_base::{SessionId, Timestamp};
use doorward_identity::model::{RefreshFamily, Rotation, Session, SessionState, UserAgent};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "session";

/// Several that are written at once.
pub(crate) const SEVERAL: Target<'static> = Target {
    table: TABLE,
    row: &"several sessions",
    unique: "the session",
};

/// What is written.
pub(crate) const fn target(id: &SessionId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the session",
    }
}

const fn ended_at(state: SessionState) -> Option<Timestamp> {
    match state {
        SessionState::Active => None,
        SessionState::Ended { at } => Some(at),
    }
}

fn read_family(row: &mut Cursor<'_, impl Columns>) -> Result<Option<RefreshFamily>, StoreError> {
    let digest = row.opt_digest("refresh_digest")?;
    let digest_key = row.opt_text("refresh_key")?.map(str::to_owned);
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

impl Record for Session {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_, impl Columns>) -> Result<Self, StoreError> {
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
            address: row.opt_parse("address")?,
            user_agent: row.opt_text("user_agent")?.and_then(UserAgent::clean),
            refreshed_at: row.opt_time("refreshed_at")?,
            refresh: read_family(row)?,
        })
    }
}

/// The columns as they are read.
pub(crate) fn values(session: &Session) -> [Value<'_>; 21] {
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
