//! Whether a history had anything in it to judge: every sort of operation must have been
//! acknowledged at least once, and every sort of temptation refused. A checker that saw
//! none of a sort says nothing about it. Not here: what must hold (`check`).

use crate::history::{Action, Credential, Event, Reach};
use std::collections::BTreeSet;

/// Every sort.
const SORTS: [&str; 20] = [
    "sign in",
    "sign out",
    "refresh",
    "create",
    "regenerate",
    "revoke",
    "list",
    "grant",
    "take a grant away",
    "exchange",
    "exchange for the permission",
    "API token at the gate",
    "API token where the permission is asked for",
    "access token at the gate",
    "access token where the permission is asked for",
    "session at the gate",
    "a refused exchange",
    "a refused refresh",
    "a refused credential at the gate",
    "a refused stranger",
];

/// The sorts that never came up.
#[must_use]
pub fn missing(events: &[Event]) -> Vec<&'static str> {
    let seen: BTreeSet<&str> = events.iter().filter_map(sort).collect();
    let unseen = |sort: &&str| !seen.contains(sort);
    SORTS.into_iter().filter(unseen).collect()
}

fn sort(event: &Event) -> Option<&'static str> {
    if !event.is_ok() {
        return refused(event);
    }
    Some(match &event.action {
        Action::SignIn { .. } => "sign in",
        Action::SignOut { .. } => "sign out",
        Action::Refresh { .. } => "refresh",
        Action::Create { .. } => "create",
        Action::Regenerate { .. } => "regenerate",
        Action::Revoke { .. } => "revoke",
        Action::List { by: Some(_), .. } => "list",
        Action::AddGrant { .. } => "grant",
        Action::RemoveGrant { .. } => "take a grant away",
        Action::Exchange { reach, .. } => match reach {
            Reach::Plain => "exchange",
            Reach::Write => "exchange for the permission",
        },
        Action::Use { credential, reach } => match (credential, reach) {
            (Credential::Token(_), Reach::Plain) => "API token at the gate",
            (Credential::Token(_), Reach::Write) => "API token where the permission is asked for",
            (Credential::Jwt { .. }, Reach::Plain) => "access token at the gate",
            (Credential::Jwt { .. }, Reach::Write) => {
                "access token where the permission is asked for"
            }
            (Credential::Session(_), _) => "session at the gate",
        },
        Action::List { by: None, .. } | Action::ReadGrant { .. } => return None,
    })
}

fn refused(event: &Event) -> Option<&'static str> {
    match &event.action {
        Action::Exchange { .. } if event.is_refused(401) => Some("a refused exchange"),
        Action::Refresh { .. } if event.is_refused(401) => Some("a refused refresh"),
        Action::Use { .. } if event.is_refused(401) => Some("a refused credential at the gate"),
        Action::Create { .. } | Action::Revoke { .. } if event.is_refused(404) => {
            Some("a refused stranger")
        }
        _ => None,
    }
}
