//! Rule: where a class allows one token, at most one lives. A token surely lives from
//! the acknowledgement of its making to the last time the store accepted it. Not here:
//! what ends a token (`life`).

use super::index::Index;
use super::{Kind, Violation};
use crate::history::{Action, Effect, Micros, Name, Outcome, Owning, Standing, SubjectNo};
use std::collections::{BTreeMap, HashMap};

/// The time in which a token surely lived.
struct Span {
    from: Micros,
    to: Micros,
    born: usize,
    seen: usize,
    token: Name,
}

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    check_listings(index, found);
    for (owner, mut spans) in spans(index) {
        spans.sort_by_key(|span| span.from);
        let mut last: Option<&Span> = None;
        for span in &spans {
            if let Some(before) = last.filter(|before| span.from < before.to) {
                found.push(Violation {
                    kind: Kind::TwoActive,
                    what: format!(
                        "tokens {} and {} of subject {owner} lived at once",
                        before.token, span.token
                    ),
                    events: vec![before.born, before.seen, span.born, span.seen],
                });
            }
            if last.is_none_or(|before| span.to > before.to) {
                last = Some(span);
            }
        }
    }
}

fn is_single(index: &Index<'_>, realm: usize) -> bool {
    let realm = index.world.realms.get(realm);
    realm.is_some_and(|realm| realm.owning == Owning::One)
}

/// When each token of a single class surely lived, by owner.
fn spans(index: &Index<'_>) -> BTreeMap<SubjectNo, Vec<Span>> {
    let mut seen: HashMap<&Name, usize> = HashMap::new();
    for (place, event) in index.events.iter().enumerate() {
        match (&event.action, &event.outcome) {
            (Action::Exchange { token, .. }, Outcome::Ok(_)) => {
                seen.insert(token, place);
            }
            (Action::List { .. }, Outcome::Ok(Effect::Listed { tokens, .. })) => {
                let active = tokens
                    .iter()
                    .filter(|(_, state)| *state == Standing::Active);
                active.for_each(|(token, _)| {
                    seen.insert(token, place);
                });
            }
            _ => {}
        }
    }
    let mut spans: BTreeMap<SubjectNo, Vec<Span>> = BTreeMap::new();
    for (token, life) in &index.tokens {
        let (Some(owner), Some(born), Some(&seen)) = (life.owner, life.born, seen.get(token))
        else {
            continue;
        };
        let (Some(making), Some(sight)) = (index.event(born), index.event(seen)) else {
            continue;
        };
        if is_single(index, life.realm)
            && sight.realm == life.realm
            && making.returned < sight.invoked
        {
            spans.entry(owner).or_default().push(Span {
                from: making.returned,
                to: sight.invoked,
                born,
                seen,
                token: token.clone(),
            });
        }
    }
    spans
}

fn check_listings(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (place, event) in index.events.iter().enumerate() {
        let (Action::List { owner, .. }, Outcome::Ok(Effect::Listed { tokens, .. })) =
            (&event.action, &event.outcome)
        else {
            continue;
        };
        let active = tokens
            .iter()
            .filter(|(_, state)| *state == Standing::Active)
            .count();
        if active > 1 && is_single(index, event.realm) {
            found.push(Violation {
                kind: Kind::TwoActive,
                what: format!("the store lists {active} active tokens of subject {owner}"),
                events: vec![place],
            });
        }
    }
}
