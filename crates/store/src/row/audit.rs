//! What is written down of every event.

use super::Place;
use doorward_base::{ApiTokenId, ErrorCode, RequestId, SessionId, SubjectId, Timestamp};
use doorward_identity::model::{Actor, AuditAction, AuditEvent, AuditRow, Outcome};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "audit";

/// The columns `actor` and `actor_subject`.
pub(crate) const fn actor(actor: &Actor) -> (&'static str, Option<&SubjectId>) {
    match actor {
        Actor::Operator => ("operator", None),
        Actor::Subject(id) => ("subject", Some(id)),
        Actor::Anonymous => ("anonymous", None),
        Actor::System => ("system", None),
    }
}

/// The column `refused`.
pub(crate) const fn refused(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Success => None,
        Outcome::Refused(code) => Some(code.as_str()),
    }
}

/// An event.
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) request: [u8; 16],
    pub(crate) actor: String,
    pub(crate) actor_subject: Option<[u8; 16]>,
    pub(crate) action: String,
    pub(crate) refused: Option<String>,
    pub(crate) subject: Option<[u8; 16]>,
    pub(crate) tenant: Option<String>,
    pub(crate) token: Option<[u8; 16]>,
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) peer: Option<String>,
    pub(crate) detail: String,
}

impl TryFrom<EventRow> for AuditRow {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let place = Place {
            table: TABLE,
            row: &row.seq,
        };
        let actor = match (row.actor.as_str(), row.actor_subject) {
            ("operator", None) => Actor::Operator,
            ("subject", Some(id)) => Actor::Subject(SubjectId::from_bytes(id)),
            ("anonymous", None) => Actor::Anonymous,
            ("system", None) => Actor::System,
            _ => return Err(place.bad("actor", "unknown, or actor_subject does not fit it")),
        };
        let refused: Option<ErrorCode> = place.parse_some("refused", row.refused.as_deref())?;
        let event = AuditEvent {
            at: Timestamp::from_micros(row.at),
            request: RequestId::from_bytes(row.request),
            actor,
            action: AuditAction::from_text(&row.action)
                .ok_or_else(|| place.bad("action", "unknown"))?,
            outcome: refused.map_or(Outcome::Success, Outcome::Refused),
            subject: row.subject.map(SubjectId::from_bytes),
            tenant: place.parse_some("tenant", row.tenant.as_deref())?,
            token: row.token.map(ApiTokenId::from_bytes),
            session: row.session.map(SessionId::from_bytes),
            peer: place.parse_some("peer", row.peer.as_deref())?,
            detail: place.parse_json("detail", &row.detail)?,
        };
        Ok(Self {
            seq: row.seq,
            event,
        })
    }
}
