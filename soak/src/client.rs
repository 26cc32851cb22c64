//! One client: it chooses an operation, sends it to some node, and writes down what it
//! saw. Not here: how long it goes on (`run`), what must hold (`check`).

mod operation;
mod send;

pub(crate) use send::{standing, text};

use crate::book::{Book, HeldSession};
use crate::dice::Dice;
use crate::history::{Effect, Log, Name, Outcome, Part, Reach, RealmNo, SubjectNo, World};
use doorward_testkit::http::Wire;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a client waits for an answer. Longer than PostgreSQL is ever paused.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the nodes listen; a node that is down has no address.
#[derive(Debug, Default)]
pub struct Nodes(Vec<Mutex<Option<SocketAddr>>>);

impl Nodes {
    #[must_use]
    pub fn new(addrs: &[SocketAddr]) -> Self {
        Self(addrs.iter().map(|addr| Mutex::new(Some(*addr))).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Where a node listens now.
    #[must_use]
    pub fn addr(&self, node: usize) -> Option<SocketAddr> {
        *self
            .0
            .get(node)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// It listens there from now on, or nowhere.
    pub fn set(&self, node: usize, addr: Option<SocketAddr>) {
        if let Some(place) = self.0.get(node) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = addr;
        }
    }
}

/// What all clients of a run share.
#[derive(Debug)]
pub struct Ground {
    /// What does not change.
    pub world: World,
    /// The passwords of those who sign in, by subject.
    pub passwords: Vec<Option<String>>,
    /// Where the nodes are.
    pub nodes: Nodes,
    /// The history.
    pub log: Log,
    /// The credentials in hand.
    pub book: Book,
}

#[derive(Debug)]
pub struct Client<'a> {
    ground: &'a Ground,
    number: usize,
    dice: Dice,
    wires: Vec<Option<Wire>>,
}

impl<'a> Client<'a> {
    /// The client of this number, with choices of its own.
    #[must_use]
    pub fn new(ground: &'a Ground, number: usize, seed: &Dice) -> Self {
        Self {
            ground,
            number,
            dice: seed.part(number as u64 + 1),
            wires: (0..ground.nodes.count()).map(|_| None).collect(),
        }
    }

    /// Does one operation, and what follows from it.
    pub fn step(&mut self) {
        match self.dice.below(100) {
            0..=13 => self.use_some_jwt(),
            14..=19 => self.refresh_some(),
            20..=33 => self.use_some_token(),
            34..=50 => self.exchange_some(),
            51..=60 => self.create_some(),
            61..=67 => self.regenerate_some(),
            68..=76 => self.revoke_some(),
            77..=78 => self.list_some(),
            79..=84 => self.change_some_grant(),
            85..=86 => self.use_some_session(),
            87..=89 => self.end_some_session(),
            _ => self.cross_some_boundary(),
        }
    }

    fn use_some_jwt(&mut self) {
        let Some(jwt) = self.ground.book.pick_jwt(&mut self.dice) else {
            return self.exchange_some();
        };
        let reach = self.reach(jwt.reach == Reach::Write);
        self.use_jwt(&jwt, jwt.realm, reach, None);
    }

    fn use_some_token(&mut self) {
        let Some(token) = self.ground.book.pick_token(&mut self.dice) else {
            return self.create_some();
        };
        let reach = self.reach(true);
        self.use_token(&token, token.realm, reach, None);
    }

    fn exchange_some(&mut self) {
        let Some(token) = self.ground.book.pick_token(&mut self.dice) else {
            return self.create_some();
        };
        let reach = self.reach(true);
        self.exchange(&token, token.realm, reach);
    }

    fn create_some(&mut self) {
        let Some(owner) = self.pick_subject(|part| part != Part::Manager) else {
            return;
        };
        let Some(session) = self.session_over(owner) else {
            return;
        };
        let (node, outcome) = self.create(&session, owner);
        match outcome {
            Outcome::Ok(Effect::Minted(token)) if self.dice.chance(60) => {
                self.probe(&token, node);
            }
            // Perhaps a token in the way that nobody holds, of a request without answer.
            Outcome::Refused(409, _) => self.list(&session, owner),
            _ => {}
        }
    }

    fn regenerate_some(&mut self) {
        let Some(token) = self.ground.book.pick_live_token(&mut self.dice) else {
            return self.create_some();
        };
        let Some(session) = self.session_over(token.owner) else {
            return;
        };
        let (node, outcome) = self.regenerate(&session, &token);
        if let Outcome::Ok(Effect::Minted(next)) = outcome {
            self.probe(&token.name, node);
            self.probe(&next, node);
        }
    }

    fn revoke_some(&mut self) {
        let Some(token) = self.ground.book.pick_live_token(&mut self.dice) else {
            return self.create_some();
        };
        let Some(session) = self.session_over(token.owner) else {
            return;
        };
        let (node, outcome) = self.revoke(&session, &token);
        if matches!(outcome, Outcome::Ok(_)) {
            self.probe(&token.name, node);
        }
    }

    /// Right after a change: what does the store say, and what the same node's gate?
    fn probe(&mut self, token: &Name, node: Option<usize>) {
        let Some(token) = self.ground.book.find_token(token) else {
            return;
        };
        if token.secret.is_none() {
            return;
        }
        if let Some(jwt) = self.ground.book.find_jwt(&token.name) {
            self.use_jwt(&jwt, jwt.realm, Reach::Plain, node);
        }
        self.use_token(&token, token.realm, Reach::Plain, node);
        self.exchange(&token, token.realm, Reach::Plain);
    }

    fn list_some(&mut self) {
        let Some(owner) = self.pick_subject(|part| part != Part::Manager) else {
            return;
        };
        if let Some(session) = self.session_over(owner) {
            self.list(&session, owner);
        }
    }

