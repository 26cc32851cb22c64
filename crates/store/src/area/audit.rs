//! What is written down of every event.

use crate::engine::{Engine, InRealm, found_by};
use crate::row::{Cursor, Record, Target, Value, bounded, json, values};
use async_trait::async_trait;
use doorward_base::{ErrorCode, SubjectId, Timestamp};
use doorward_identity::model::{Actor, AuditAction, AuditEvent, AuditRow, Outcome};
use doorward_identity::port::{AuditFilter, AuditRead, AuditWrite, Page, StoreError};
use std::fmt::Display;

/// Their table.
pub(crate) const TABLE: &str = "audit";

/// An event that is written.
pub(crate) fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the audit row")
}

/// What most events are. The index of actions leaves it out, and serves statements that do so
/// in the same words.
const FREQUENT: [AuditAction; 3] = [
    AuditAction::TokenExchange,
    AuditAction::SessionRefresh,
    AuditAction::SignIn,
];
const IS_RARE: &str = " AND action NOT IN ('token.exchange', 'session.refresh', 'session.sign_in')";

/// Lists what a filter asks for. A condition that is not asked for is left out, so that an
/// index serves the rest.
pub(crate) fn listing(filter: &AuditFilter, page: Page<i64>) -> (String, Vec<Value<'_>>) {
    let mut sql = "SELECT seq, at, request, actor, actor_subject, action, refused, subject, \
                   tenant, token, session, peer, detail FROM audit WHERE realm = $1 AND seq < $2"
        .to_owned();
    let mut values = vec![Value::Int(page.after.unwrap_or(i64::MAX))];
    let conditions = [
        ("subject", filter.subject.map(Value::from)),
        ("tenant", filter.tenant.as_ref().map(Value::from)),
        ("action", filter.action.as_ref().map(Value::from)),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ${}", values.len() + 1));
        }
    }
    if let (None, None, Some(asked)) = (filter.subject, &filter.tenant, &filter.action)
        && !FREQUENT.iter().any(|action| action.as_str() == asked)
    {
        sql.push_str(IS_RARE);
    }
    values.push(page.limit.into());
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ${}", values.len() + 1));
    (sql, values)
}

/// The columns `actor` and `actor_subject`.
const fn actor(actor: &Actor) -> (&'static str, Option<SubjectId>) {
    match actor {
        Actor::Operator => ("operator", None),
        Actor::Subject(id) => ("subject", Some(*id)),
        Actor::Anonymous => ("anonymous", None),
        Actor::System => ("system", None),
    }
}

/// The column `refused`.
const fn refused(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Success => None,
        Outcome::Refused(code) => Some(code.as_str()),
    }
}

fn read_actor(row: &mut Cursor<'_>) -> Result<Actor, StoreError> {
    match (row.text("actor")?, row.opt_id("actor_subject")?) {
        ("operator", None) => Ok(Actor::Operator),
        ("subject", Some(id)) => Ok(Actor::Subject(id)),
        ("anonymous", None) => Ok(Actor::Anonymous),
        ("system", None) => Ok(Actor::System),
        _ => Err(row.bad("actor", "unknown, or actor_subject does not fit it")),
    }
}

fn read_action(row: &mut Cursor<'_>) -> Result<AuditAction, StoreError> {
    let text = row.text("action")?;
    AuditAction::from_text(text).ok_or_else(|| row.bad("action", "unknown"))
}

impl Record for AuditRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        let seq = row.int("seq")?;
        let event = AuditEvent {
            at: row.time("at")?,
            request: row.id("request")?,
            actor: read_actor(row)?,
            action: read_action(row)?,
            outcome: row
                .opt_parse::<ErrorCode>("refused")?
                .map_or(Outcome::Success, Outcome::Refused),
            subject: row.opt_id("subject")?,
            tenant: row.opt_parse("tenant")?,
            token: row.opt_id("token")?,
            session: row.opt_id("session")?,
            peer: row.opt_parse("peer")?,
            detail: row.json("detail")?,
        };
        Ok(Self { seq, event })
    }
}

/// The columns as they are read, without the number.
pub(crate) fn values(event: &AuditEvent) -> Result<[Value<'_>; 12], StoreError> {
    let (actor, actor_subject) = actor(&event.actor);
    Ok([
        event.at.into(),
        event.request.into(),
        actor.into(),
        actor_subject.into(),
        event.action.as_str().into(),
        refused(event.outcome).into(),
        event.subject.into(),
        event.tenant.as_ref().into(),
        event.token.into(),
        event.session.into(),
        event.peer.map(|peer| peer.to_string()).into(),
        json(&event.detail)?.into(),
    ])
}

#[async_trait]
impl<E: Engine> AuditRead for InRealm<E> {
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        // It comes from outside, and PostgreSQL's texts hold no NUL: no row has it.
        let action = filter.action.as_deref().unwrap_or_default();
        if action.contains('\0') {
            return Ok(Vec::new());
        }
        let (sql, values) = listing(filter, bounded(page));
        self.0.list(&sql, &values).await
    }
}

#[async_trait]
impl<E: Engine> AuditWrite for InRealm<E> {
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.0.note_event(event).await
    }

    async fn prune_audit(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = found_by!(
            E,
            "DELETE FROM audit WHERE realm = $1 AND at < $2 AND",
            "seq",
            "SELECT seq FROM audit WHERE realm = $1 ORDER BY seq LIMIT $3"
        );
        let target = target(&"old events");
        self.0.write(target, sql, values![before, limit]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statement, the index of each engine and the list say the same.
    #[test]
    fn what_is_frequent_is_said_the_same_everywhere() {
        let names = FREQUENT.map(|action| format!("'{}'", action.as_str()));
        let rare = format!("action NOT IN ({})", names.join(", "));
        assert_eq!(IS_RARE, format!(" AND {rare}"));
        for migration in [
            include_str!("../migrations/sqlite/0001_start.sql"),
            include_str!("../migrations/postgres/0001_start.sql"),
        ] {
            assert!(migration.contains(&format!("(realm, action, seq)\n    WHERE {rare};")));
        }
    }
}
