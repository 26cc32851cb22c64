//! Rule: nothing of one realm or tenant is accepted in another, and who is accepted is
//! taken for nobody else. Not here: whether it should still have been accepted at home
//! (`life`).

use super::index::Index;
use super::{Kind, Violation};
use crate::history::{Action, Effect, Event, Outcome, SubjectNo};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (place, event) in index.events.iter().enumerate() {
        let Outcome::Ok(effect) = &event.outcome else {
            continue;
        };
        if let Some((what, made)) = crossed(index, event, effect) {
            found.push(Violation {
                kind: Kind::CrossedBoundary,
                what,
                events: made.into_iter().chain([place]).collect(),
            });
        }
    }
}

/// What is wrong with an acceptance, and where its credential was made.
fn crossed(index: &Index<'_>, event: &Event, effect: &Effect) -> Option<(String, Option<usize>)> {
    match &event.action {
        Action::Exchange { token, .. } => {
            let life = index.tokens.get(token)?;
            if life.realm != event.realm {
                let what = format!("token {token} of realm {} was exchanged", life.realm);
                return Some((what, life.born));
            }
            Some((claims_amiss(index, event, life.owner?, effect)?, life.born))
        }
        Action::Use { credential, .. } => {
            let (owner, home) = index.holder(credential)?;
            if home != event.realm {
                return Some((format!("a credential of realm {home} passed"), None));
            }
            Some((identity_amiss(index, owner, effect)?, None))
        }
        Action::Create { by, owner } => {
            let session = index.sessions.get(by)?;
            let may =
                session.realm == event.realm && index.world.may_manage(session.person, *owner);
            let what = || format!("subject {} made a token of {owner}", session.person);
            (!may).then(|| (what(), Some(session.made)))
        }
        Action::AddGrant { by, owner } | Action::RemoveGrant { by, owner } => {
            let session = index.sessions.get(by)?;
            let may =
                session.realm == event.realm && index.world.may_manage(session.person, *owner);
            let what = || format!("subject {} changed grants of {owner}", session.person);
            (!may).then(|| (what(), Some(session.made)))
        }
        Action::List {
            by: Some(by),
            owner,
        } => {
            let session = index.sessions.get(by)?;
            let may = session.realm == event.realm && index.world.may_see(session.person, *owner);
            let what = || format!("subject {} saw the tokens of {owner}", session.person);
            (!may)
                .then(|| (what(), Some(session.made)))
                .or_else(|| Some((foreign_listed(index, event, *owner, effect)?, None)))
        }
        Action::Regenerate { by, token } | Action::Revoke { by, token } => {
            let (session, life) = (index.sessions.get(by)?, index.tokens.get(token)?);
            let home = session.realm == event.realm && life.realm == event.realm;
            let may = home && index.world.may_manage(session.person, life.owner?);
            let what = || format!("subject {} handled token {token}", session.person);
            (!may).then(|| (what(), life.born))
        }
        Action::List { by: None, owner } => {
            Some((foreign_listed(index, event, *owner, effect)?, None))
        }
        Action::Refresh { session, .. } => {
            let session = index.sessions.get(session)?;
            let what = || format!("a refresh token of realm {} was taken", session.realm);
            (session.realm != event.realm).then(|| (what(), Some(session.made)))
        }
        Action::SignIn { .. } | Action::SignOut { .. } | Action::ReadGrant { .. } => None,
    }
}

fn claims_amiss(
    index: &Index<'_>,
    event: &Event,
    owner: SubjectNo,
    effect: &Effect,
) -> Option<String> {
    let Effect::Exchanged {
        issuer, subject, ..
    } = effect
    else {
        return None;
    };
    let realm = index.world.realms.get(event.realm)?;
    let wanted = index.world.subject(owner)?;
    let fits = *issuer == realm.issuer && *subject == wanted.id;
    (!fits).then(|| format!("the access token claims {issuer} {subject}, not subject {owner}"))
}

fn identity_amiss(index: &Index<'_>, owner: SubjectNo, effect: &Effect) -> Option<String> {
    let Effect::Passed { subject, tenant } = effect else {
        return None;
    };
    let wanted = index.world.subject(owner)?;
    let fits = *subject == wanted.id && *tenant == wanted.tenant;
    (!fits).then(|| format!("the upstream was told {subject} of {tenant}, not subject {owner}"))
}

fn foreign_listed(
    index: &Index<'_>,
    event: &Event,
    owner: SubjectNo,
    effect: &Effect,
) -> Option<String> {
    let Effect::Listed { tokens, .. } = effect else {
        return None;
    };
    let (token, _) = tokens.iter().find(|(token, _)| {
        let life = index.tokens.get(token);
        life.is_some_and(|life| life.owner != Some(owner) || life.realm != event.realm)
    })?;
    Some(format!("token {token} is listed as subject {owner}'s"))
}
