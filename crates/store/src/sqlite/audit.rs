//! What is written down of every event.

use super::scope::{Place, Record, Scope, Target, json};
use doorward_base::{ApiTokenId, ErrorCode, RequestId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Actor, AuditAction, AuditEvent, AuditRow, Outcome};
use doorward_identity::port::{AuditFilter, Page, StoreError};
use rusqlite::{Row, ToSql};

const SELECT: &str = "SELECT seq, at, request, actor, actor_subject, action, refused, subject, \
     tenant, token, session, peer, detail FROM audit WHERE realm = ?1 AND seq < ?2";

pub(super) fn list(
    scope: Scope<'_>,
    filter: &AuditFilter,
    page: Page<i64>,
) -> Result<Vec<AuditRow>, StoreError> {
    let before = page.after.unwrap_or(i64::MAX);
    let subject = filter.subject.as_ref().map(SubjectId::as_bytes);
    let tenant = filter.tenant.as_ref().map(TenantId::as_str);
    let mut sql = SELECT.to_owned();
    let mut values: Vec<&dyn ToSql> = vec![&before];
    // A condition that is not asked for is left out, so that an index serves the rest.
    let conditions: [(&str, Option<&dyn ToSql>); 3] = [
        ("subject", subject.as_ref().map(|value| value as &dyn ToSql)),
        ("tenant", tenant.as_ref().map(|value| value as &dyn ToSql)),
        (
            "action",
            filter.action.as_ref().map(|value| value as &dyn ToSql),
        ),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len() + 1));
        }
    }
    values.push(&page.limit);
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ?{}", values.len() + 1));
    scope.list::<EventRow, _>(&sql, &values)
}

pub(super) fn append(scope: Scope<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    let (actor, actor_subject) = match &event.actor {
        Actor::Operator => ("operator", None),
        Actor::Subject(id) => ("subject", Some(id.as_bytes())),
        Actor::Anonymous => ("anonymous", None),
        Actor::System => ("system", None),
    };
    let refused = match event.outcome {
        Outcome::Success => None,
        Outcome::Refused(code) => Some(code.as_str()),
    };
    scope.write_one(
        Target {
            table: EventRow::TABLE,
            row: &event.request,
            unique: "the audit row",
        },
        "INSERT INTO audit (realm, at, request, actor, actor_subject, action, refused, subject, \
         tenant, token, session, peer, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            &event.at.as_micros(),
            event.request.as_bytes(),
            &actor,
            &actor_subject,
            &event.action.as_str(),
            &refused,
            &event.subject.as_ref().map(SubjectId::as_bytes),
            &event.tenant.as_ref().map(TenantId::as_str),
            &event.token.as_ref().map(ApiTokenId::as_bytes),
            &event.session.as_ref().map(SessionId::as_bytes),
            &event.peer.map(|peer| peer.to_string()),
            &json(&event.detail)?,
        ],
    )
}

struct EventRow {
    seq: i64,
    at: i64,
    request: [u8; 16],
    actor: String,
    actor_subject: Option<[u8; 16]>,
    action: String,
    refused: Option<String>,
    subject: Option<[u8; 16]>,
    tenant: Option<String>,
    token: Option<[u8; 16]>,
    session: Option<[u8; 16]>,
    peer: Option<String>,
    detail: String,
}

impl Record for EventRow {
    const TABLE: &'static str = "audit";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            request: row.get(2)?,
            actor: row.get(3)?,
            actor_subject: row.get(4)?,
            action: row.get(5)?,
            refused: row.get(6)?,
            subject: row.get(7)?,
            tenant: row.get(8)?,
            token: row.get(9)?,
            session: row.get(10)?,
            peer: row.get(11)?,
            detail: row.get(12)?,
        })
    }
}

impl TryFrom<EventRow> for AuditRow {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let place = Place {
            table: EventRow::TABLE,
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
