//! What many clients did and saw, on one clock: the material of the checker. Secrets are
//! not in it; credentials have names. Not here: doing anything (`client`), judging it
//! (`check`).

pub use crate::world::{
    Owning, Part, RealmFacts, RealmNo, Revocation, SubjectFacts, SubjectNo, World,
};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A name the server gave: of a token, a session, a subject or a request.
pub type Name = Arc<str>;

/// Microseconds since the run began, on the one clock of all clients.
pub type Micros = u64;

/// The node of what no node was asked for: a command on the store after the run.
pub const NO_NODE: usize = usize::MAX;

/// A credential as it is presented at the gate.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Credential {
    /// An API token itself.
    Token(Name),
    /// An access token, by its number in this run, and the API token it was made from.
    Jwt {
        number: u64,
        /// The API token.
        token: Name,
    },
    /// A session's access token.
    Session(Name),
}

/// Whether the permission that the run grants and takes away is asked for, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Only what everybody may.
    Plain,
    /// With the permission.
    Write,
}

/// What a client set out to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// A password sign-in.
    SignIn { person: SubjectNo },
    /// The end of a session.
    SignOut { session: Name },
    /// A refresh token for the next.
    Refresh {
        session: Name,
        /// Which of its refresh tokens.
        number: u32,
    },
    /// A new token.
    Create {
        /// The session that asks.
        by: Name,
        /// For whom.
        owner: SubjectNo,
    },
    /// A token in place of another.
    Regenerate {
        /// The session that asks.
        by: Name,
        token: Name,
    },
    /// The end of a token.
    Revoke {
        /// The session that asks.
        by: Name,
        token: Name,
    },
    /// A look at an owner's tokens in the store.
    List {
        /// The session that asks; none for a command.
        by: Option<Name>,
        /// Whose.
        owner: SubjectNo,
    },
    /// The permission is granted.
    AddGrant {
        /// The session that asks.
        by: Name,
        /// To whom.
        owner: SubjectNo,
    },
    /// The permission is taken away.
    RemoveGrant {
        /// The session that asks.
        by: Name,
        /// From whom.
        owner: SubjectNo,
    },
    /// A look in the store whether somebody has the permission.
    ReadGrant {
        /// Whose.
        owner: SubjectNo,
    },
    /// An API token for an access token.
    Exchange {
        token: Name,
        /// Whether the permission is asked for.
        reach: Reach,
    },
    /// A request to an upstream.
    Use {
        credential: Credential,
        /// Whether to the route that asks for the permission.
        reach: Reach,
    },
}

/// A token's state as the store tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It works.
    Active,
    /// It does not, for whatever reason.
    Ended,
}

/// What an acknowledgement said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing further.
    Done,
    /// A change that was none: it was so before.
    Unchanged,
    /// A session.
    SignedIn(Name),
    /// The session's next refresh token.
    Refreshed(u32),
    /// A new token.
    Minted(Name),
    /// An owner's tokens.
    Listed {
        /// Each with its state.
        tokens: Vec<(Name, Standing)>,
        /// Whether these are all.
        whole: bool,
    },
    /// Whether the permission is there.
    Held(bool),
    /// An access token by its number, and what it claims.
    Exchanged {
        /// Its number in this run.
        number: u64,
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
    },
    /// What the upstream was told of the caller.
    Passed { subject: String, tenant: String },
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Acknowledged: 2xx.
    Ok(Effect),
    /// Refused: 4xx.
    Refused(u16, String),
    /// Nobody knows: 5xx, or the connection failed.
    Unknown(String),
}

/// One operation of one client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub client: usize,
    /// Which node was asked.
    pub node: usize,
    /// The realm it was sent to.
    pub realm: RealmNo,
    pub action: Action,
    /// When it was sent.
    pub invoked: Micros,
    /// When its end was known.
    pub returned: Micros,
    /// How it ended.
    pub outcome: Outcome,
    /// The request id that the answer carried.
    pub request: Option<Name>,
}

impl Event {
    /// Whether it was acknowledged.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok(_))
    }

    /// Whether it may have had its effect.
    #[must_use]
    pub const fn is_possible(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused(..))
    }

    /// Whether it was refused with this status.
    #[must_use]
    pub const fn is_refused(&self, status: u16) -> bool {
        matches!(self.outcome, Outcome::Refused(found, _) if found == status)
    }

    /// When its effect was there at the latest; never known of what nobody knows.
    #[must_use]
    pub const fn settled(&self) -> Micros {
        match self.outcome {
            Outcome::Unknown(_) => Micros::MAX,
            _ => self.returned,
        }
    }
}

/// The book all clients write into, and their clock.
#[derive(Debug)]
pub struct Log {
    begin: Instant,
    events: Mutex<Vec<Event>>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            events: Mutex::default(),
        }
    }
}

impl Log {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Micros {
        Micros::try_from(self.begin.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// Writes an event down.
    pub fn note(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
    }

    /// How many were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| event.is_ok()).count()
    }

    /// Everything, in the order in which it was sent.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = events.clone();
        events.sort_by_key(|event| (event.invoked, event.returned));
        events
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |micros: Micros| {
            format!(
                "{:.6}",
                std::time::Duration::from_micros(micros).as_secs_f64()
            )
        };
        write!(
            f,
            "{} .. {}  ",
            seconds(self.invoked),
            seconds(self.returned)
        )?;
        if self.node == NO_NODE {
            f.write_str("store   ")?;
        } else {
            write!(f, "node {} c{:<2} ", self.node, self.client)?;
        }
        write!(f, "realm {}  {:?} → ", self.realm, self.action)?;
        match &self.outcome {
            Outcome::Ok(effect) => write!(f, "ok {effect:?}")?,
            Outcome::Refused(status, code) => write!(f, "refused {status} {code}")?,
            Outcome::Unknown(why) => write!(f, "unknown ({why})")?,
        }
        match &self.request {
            Some(request) => write!(f, "  [{request}]"),
            None => Ok(()),
        }
    }
}
