//! What is written down of every event.

use crate::engine::{Engine, InRealm, found_by};
use crate::row::{Cursor, Record, Target, Value, bounded, json, values};
use async_trait::async_trait;
use doorward_base::{ErrorCode, SubjectId, Timestamp};
use doorward_identity::model::{Actor, AuditAction, AuditEvent, AuditRow, Outcome};
use doorward_identity::port::{AuditFilter, AuditRead, AuditWrite, Page, StoreError};
use std::fmt::Display;

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

/// The columns of an event.
const COLUMNS: &str = "seq, at, request, actor, actor_subject, action, refused, subject, \
     tenant, token, session, peer, detail";

/// How many rows a search looks at: an index serves one of its conditions, and the rest are
/// looked for in what that finds.
pub(crate) const LOOKED_AT: u32 = 5000;

/// What a column must be.
type Condition<'f> = (&'static str, Value<'f>);

/// A search: the condition that an index serves, and what it leaves to look at. One that is
/// not asked for is left out; a frequent action is found in the order of the realm.
struct Search<'f> {
    served: Option<Condition<'f>>,
    further: Vec<Condition<'f>>,
}

impl<'f> Search<'f> {
    fn of(filter: &'f AuditFilter) -> Self {
        let conditions = [
            ("subject", filter.subject.map(Value::from)),
            ("tenant", filter.tenant.as_ref().map(Value::from)),
            ("action", filter.action.as_ref().map(Value::from)),
        ];
        let conditions = conditions.into_iter();
        let mut further: Vec<_> = conditions
            .filter_map(|(column, value)| value.map(|value| (column, value)))
            .collect();
        let action = filter.action.as_deref();
        let is_frequent = FREQUENT.iter().any(|one| Some(one.as_str()) == action);
        let served = match further.first() {
            None => None,
            Some(("action", _)) if is_frequent => None,
            Some(_) => Some(further.remove(0)),
        };
        Self { served, further }
    }

    /// What an index finds before the row `$2`, newest first but for its end.
    fn found(&mut self, columns: &str, after: Option<i64>) -> (String, Vec<Value<'f>>) {
        let mut values = vec![Value::Int(after.unwrap_or(i64::MAX))];
        let mut sql = format!("SELECT {columns} FROM audit WHERE realm = $1 AND seq < $2");
        if let Some((column, value)) = self.served.take() {
            values.push(value);
            sql.push_str(&format!(" AND {column} = $3"));
            if column == "action" {
                sql.push_str(IS_RARE);
            }
        }
        sql.push_str(" ORDER BY seq DESC");
        (sql, values)
    }
}

/// Lists what a filter asks for.
pub(crate) fn listing(filter: &AuditFilter, page: Page<i64>) -> (String, Vec<Value<'_>>) {
    let mut search = Search::of(filter);
    let (mut sql, mut values) = search.found(COLUMNS, page.after);
    if !search.further.is_empty() {
        values.push(LOOKED_AT.into());
        let last = values.len() + 1;
        sql = format!("SELECT {COLUMNS} FROM ({sql} LIMIT ${last}) AS looked_at WHERE seq > 0");
        for (column, value) in search.further {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ${}", values.len() + 1));
        }
        sql.push_str(" ORDER BY seq DESC");
    }
    values.push(page.limit.into());
    sql.push_str(&format!(" LIMIT ${}", values.len() + 1));
    (sql, values)
}

/// The last row that a listing looks at; none if an index serves all of it.
fn horizon(filter: &AuditFilter, after: Option<i64>) -> Option<(String, Vec<Value<'_>>)> {
    let mut search = Search::of(filter);
    if search.further.is_empty() {
        return None;
    }
    let (mut sql, mut values) = search.found("seq", after);
    values.push((LOOKED_AT - 1).into());
    sql.push_str(&format!(" LIMIT 1 OFFSET ${}", values.len() + 1));
    Some((sql, values))
}

/// Whether no row can be asked for: the action comes from outside, and PostgreSQL's texts
/// hold no NUL.
fn is_nothing(filter: &AuditFilter) -> bool {
    let action = filter.action.as_deref().unwrap_or_default();
    action.contains('\0')
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
        if is_nothing(filter) {
            return Ok(Vec::new());
        }
        let (sql, values) = listing(filter, bounded(page));
        self.0.list(&sql, &values).await
    }

    async fn find_audit_horizon(
        &mut self,
        filter: &AuditFilter,
        after: Option<i64>,
    ) -> Result<Option<i64>, StoreError> {
        let horizon = horizon(filter, after);
        let Some((sql, values)) = horizon.filter(|_| !is_nothing(filter)) else {
            return Ok(None);
        };
        let found = self.0.rows(TABLE, &sql, &values, |row| row.int("seq"));
        Ok(found.await?.first().copied())
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