    fn change_some_grant(&mut self) {
        let Some(owner) = self.pick_subject(|part| part == Part::Service) else {
            return;
        };
        if let Some(session) = self.session_over(owner) {
            if self.dice.chance(50) {
                self.add_grant(&session, owner);
            } else {
                self.remove_grant(&session, owner);
            }
        }
    }

    fn use_some_session(&mut self) {
        let held = self.ground.book.pick_session(&mut self.dice, |_| true);
        if let Some(session) = held {
            self.use_session(&session, None);
        }
    }

    fn refresh_some(&mut self) {
        let live = |held: &HeldSession| !held.ended && !held.refresh.is_empty();
        let Some(session) = self.ground.book.pick_session(&mut self.dice, live) else {
            return;
        };
        // Mostly the newest; now and then one that was used up, or in the wrong realm.
        let newest = session.refresh.last().cloned();
        let older = session
            .refresh
            .split_last()
            .and_then(|(_, older)| older.last());
        let realms = self.ground.world.realms.len();
        let token = match older {
            Some(older) if self.dice.chance(20) => Some(older.clone()),
            _ => newest,
        };
        let Some(token) = token else { return };
        let realm = if self.dice.chance(8) {
            (session.realm + 1).checked_rem(realms).unwrap_or(0)
        } else {
            session.realm
        };
        let (node, outcome) = self.refresh(&session, &token, realm);
        // Somebody else may hold it too.
        if matches!(outcome, Outcome::Ok(_)) && self.dice.chance(30) {
            let _ = self.refresh(&session, &token, realm);
        }
        // What the session's newest token and its access token are worth after that.
        if self.dice.chance(30)
            && let Some(held) = self.ground.book.find_session(&session.name)
        {
            if let Some(newest) = held.refresh.last() {
                let _ = self.refresh(&held, newest, held.realm);
            }
            self.use_session(&held, node);
        }
    }

    fn end_some_session(&mut self) {
        let live = |held: &HeldSession| !held.ended;
        let held = self.ground.book.pick_session(&mut self.dice, live);
        if let Some(session) = held {
            let (node, outcome) = self.sign_out(&session);
            if matches!(outcome, Outcome::Ok(_)) {
                self.use_session(&session, node);
                if let Some(newest) = session.refresh.last() {
                    let _ = self.refresh(&session, newest, session.realm);
                }
                if let Some(owner) = self.pick_subject_of(session.person) {
                    self.list(&session, owner);
                }
            }
        }
    }

    /// Tries what no realm and no tenant may let through.
    fn cross_some_boundary(&mut self) {
        let realms = self.ground.world.realms.len();
        let other = |realm: RealmNo| (realm + 1).checked_rem(realms).unwrap_or(0);
        match self.dice.below(4) {
            0 => {
                if let Some(jwt) = self.ground.book.pick_jwt(&mut self.dice) {
                    self.use_jwt(&jwt, other(jwt.realm), Reach::Plain, None);
                }
            }
            1 => {
                if let Some(token) = self.ground.book.pick_live_token(&mut self.dice) {
                    self.use_token(&token, other(token.realm), Reach::Plain, None);
                }
            }
            2 => {
                if let Some(token) = self.ground.book.pick_live_token(&mut self.dice) {
                    self.exchange(&token, other(token.realm), Reach::Plain);
                }
            }
            _ => self.manage_a_stranger(),
        }
    }

    fn manage_a_stranger(&mut self) {
        let Some(token) = self.ground.book.pick_live_token(&mut self.dice) else {
            return;
        };
        let world = &self.ground.world;
        let stranger = |held: &HeldSession| {
            !held.ended && held.realm == token.realm && !world.may_manage(held.person, token.owner)
        };
        let held = self.ground.book.pick_session(&mut self.dice, stranger);
        if let Some(session) = held {
            match self.dice.below(3) {
                0 => drop(self.create(&session, token.owner)),
                1 => drop(self.revoke(&session, &token)),
                _ => self.list(&session, token.owner),
            }
        }
    }

    fn reach(&mut self, sensible: bool) -> Reach {
        if sensible && self.dice.chance(40) {
            Reach::Write
        } else {
            Reach::Plain
        }
    }

    fn pick_subject(&mut self, fits: impl Fn(Part) -> bool) -> Option<SubjectNo> {
        let subjects = self.ground.world.subjects.iter().enumerate();
        let fitting: Vec<SubjectNo> = subjects
            .filter(|(_, subject)| fits(subject.part))
            .map(|(number, _)| number)
            .collect();
        self.dice.pick(&fitting).copied()
    }

    /// Somebody whose tokens this person may see.
    fn pick_subject_of(&mut self, person: SubjectNo) -> Option<SubjectNo> {
        let world = &self.ground.world;
        let owned = |number: &SubjectNo| world.may_manage(person, *number);
        let fitting: Vec<SubjectNo> = (0..world.subjects.len()).filter(owned).collect();
        self.dice.pick(&fitting).copied()
    }

    /// A session of somebody who may handle this owner: one in hand, or a new one.
    fn session_over(&mut self, owner: SubjectNo) -> Option<HeldSession> {
        let world = &self.ground.world;
        let fits = |held: &HeldSession| !held.ended && world.may_manage(held.person, owner);
        let held = self.ground.book.pick_session(&mut self.dice, fits);
        if held.is_some() {
            return held;
        }
        let signs_in = |&person: &SubjectNo| {
            let has_password = self
                .ground
                .passwords
                .get(person)
                .is_some_and(Option::is_some);
            has_password && world.may_manage(person, owner)
        };
        let able: Vec<SubjectNo> = (0..world.subjects.len()).filter(signs_in).collect();
        let person = *self.dice.pick(&able)?;
        self.sign_in(person)
    }
}
