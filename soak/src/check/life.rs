//! Rules: what was ended is not accepted, what was not ended is not refused, and the
//! store knows what was acknowledged. Not here: how many may live at once (`single`),
//! whose they are (`boundary`).

use super::index::{Index, Jwt, Life, View};
use super::{Kind, Violation};
use crate::history::{
    Action, Credential, Effect, Event, Name, Outcome, Reach, Revocation, Standing, SubjectNo,
};

pub(super) fn check(index: &Index<'_>, found: &mut Vec<Violation>) {
    for (place, event) in index.events.iter().enumerate() {
        let case = Case {
            index,
            place,
            event,
        };
        if let Some(violation) = case.judge() {
            found.push(violation);
        }
        if let Some(violation) = case.judge_caller() {
            found.push(violation);
        }
    }
    for (place, event) in index.events.iter().enumerate() {
        if let (Action::List { owner, .. }, Outcome::Ok(Effect::Listed { tokens, whole })) =
            (&event.action, &event.outcome)
        {
            let listing = Listing {
                index,
                place,
                event,
                tokens,
            };
            listing.judge_each(found);
            if *whole {
                listing.judge_absent(*owner, found);
            }
        }
    }
}

/// One event under judgement.
struct Case<'a> {
    index: &'a Index<'a>,
    place: usize,
    event: &'a Event,
}

impl Case<'_> {
    fn judge(&self) -> Option<Violation> {
        match &self.event.action {
            Action::Exchange { token, reach } => {
                let life = self.at_home(self.index.tokens.get(token)?)?;
                self.judge_token(life, token, View::Store)
                    .or_else(|| self.judge_permission(life, *reach, View::Store))
            }
            Action::Use {
                credential: Credential::Token(token),
                reach,
            } => {
                let life = self.at_home(self.index.tokens.get(token)?)?;
                self.judge_token(life, token, View::Gate)
                    .or_else(|| self.judge_permission(life, *reach, View::Gate))
            }
            Action::Use {
                credential: Credential::Jwt { number, .. },
                reach,
            } => self.judge_jwt(self.index.jwts.get(number)?, *reach),
            Action::Use {
                credential: Credential::Session(session),
                ..
            } => self.judge_session(session, View::Gate),
            Action::ReadGrant { owner } => self.judge_reading(*owner),
            _ => None,
        }
    }

    /// The life, if the credential was presented where it belongs.
    fn at_home<'l>(&self, life: &'l Life) -> Option<&'l Life> {
        (life.realm == self.event.realm).then_some(life)
    }

    fn judge_token(&self, life: &Life, token: &Name, view: View) -> Option<Violation> {
        if self.event.is_ok() {
            let cause = self.index.ended(life, self.event, view)?;
            let what = format!("token {token} was accepted after its end was known");
            return Some(self.violation(Kind::AcceptedAfterEnd, what, life, &[cause]));
        }
        let born = self.index.event(life.born?)?.settled() < self.event.invoked;
        let innocent = !born || self.index.may_precede(&life.ends, self.event);
        if self.event.is_refused(401) && !innocent {
            let what = format!("token {token} was refused, and nobody had ended it");
            return Some(self.violation(Kind::LiveRefused, what, life, &[]));
        }
        None
    }

    /// The permission, where it was asked for: 2xx says that it was there, and 400 of an
    /// exchange that it was not, now or when the token was made for its owner.
    fn judge_permission(&self, life: &Life, reach: Reach, view: View) -> Option<Violation> {
        if reach == Reach::Plain {
            return None;
        }
        let owner = life.owner?;
        let (held, kind) = match self.event.outcome {
            Outcome::Ok(_) => (true, Kind::AcceptedAfterEnd),
            Outcome::Refused(400, _) if view == View::Store => (false, Kind::LiveRefused),
            _ => return None,
        };
        if !held && self.may_be_bound_without(life, owner) {
            return None;
        }
        let against = self.index.could_hold(owner, held, self.event, view).err()?;
        let what = match held {
            true => "a permission that was not there was used",
            false => "a permission that was there was refused",
        };
        Some(self.grant_violation(kind, what, owner, against))
    }

    /// Whether its owner may not have had the permission when the token was made for it, or
    /// what it was regenerated from.
    fn may_be_bound_without(&self, life: &Life, owner: SubjectNo) -> bool {
        let mut maker = life.born;
        while let Some(born) = maker.and_then(|place| self.index.event(place)) {
            if self
                .index
                .could_hold(owner, false, born, View::Store)
                .is_ok()
            {
                return true;
            }
            let Action::Regenerate { token, .. } = &born.action else {
                return false;
            };
            maker = self.index.tokens.get(token).and_then(|life| life.born);
        }
        true
    }

    fn judge_jwt(&self, jwt: &Jwt, reach: Reach) -> Option<Violation> {
        let life = self.index.tokens.get(&jwt.token)?;
        if jwt.realm != self.event.realm {
            return None;
        }
        let realm = self.index.world.realms.get(jwt.realm)?;
        let made = self.index.event(jwt.made)?;
        let changes = life.owner.map_or(&[][..], |owner| self.index.grants(owner));
        if realm.revocation == Revocation::Expiry {
            let what = "an access token was refused before its time";
            return self
                .event
                .is_refused(401)
                .then(|| self.violation(Kind::LiveRefused, what.to_owned(), life, &[jwt.made]));
        }
        if self.event.is_ok() {
            let outdates = |&&place: &&usize| {
                let change = self.index.event(place);
                change.is_some_and(|change| {
                    // A grant that was added takes nothing away, whatever it outdates.
                    matches!(change.action, Action::RemoveGrant { .. })
                        && change.outcome == Outcome::Ok(Effect::Done)
                        && change.invoked > made.settled()
                })
            };
            let outdated: Vec<usize> = changes.iter().filter(outdates).copied().collect();
            let cause = self
                .index
                .ended(life, self.event, View::Gate)
                .or_else(|| self.index.first_bound(&outdated, self.event, View::Gate))?;
            let what = format!(
                "an access token of {} was accepted after the end of what it stands on",
                jwt.token
            );
            return Some(self.violation(Kind::AcceptedAfterEnd, what, life, &[jwt.made, cause]));
        }
        let concurrent: Vec<usize> = changes
            .iter()
            .filter(|&&place| {
                let change = self.index.event(place);
                change.is_some_and(|change| change.settled() > made.invoked)
            })
            .copied()
            .collect();
        let innocent = self.index.may_precede(&life.ends, self.event)
            || self.index.may_precede(&concurrent, self.event);
        let refused = self.event.is_refused(401)
            || (self.event.is_refused(403) && jwt.reach == Reach::Write && reach == Reach::Write);
        (refused && !innocent).then(|| {
            let what = format!(
                "an access token of {} was refused, and nothing it stands on had ended",
                jwt.token
            );
            self.violation(Kind::LiveRefused, what, life, &[jwt.made])
        })
    }

    fn judge_session(&self, name: &Name, view: View) -> Option<Violation> {
        let session = self.index.sessions.get(name)?;
        let realm = self.index.world.realms.get(session.realm)?;
        if session.realm != self.event.realm {
            return None;
        }
        // In an `expiry` realm the gate lets a session's access token live to its end.
        let lives_on = view == View::Gate && realm.revocation == Revocation::Expiry;
        let shown = |cause: &[usize]| [&[session.made, self.place], cause].concat();
        if self.event.is_ok() && !lives_on {
            let cause = self.index.over(session, self.event, view)?;
            return Some(Violation {
                kind: Kind::AcceptedAfterEnd,
                what: format!("session {name} was accepted after its end"),
                events: shown(&[cause]),
            });
        }
        let innocent = self.index.may_precede(&session.ends, self.event)
            || self.index.may_precede(&session.seen_ended, self.event);
        (self.event.is_refused(401) && !innocent).then(|| Violation {
            kind: Kind::LiveRefused,
            what: format!("session {name} was refused, and nobody had ended it"),
            events: shown(&[]),
        })
    }

    /// The session by which somebody managed.
    fn judge_caller(&self) -> Option<Violation> {
        let (Action::Create { by, .. }
        | Action::Regenerate { by, .. }
        | Action::Revoke { by, .. }
        | Action::List { by: Some(by), .. }
        | Action::AddGrant { by, .. }
        | Action::RemoveGrant { by, .. }) = &self.event.action
        else {
            return None;
        };
        self.judge_session(by, View::Store)
    }

    fn judge_reading(&self, owner: SubjectNo) -> Option<Violation> {
        let Outcome::Ok(Effect::Held(held)) = self.event.outcome else {
            return None;
        };
        let against = self
            .index
            .could_hold(owner, held, self.event, View::Store)
            .err()?;
        let what = match held {
            true => "the store knows a permission that was taken away",
            false => "the store does not know a permission that was granted",
        };
        Some(self.grant_violation(Kind::LostWrite, what, owner, against))
    }

    fn violation(&self, kind: Kind, what: String, life: &Life, causes: &[usize]) -> Violation {
        let mut events = vec![self.place];
        events.extend(life.born);
        events.extend(&life.ends);
        events.extend(causes);
        Violation { kind, what, events }
    }

    fn grant_violation(
        &self,
        kind: Kind,
        what: &str,
        owner: SubjectNo,
        against: usize,
    ) -> Violation {
        let recent = self.index.grants(owner).iter().copied();
        let near = recent.filter(|&place| place + 2000 > against && place <= self.place);
        Violation {
            kind,
            what: format!("{what} (subject {owner})"),
            events: near.chain([self.place]).collect(),
        }
    }
}

