//! Rule: the audit is complete and unique. Every acknowledged operation has exactly one
//! row with its request id, and every row of a success is some operation's. Not here:
//! what the rows say beyond that.

use super::index::Index;
use super::{AuditRow, Kind, Violation};
use crate::history::{Action, Event, Name, Outcome, RealmNo};
use std::collections::HashMap;

/// The audited action of an operation.
pub(super) const fn audited(action: &Action) -> Option<&'static str> {
    match action {
        Action::SignIn { .. } => Some("session.sign_in"),
        Action::SignOut { .. } => Some("session.sign_out"),
        Action::Refresh { .. } => Some("session.refresh"),
        Action::Create { .. } => Some("token.create"),
        Action::Regenerate { .. } => Some("token.regenerate"),
        Action::Revoke { .. } => Some("token.revoke"),
        Action::AddGrant { .. } => Some("grant.add"),
        Action::RemoveGrant { .. } => Some("grant.remove"),
        Action::Exchange { .. } => Some("token.exchange"),
        Action::List { .. } | Action::ReadGrant { .. } | Action::Use { .. } => None,
    }
}

pub(super) fn check(index: &Index<'_>, rows: &[AuditRow], found: &mut Vec<Violation>) {
    let mut by_request: HashMap<&Name, Vec<&AuditRow>> = HashMap::new();
    for row in rows.iter().filter(|row| !row.operator) {
        by_request.entry(&row.request).or_default().push(row);
    }
    let mut unknown: HashMap<(RealmNo, &str), usize> = HashMap::new();
    for (place, event) in index.events.iter().enumerate() {
        let Some(action) = audited(&event.action) else {
            continue;
        };
        let written = event.request.as_ref().and_then(|id| by_request.remove(id));
        match (&event.outcome, &written) {
            (Outcome::Unknown(_), None) => {
                *unknown.entry((event.realm, action)).or_default() += 1;
            }
            (_, written) => {
                let written = written.as_deref().unwrap_or_default();
                let judged = judge(event, action, written);
                found.extend(judged.map(|(kind, what)| Violation {
                    kind,
                    what,
                    events: vec![place],
                }));
            }
        }
    }
    for (request, rows) in by_request {
        judge_strange(request, &rows, &mut unknown, found);
    }
}

/// The rows of one request against what its client saw.
fn judge(event: &Event, action: &str, rows: &[&AuditRow]) -> Option<(Kind, String)> {
    let ours = |row: &&&AuditRow| row.realm == event.realm && row.action == action;
    let mine: Vec<&&AuditRow> = rows.iter().filter(ours).collect();
    let successes = mine.iter().filter(|row| row.success).count();
    let named = || {
        event
            .request
            .as_deref()
            .unwrap_or("without an id")
            .to_owned()
    };
    if mine.len() > 1 {
        let what = format!("request {} has {} rows of {action}", named(), mine.len());
        return Some((Kind::AuditTwice, what));
    }
    if rows.len() > mine.len() && rows.iter().any(|row| row.realm != event.realm) {
        let what = format!("request {} has a row in another realm", named());
        return Some((Kind::CrossedBoundary, what));
    }
    match (&event.outcome, successes) {
        (Outcome::Ok(_), 0) => {
            let what = format!(
                "request {} was acknowledged and has no row of {action}",
                named()
            );
            Some((Kind::AuditMissing, what))
        }
        (Outcome::Refused(..), 1..) => {
            let what = format!(
                "request {} was refused, and its row tells of {action}",
                named()
            );
            Some((Kind::AuditContradicts, what))
        }
        _ => None,
    }
}

/// Rows of a request that nobody got an answer to.
fn judge_strange<'a>(
    request: &Name,
    rows: &[&'a AuditRow],
    unknown: &mut HashMap<(RealmNo, &'a str), usize>,
    found: &mut Vec<Violation>,
) {
    let mut amiss = |kind, what| {
        found.push(Violation {
            kind,
            what,
            events: Vec::new(),
        });
    };
    let counted = rows.iter().filter(|row| is_counted(&row.action));
    let mut before: Vec<&AuditRow> = Vec::new();
    for &row in counted {
        let same = |other: &&AuditRow| other.action == row.action && other.realm == row.realm;
        if before.iter().any(same) {
            amiss(
                Kind::AuditTwice,
                format!("request {request} has two rows of {}", row.action),
            );
            continue;
        }
        before.push(row);
        let left = unknown.get_mut(&(row.realm, row.action.as_str()));
        let explained = left.is_some_and(|left| {
            let any = *left > 0;
            *left = left.saturating_sub(1);
            any
        });
        if row.success && !explained {
            amiss(
                Kind::AuditUnexplained,
                format!(
                    "a row of {} in realm {}, request {request}, is of no client",
                    row.action, row.realm
                ),
            );
        }
    }
}

/// Whether the action is one of the clients'. Others happen on their own, and a key may
/// be made more than once in one go.
fn is_counted(action: &str) -> bool {
    let families = ["token.", "session.", "grant."];
    action != "token.present" && families.iter().any(|family| action.starts_with(family))
}
