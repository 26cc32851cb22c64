//! Sessions.

use super::Place;
use super::ceiling::CeilingRow;
use doorward_base::{SessionId, SubjectId, Timestamp};
use doorward_identity::model::{Session, SessionState};
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
        })
    }
}
