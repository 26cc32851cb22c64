//! Sessions.

use super::ceiling::CeilingRow;
use super::{Place, join};
use doorward_base::{ClientId, FactorId, SessionId, SubjectId, Timestamp};
use doorward_identity::model::{RefreshFamily, Session, SessionState, UserAgent};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "session";

/// The column `ended_at`.
pub(crate) const fn ended_at(state: SessionState) -> Option<i64> {
    match state {
        SessionState::Active => None,
        SessionState::Ended { at } => Some(at.as_micros()),
    }
}

/// A session.
pub(crate) struct SessionRow {
    pub(crate) id: [u8; 16],
    pub(crate) subject: [u8; 16],
    pub(crate) ceiling: CeilingRow,
    pub(crate) ended_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) idle_until: Option<i64>,
    pub(crate) steps: String,
    pub(crate) aal: String,
    pub(crate) factor: Option<[u8; 16]>,
    pub(crate) client: Option<[u8; 16]>,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) refreshed_at: Option<i64>,
    pub(crate) refresh_digest: Option<Vec<u8>>,
    pub(crate) refresh_key: Option<String>,
    pub(crate) refresh_number: Option<i64>,
}

/// The columns of how a session began, as text.
pub(crate) struct BeginningRow {
    pub(crate) steps: String,
    pub(crate) address: Option<String>,
}

impl BeginningRow {
    /// The columns of a session.
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            steps: join(&session.steps),
            address: session.address.as_ref().map(ToString::to_string),
        }
    }
}

impl SessionRow {
    fn family(&self, place: Place<'_>) -> Result<Option<RefreshFamily>, StoreError> {
        let (Some(digest), Some(key), Some(number)) =
            (&self.refresh_digest, &self.refresh_key, self.refresh_number)
        else {
            return Ok(None);
        };
        Ok(Some(RefreshFamily {
            digest: place.digest(digest.as_slice().try_into().ok())?,
            digest_key: key.clone(),
            number: u32::try_from(number)
                .map_err(|problem| place.bad("refresh_number", problem))?,
        }))
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let id = SessionId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        Ok(Self {
            id,
            subject: SubjectId::from_bytes(row.subject),
            ceiling: row.ceiling.parse(place)?,
            state: row
                .ended_at
                .map_or(SessionState::Active, |at| SessionState::Ended {
                    at: Timestamp::from_micros(at),
                }),
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            idle_until: row.idle_until.map(Timestamp::from_micros),
            steps: place.parse_list("steps", &row.steps)?,
            aal: place.parse("aal", &row.aal)?,
            factor: row.factor.map(FactorId::from_bytes),
            client: row.client.map(ClientId::from_bytes),
            address: place.parse_some("address", row.address.as_deref())?,
            user_agent: row.user_agent.as_deref().and_then(UserAgent::clean),
            refreshed_at: row.refreshed_at.map(Timestamp::from_micros),
            refresh: row.family(place)?,
        })
    }
}