/// What the store said of one owner's tokens.
struct Listing<'a> {
    index: &'a Index<'a>,
    place: usize,
    event: &'a Event,
    tokens: &'a [(Name, Standing)],
}

impl Listing<'_> {
    fn judge_each(&self, found: &mut Vec<Violation>) {
        for (token, standing) in self.tokens {
            let Some(life) = self.index.tokens.get(token) else {
                continue;
            };
            let what = match standing {
                Standing::Active => {
                    let ended = self.index.ended(life, self.event, View::Store);
                    ended.map(|_| "has ended, and the store lists it as active")
                }
                Standing::Ended => {
                    let innocent = self.index.may_precede(&life.ends, self.event);
                    (!innocent).then_some("was ended by nobody, and the store lists it as ended")
                }
            };
            found.extend(what.map(|what| self.violation(life, format!("token {token} {what}"))));
        }
    }

    fn judge_absent(&self, owner: SubjectNo, found: &mut Vec<Violation>) {
        let listed = |name: &Name| self.tokens.iter().any(|(token, _)| token == name);
        for (name, life) in &self.index.tokens {
            let settled = life
                .born
                .and_then(|born| self.index.event(born))
                .is_some_and(|born| born.settled() < self.event.invoked);
            if settled
                && life.owner == Some(owner)
                && life.realm == self.event.realm
                && !listed(name)
            {
                let what = format!("token {name} was made, and the store does not know it");
                found.push(self.violation(life, what));
            }
        }
    }

    fn violation(&self, life: &Life, what: String) -> Violation {
        let mut events = vec![self.place];
        events.extend(life.born);
        events.extend(&life.ends);
        Violation {
            kind: Kind::LostWrite,
            what,
            events,
        }
    }
}
