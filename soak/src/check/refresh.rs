//! Rules of refreshing: a session that is over is not refreshed; a refresh token works once,
//! and for its realm's interval gives the same answer again; one that nobody used and
//! nothing ended is not refused. Not here: what a session's access tokens may
//! (`life`), and other realms (`boundary`).

use super::index::{Index, Session, View};
use super::{Kind, Violation};
use crate::history::{Action, Event, Micros, Name};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (place, event) in index.events.iter().enumerate() {
        let Action::Refresh { session, number } = &event.action else {
            continue;
        };
        let Some(known) = index.sessions.get(session) else {
            continue;
        };
        let Some(realm) = index.world.realms.get(known.realm) else {
            continue;
        };
        let case = Case {
            index,
            place,
            event,
            name: session,
            session: known,
            number: *number,
            reuse: realm.reuse,
        };
        found.extend(case.judge());
    }
}

/// One refresh under judgement.
struct Case<'a> {
    index: &'a Index<'a>,
    place: usize,
    event: &'a Event,
    name: &'a Name,
    session: &'a Session,
    number: u32,
    reuse: Micros,
}

impl Case<'_> {
    fn judge(&self) -> Option<Violation> {
        if self.session.realm != self.event.realm {
            return None;
        }
        if self.event.is_ok() {
            return self.judge_end().or_else(|| self.judge_replay());
        }
        if self.event.is_refused(401) && !self.is_innocent() {
            let what = format!(
                "refresh token {} of session {} was refused, and nobody had used or ended it",
                self.number, self.name
            );
            return Some(self.violation(Kind::LiveRefused, what, self.session.made));
        }
        None
    }

    fn judge_end(&self) -> Option<Violation> {
        let cause = self.index.over(self.session, self.event, View::Store)?;
        let what = format!("session {} was refreshed after its end", self.name);
        Some(self.violation(Kind::AcceptedAfterEnd, what, cause))
    }

    /// Whether the token was used up: by an earlier use that is too long ago, or because its
    /// successor was used too.
    fn judge_replay(&self) -> Option<Violation> {
        let too_late = |first: &Event| {
            self.reuse == 0 || first.returned.saturating_add(self.reuse) < self.event.invoked
        };
        let again = |place: &usize| {
            let earlier = *place < self.place;
            earlier && self.acknowledged(*place).is_some_and(too_late)
        };
        let succeeded = |place: &usize| {
            let before = |next: &Event| next.returned < self.event.invoked;
            self.acknowledged(*place).is_some_and(before)
        };
        let cause = self
            .uses(self.number)
            .iter()
            .find(|place| again(place))
            .or_else(|| {
                let next = self.number.saturating_add(1);
                self.uses(next).iter().find(|place| succeeded(place))
            })?;
        let what = format!(
            "refresh token {} of session {} worked though it was used up",
            self.number, self.name
        );
        Some(self.violation(Kind::ReplayAccepted, what, *cause))
    }

    /// Whether something may have ended the session, or used the token up, before the
    /// refusal.
    fn is_innocent(&self) -> bool {
        let others = self.session.seen_ended.iter().copied();
        let others: Vec<usize> = others.filter(|&place| place != self.place).collect();
        let used = |place: &usize| {
            let use_ = self.index.event(*place);
            use_.is_some_and(|first| {
                first.invoked.saturating_add(self.reuse) <= self.event.returned
            })
        };
        let next = self.number.saturating_add(1);
        self.index.may_precede(&self.session.ends, self.event)
            || self.index.may_precede(&others, self.event)
            || self.uses(self.number).iter().any(used)
            || self.index.may_precede(self.uses(next), self.event)
    }

    /// The refreshes with a token of this number that were not refused.
    fn uses(&self, number: u32) -> &[usize] {
        let uses = self.session.refreshes.get(&number);
        uses.map_or(&[], Vec::as_slice)
    }

    fn acknowledged(&self, place: usize) -> Option<&Event> {
        self.index.event(place).filter(|event| event.is_ok())
    }

    fn violation(&self, kind: Kind, what: String, cause: usize) -> Violation {
        Violation {
            kind,
            what,
            events: vec![self.session.made, cause, self.place],
        }
    }
}
