//! A history by what it is about: the life of every token, access token and session, and
//! who was given the permission when. Not here: what must hold of them.

use super::ELSEWHERE;
use crate::history::{
    Action, Credential, Effect, Event, Micros, NO_NODE, Name, Outcome, Reach, RealmNo, Standing,
    SubjectNo, World,
};
use std::collections::{BTreeMap, HashMap};

/// The history and its indices. Places are places in `events`.
pub(super) struct Index<'a> {
    pub(super) world: &'a World,
    pub(super) events: &'a [Event],
    pub(super) tokens: HashMap<Name, Life>,
    pub(super) jwts: HashMap<u64, Jwt>,
    pub(super) sessions: HashMap<Name, Session>,
    grants: HashMap<SubjectNo, Vec<usize>>,
}

/// What is known of an API token.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) realm: RealmNo,
    pub(super) owner: Option<SubjectNo>,
    /// Where its making was acknowledged.
    pub(super) born: Option<usize>,
    /// What ended it, or may have.
    pub(super) ends: Vec<usize>,
    /// Where the store said that it had ended.
    pub(super) seen_ended: Vec<usize>,
}

/// What is known of an access token.
#[derive(Debug)]
pub(super) struct Jwt {
    pub(super) made: usize,
    pub(super) token: Name,
    pub(super) reach: Reach,
    pub(super) realm: RealmNo,
}

/// What is known of a session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) made: usize,
    pub(super) person: SubjectNo,
    pub(super) realm: RealmNo,
    /// What ended it, or may have.
    pub(super) ends: Vec<usize>,
    /// Refreshes that were refused: each says that it is over, or has ended it.
    pub(super) seen_ended: Vec<usize>,
    /// Refreshes that were not refused, by the number of the token.
    pub(super) refreshes: BTreeMap<u32, Vec<usize>>,
}

impl Session {
    fn add_refresh(&mut self, place: usize, number: u32, outcome: &Outcome) {
        if matches!(outcome, Outcome::Refused(401, _)) {
            self.seen_ended.push(place);
            return;
        }
        // Nobody knows of one without an answer whether it came second, and ended it.
        if matches!(outcome, Outcome::Unknown(_)) {
            self.ends.push(place);
        }
        if !matches!(outcome, Outcome::Refused(..)) {
            self.refreshes.entry(number).or_default().push(place);
        }
    }
}

/// Who answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    /// Something that looks into the store each time.
    Store,
    /// The gate of a node, which may remember.
    Gate,
}

impl<'a> Index<'a> {
    pub(super) fn of(world: &'a World, events: &'a [Event]) -> Self {
        let mut index = Self {
            world,
            events,
            tokens: HashMap::new(),
            jwts: HashMap::new(),
            sessions: HashMap::new(),
            grants: HashMap::new(),
        };
        for (place, event) in events.iter().enumerate() {
            index.add(place, event);
        }
        // What the store said of a token can be sorted in only when every home is known.
        for (place, event) in events.iter().enumerate() {
            index.add_seen(place, event);
        }
        index
    }

