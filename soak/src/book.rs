//! What the clients share: the credentials they hold, by realm, with their secrets. It
//! only helps to choose; nothing is judged by it. Not here: the history.

use crate::dice::Dice;
use crate::history::{Name, Reach, RealmNo, SubjectNo};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many credentials of a sort are kept in hand; older ones are put away.
const KEPT: usize = 120;

/// An API token in hand.
#[derive(Clone, Debug)]
pub struct HeldToken {
    /// Its id.
    pub name: Name,
    /// Its secret; none if it was only seen in a listing.
    pub secret: Option<String>,
    pub realm: RealmNo,
    pub owner: SubjectNo,
    /// Whether somebody ended it, or tried.
    pub ended: bool,
}

/// An access token in hand.
#[derive(Clone, Debug)]
pub struct HeldJwt {
    /// Its number in this run.
    pub number: u64,
    /// The API token it was made from.
    pub token: Name,
    /// The token itself.
    pub text: String,
    pub realm: RealmNo,
    /// Whether the permission was asked for.
    pub reach: Reach,
}

/// A session in hand.
#[derive(Clone, Debug)]
pub struct HeldSession {
    /// Its id.
    pub name: Name,
    /// Its access token.
    pub text: String,
    pub realm: RealmNo,
    /// Whose.
    pub person: SubjectNo,
    /// Whether somebody ended it, or tried.
    pub ended: bool,
    /// Its refresh tokens by number, the newest last; at most [`HELD`].
    pub refresh: Vec<(u32, String)>,
}

/// How many refresh tokens of a session are kept in hand.
const HELD: usize = 4;

/// The clients' common book.
#[derive(Debug, Default)]
pub struct Book(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    tokens: Vec<HeldToken>,
    jwts: Vec<HeldJwt>,
    sessions: Vec<HeldSession>,
    numbers: u64,
    secrets: Vec<String>,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next access token.
    pub fn next_number(&self) -> u64 {
        let mut pages = self.pages();
        pages.numbers += 1;
        pages.numbers
    }

    /// Takes a token in hand.
    pub fn hold_token(&self, token: HeldToken) {
        let mut pages = self.pages();
        pages.secrets.extend(token.secret.clone());
        pages.tokens.push(token);
        trim(&mut pages.tokens, |token| token.ended);
    }

    /// Takes an access token in hand.
    pub fn hold_jwt(&self, jwt: HeldJwt) {
        let mut pages = self.pages();
        pages.secrets.push(jwt.text.clone());
        pages.jwts.push(jwt);
        trim(&mut pages.jwts, |_| true);
    }

    /// Takes a session in hand.
    pub fn hold_session(&self, session: HeldSession) {
        let mut pages = self.pages();
        pages.secrets.push(session.text.clone());
        let refresh = session.refresh.iter().map(|(_, text)| text.clone());
        pages.secrets.extend(refresh);
        pages.sessions.push(session);
        trim(&mut pages.sessions, |session| session.ended);
    }

    /// Takes what a refresh gave in hand.
    pub fn hold_refreshed(&self, name: &Name, text: String, number: u32, refresh: String) {
        let mut pages = self.pages();
        pages.secrets.extend([text.clone(), refresh.clone()]);
        let held = pages.sessions.iter_mut().find(|held| held.name == *name);
        let Some(session) = held else { return };
        session.text = text;
        if session
            .refresh
            .last()
            .is_none_or(|(last, _)| *last < number)
        {
            session.refresh.push((number, refresh));
        }
        if session.refresh.len() > HELD {
            let _ = session.refresh.remove(0);
        }
    }

    /// Somebody ended this token, or is about to.
    pub fn doom_token(&self, name: &Name) {
        let mut pages = self.pages();
        let held = pages.tokens.iter_mut().find(|token| token.name == *name);
        if let Some(token) = held {
            token.ended = true;
        }
    }

    /// Somebody ended this session, or is about to.
    pub fn doom_session(&self, name: &Name) {
        let mut pages = self.pages();
        let held = pages.sessions.iter_mut().find(|held| held.name == *name);
        if let Some(session) = held {
            session.ended = true;
        }
    }

    /// Some token with a secret; mostly one that should work.
    pub fn pick_token(&self, dice: &mut Dice) -> Option<HeldToken> {
        let ended = dice.chance(25);
        let pages = self.pages();
        let fits = |token: &&HeldToken| token.secret.is_some() && token.ended == ended;
        let fitting: Vec<&HeldToken> = pages.tokens.iter().filter(fits).collect();
        dice.pick(&fitting).map(|token| (*token).clone())
    }

    /// Some token that should still work, with a secret or not.
    pub fn pick_live_token(&self, dice: &mut Dice) -> Option<HeldToken> {
        let pages = self.pages();
        let live: Vec<&HeldToken> = pages.tokens.iter().filter(|token| !token.ended).collect();
        dice.pick(&live).map(|token| (*token).clone())
    }

    /// The token of this id.
    pub fn find_token(&self, name: &Name) -> Option<HeldToken> {
        let pages = self.pages();
        let held = pages.tokens.iter().find(|token| token.name == *name);
        held.cloned()
    }

    /// Some access token.
    pub fn pick_jwt(&self, dice: &mut Dice) -> Option<HeldJwt> {
        dice.pick(&self.pages().jwts).cloned()
    }

    /// An access token of this API token.
    pub fn find_jwt(&self, token: &Name) -> Option<HeldJwt> {
        let pages = self.pages();
        let held = pages.jwts.iter().rev().find(|jwt| jwt.token == *token);
        held.cloned()
    }

    /// Some session for which `fits` holds.
    pub fn pick_session(
        &self,
        dice: &mut Dice,
        fits: impl Fn(&HeldSession) -> bool,
    ) -> Option<HeldSession> {
        let pages = self.pages();
        let fitting: Vec<&HeldSession> = pages.sessions.iter().filter(|held| fits(held)).collect();
        dice.pick(&fitting).map(|session| (*session).clone())
    }

    /// The session of this id.
    pub fn find_session(&self, name: &Name) -> Option<HeldSession> {
        let pages = self.pages();
        let held = pages.sessions.iter().find(|held| held.name == *name);
        held.cloned()
    }

    /// Every secret there was.
    pub fn take_secrets(&self) -> Vec<String> {
        std::mem::take(&mut self.pages().secrets)
    }
}

/// Puts the oldest away that may go, or the oldest.
fn trim<T>(items: &mut Vec<T>, may_go: impl Fn(&T) -> bool) {
    if items.len() > KEPT {
        let place = items.iter().position(may_go).unwrap_or(0);
        let _ = items.remove(place);
    }
}