    fn add(&mut self, place: usize, event: &Event) {
        let possible = event.is_possible();
        match (&event.action, &event.outcome) {
            (Action::SignIn { person }, Outcome::Ok(Effect::SignedIn(session))) => {
                let made = Session {
                    made: place,
                    person: *person,
                    realm: event.realm,
                    ends: Vec::new(),
                    seen_ended: Vec::new(),
                    refreshes: BTreeMap::new(),
                };
                self.sessions.insert(session.clone(), made);
            }
            (Action::SignOut { session }, _) if possible => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.ends.push(place);
                }
            }
            (Action::Refresh { session, number }, outcome) => {
                let session = self.sessions.get_mut(session);
                if let Some(session) = session.filter(|session| session.realm == event.realm) {
                    session.add_refresh(place, *number, outcome);
                }
            }
            (Action::Create { owner, .. }, Outcome::Ok(Effect::Minted(token))) => {
                self.bear(place, event.realm, token, Some(*owner));
            }
            (Action::Regenerate { token, .. } | Action::Revoke { token, .. }, outcome)
                if possible =>
            {
                let life = self.tokens.entry(token.clone()).or_default();
                life.ends.push(place);
                let owner = life.owner;
                if let Outcome::Ok(Effect::Minted(next)) = outcome {
                    self.bear(place, event.realm, next, owner);
                }
            }
            (Action::List { owner, .. }, Outcome::Ok(Effect::Listed { tokens, .. })) => {
                self.sight(event.realm, *owner, tokens);
            }
            (Action::AddGrant { owner, .. } | Action::RemoveGrant { owner, .. }, _) if possible => {
                self.grants.entry(*owner).or_default().push(place);
            }
            (Action::Exchange { token, reach }, Outcome::Ok(Effect::Exchanged { number, .. })) => {
                let jwt = Jwt {
                    made: place,
                    token: token.clone(),
                    reach: *reach,
                    realm: event.realm,
                };
                self.jwts.insert(*number, jwt);
            }
            _ => {}
        }
    }

    fn bear(&mut self, place: usize, realm: RealmNo, token: &Name, owner: Option<SubjectNo>) {
        let life = self.tokens.entry(token.clone()).or_default();
        life.realm = realm;
        life.born = Some(place);
        life.owner = owner.or(life.owner);
    }

    /// Tokens in a listing: some were made by a request without an answer.
    fn sight(&mut self, realm: RealmNo, owner: SubjectNo, tokens: &[(Name, Standing)]) {
        for (token, _) in tokens {
            let unknown = || Life {
                realm,
                ..Life::default()
            };
            let life = self.tokens.entry(token.clone()).or_insert_with(unknown);
            life.owner.get_or_insert(owner);
        }
    }

    fn add_seen(&mut self, place: usize, event: &Event) {
        match (&event.action, &event.outcome) {
            (Action::Exchange { token, .. }, Outcome::Refused(401, _)) => {
                if let Some(life) = self.tokens.get_mut(token)
                    && life.realm == event.realm
                {
                    life.seen_ended.push(place);
                }
            }
            (Action::List { .. }, Outcome::Ok(Effect::Listed { tokens, .. })) => {
                let ended = tokens
                    .iter()
                    .filter(|(_, standing)| *standing == Standing::Ended);
                for (token, _) in ended {
                    if let Some(life) = self.tokens.get_mut(token) {
                        life.seen_ended.push(place);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn event(&self, place: usize) -> Option<&'a Event> {
        self.events.get(place)
    }

    /// The owner of a credential, and its home.
    pub(super) fn holder(&self, credential: &Credential) -> Option<(SubjectNo, RealmNo)> {
        match credential {
            Credential::Token(token) | Credential::Jwt { token, .. } => {
                let life = self.tokens.get(token)?;
                Some((life.owner?, life.realm))
            }
            Credential::Session(session) => {
                let session = self.sessions.get(session)?;
                Some((session.person, session.realm))
            }
        }
    }

    /// From when on what `cause` ended must not be accepted by who answered `event`.
    fn bound(&self, cause: &Event, event: &Event, view: View) -> Micros {
        let at_once = view == View::Store || cause.node == event.node || event.node == NO_NODE;
        let grace = if at_once { 0 } else { ELSEWHERE };
        cause.settled().saturating_add(grace)
    }

    /// The event after which this one must not have accepted.
    pub(super) fn first_bound(&self, causes: &[usize], event: &Event, view: View) -> Option<usize> {
        causes.iter().copied().find(|&place| {
            self.event(place)
                .is_some_and(|cause| self.bound(cause, event, view) < event.invoked)
        })
    }

    /// Why the token must have been at its end when this event asked.
    pub(super) fn ended(&self, life: &Life, event: &Event, view: View) -> Option<usize> {
        self.first_bound(&life.ends, event, view)
            .or_else(|| self.seen(&life.seen_ended, event, view))
    }

    /// Why the session must have been over when this event asked.
    pub(super) fn over(&self, session: &Session, event: &Event, view: View) -> Option<usize> {
        self.first_bound(&session.ends, event, view)
            .or_else(|| self.seen(&session.seen_ended, event, view))
    }

    /// Where the store said so before. That a node's look into the store has told it so
    /// promises nothing of its gate, which hears of what others ended by the feed.
    fn seen(&self, places: &[usize], event: &Event, view: View) -> Option<usize> {
        let grace = if view == View::Store { 0 } else { ELSEWHERE };
        let late = |cause: &Event| cause.settled().saturating_add(grace) < event.invoked;
        let mut places = places.iter().copied();
        places.find(|&place| self.event(place).is_some_and(late))
    }

    /// Whether one of these may have had its effect before the event was answered.
    pub(super) fn may_precede(&self, causes: &[usize], event: &Event) -> bool {
        let before = |cause: &Event| cause.invoked < event.returned;
        causes
            .iter()
            .any(|&place| self.event(place).is_some_and(before))
    }

    /// The changes of who has the permission, acknowledged or not known.
    pub(super) fn grants(&self, owner: SubjectNo) -> &[usize] {
        self.grants.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// Whether the permission may have been there (or not there) when the event was
    /// answered; nobody has it at first. `Err` tells what ruled it out.
    pub(super) fn could_hold(
        &self,
        owner: SubjectNo,
        held: bool,
        event: &Event,
        view: View,
    ) -> Result<(), usize> {
        let changes = || {
            self.grants(owner)
                .iter()
                .filter_map(|&place| Some((place, self.event(place)?)))
        };
        let gives = |change: &Event| matches!(change.action, Action::AddGrant { .. });
        let latest_against = changes()
            .filter(|(_, change)| gives(change) != held && change.is_ok())
            .filter(|(_, change)| self.bound(change, event, view) < event.invoked)
            .max_by_key(|(_, change)| change.invoked);
        let Some((against, latest)) = latest_against else {
            let started =
                changes().any(|(_, change)| gives(change) && change.invoked < event.returned);
            return if held && !started { Err(0) } else { Ok(()) };
        };
        let possible = changes()
            .filter(|(_, change)| gives(change) == held && change.invoked < event.returned)
            .any(|(_, change)| change.settled() >= latest.invoked);
        if possible { Ok(()) } else { Err(against) }
    }
}
