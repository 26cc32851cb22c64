//! What a permitted request opened and goes on: a WebSocket, an event stream, an answer
//! or an upload that takes its time. It ends with the credential that opened it. Not
//! here: how each kind is ended (`body`, `proxy::upgrade`), and who says what was revoked
//! (`port`).
//!
//! * this file: a stream, what it hangs on, and when it looks;
//! * [`registry`]: which streams are told to look again when something changed;
//! * [`answering`]: uploads that are answered in this process.
//!
//! A request that is over within [`YOUNG`] never comes here: no lock, no timer. One that
//! goes on is registered, looks once, and then whenever something that it hangs on
//! changes; also every few seconds, for what no change tells of (the end of a grace, the
//! silence of the store), and at its `exp`.

mod answering;
mod registry;
#[cfg(test)]
mod tests;

pub(crate) use answering::{Broken, while_it_stands};
pub use registry::{Mark, Streams};

use crate::policy::compiled::{Policies, Realm};
use crate::policy::spec::{CredentialKind, StreamsAtExp};
use crate::port::Revocations;
use crate::stage::verify::Verified;
use crate::stage::verify::standing::{self, Fallen};
use arc_swap::ArcSwap;
use doorward_base::principal::CredentialId;
use doorward_base::{Clock, Principal, TenantId, Timestamp};
use registry::Registered;
use std::fmt;
use std::future::{Future as _, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Until this age it is an ordinary request: it may finish, also if it itself ended what
/// it was permitted by, as a sign-out does.
pub(crate) const YOUNG: Duration = Duration::from_millis(500);

/// How often an open stream looks although nothing was told.
const LOOK: Duration = Duration::from_secs(5);

/// Why a stream was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Its credential, or what that hangs on, was revoked or ended.
    #[error("credential revoked")]
    Revoked,
    /// Its caller's authority changed: it may open another one, with what it has now.
    #[error("authority changed")]
    Changed,
    /// Its credential expired.
    #[error("credential expired")]
    Expired,
    /// Whether its credential stands cannot be known now.
    #[error("store unavailable")]
    Unknown,
}

impl From<Fallen> for Ended {
    fn from(fallen: Fallen) -> Self {
        match fallen {
            Fallen::Unknown => Self::Unknown,
            Fallen::Revoked => Self::Revoked,
            Fallen::Older => Self::Changed,
        }
    }
}

/// Who keeps the streams of a gate.
pub(crate) struct Keeper {
    /// The policies in force.
    pub(crate) policies: Arc<ArcSwap<Policies>>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) revocations: Arc<dyn Revocations>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a request hangs on.
#[derive(Clone)]
pub(crate) struct Bond {
    keeper: Arc<Keeper>,
    realm: Arc<Realm>,
    principal: Arc<Principal>,
    /// The tenant that it acts in, if that is not its own.
    acts_in: Option<TenantId>,
    kind: CredentialKind,
    at_exp: StreamsAtExp,
}

impl fmt::Debug for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bond({:?})", self.kind)
    }
}

impl Bond {
    pub(crate) fn new(
        keeper: &Arc<Keeper>,
        realm: &Arc<Realm>,
        verified: &Verified,
        acts_in: Option<TenantId>,
    ) -> Self {
        // A credential that is looked up is over when it expires; what a token may outlive
        // is the realm's to say.
        let at_exp = match verified.kind {
            CredentialKind::Jwt => realm.streams_at_exp,
            _ => StreamsAtExp::End,
        };
        Self {
            keeper: Arc::clone(keeper),
            realm: Arc::clone(realm),
            principal: Arc::clone(&verified.principal),
            acts_in,
            kind: verified.kind,
            at_exp,
        }
    }

    /// The same, however long it takes: an upload that began in time may finish.
    pub(crate) fn past_exp(mut self) -> Self {
        self.at_exp = StreamsAtExp::Keep;
        self
    }

    /// Why it is over, if it is.
    fn over(&self, now: Timestamp) -> Option<Ended> {
        if self.expires_at().is_some_and(|end| now >= end) {
            return Some(Ended::Expired);
        }
        if !self.hangs() {
            return None;
        }
        if !self.has_its_roles() {
            return Some(Ended::Changed);
        }
        let revocations = &*self.keeper.revocations;
        let is_gone = |tenant| revocations.is_deleted(&self.realm.handle, tenant);
        if self.acts_in.as_ref().is_some_and(is_gone) {
            return Some(Ended::Changed);
        }
        let stands = standing::check(revocations, &self.realm.handle, &self.principal, now);
        stands.err().map(Ended::from)
    }

    /// Whether the realm is there, and gives by its roles what it gave: a reload may have
    /// changed that. Which roles gave a credential that is looked up something is not
    /// known here.
    fn has_its_roles(&self) -> bool {
        let policies = self.keeper.policies.load();
        let Some(realm) = policies.named(&self.realm.name) else {
            return false;
        };
        match self.kind {
            CredentialKind::Jwt => standing::has_its_roles(realm, &self.principal),
            _ => Arc::ptr_eq(realm, &self.realm) || realm.role_marks == self.realm.role_marks,
        }
    }

    /// Whether anything but time ends it: what is looked up dies at once in every realm,
    /// tokens where revocation is immediate.
    fn hangs(&self) -> bool {
        match self.kind {
            CredentialKind::Jwt => {
                self.realm.immediate_revocation && self.principal.subject.is_some()
            }
            _ => self.principal.credential != CredentialId::Foreign,
        }
    }

    fn expires_at(&self) -> Option<Timestamp> {
        let principal = &self.principal;
        let leeway = || {
            let mut issuers = self.realm.issuers.iter();
            let issuer = issuers.find(|known| known.issuer == principal.issuer);
            issuer.map_or(Duration::ZERO, |issuer| issuer.leeway)
        };
        match (self.at_exp, self.kind) {
            (StreamsAtExp::Keep, _) => None,
            (StreamsAtExp::End, CredentialKind::Jwt) => Some(principal.expires_at.plus(leeway())),
            (StreamsAtExp::End, _) => Some(principal.expires_at),
        }
    }

    /// How long until the next look.
    fn rest(&self, now: Timestamp) -> Duration {
        let left = self.expires_at().map_or(LOOK, |end| end.since(now));
        left.clamp(Duration::from_millis(1), LOOK)
    }

    /// What changes that concern it are told by.
    fn marks(&self) -> Vec<Mark> {
        if !self.hangs() {
            return Vec::new();
        }
        let principal = &self.principal;
        let credentials = principal
            .credentials()
            .filter(|credential| *credential != CredentialId::Foreign)
            .map(Mark::Credential);
        let actors = principal.actors.iter().map(|actor| actor.subject);
        let subjects = principal.subject.into_iter().chain(actors);
        let tenants = principal.tenant.iter().chain(&self.acts_in).cloned();
        let all = credentials
            .chain(subjects.map(Mark::Subject))
            .chain(tenants.map(Mark::Tenant));
        let mut marks = Vec::new();
        for mark in all {
            if !marks.contains(&mark) {
                marks.push(mark);
            }
        }
        marks
    }
}

/// An open stream; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Open {
    bond: Bond,
    registered: Registered,
    look: Pin<Box<Sleep>>,
}

impl Open {
    fn new(bond: Bond) -> Self {
        let registered = Streams::register(&bond.keeper.streams, bond.marks());
        let rest = bond.rest(bond.keeper.clock.now());
        Self {
            look: Box::pin(sleep(rest)),
            registered,
            bond,
        }
    }

    /// Ready when the stream must end. It is not asked again then.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut looks = self.registered.is_told(cx);
        while self.look.as_mut().poll(cx).is_ready() {
            looks = true;
            let rest = self.bond.rest(self.bond.keeper.clock.now());
            self.look.as_mut().reset(Instant::now() + rest);
        }
        let over = looks.then(|| self.bond.over(self.bond.keeper.clock.now()));
        let Some(ended) = over.flatten() else {
            return Poll::Pending;
        };
        self.bond.keeper.streams.count_ended();
        tracing::debug!(realm = %self.bond.realm.name, reason = %ended, "a stream was ended");
        Poll::Ready(ended)
    }
}

/// Watches over what a request opened, from its beginning.
#[derive(Debug)]
pub(crate) enum Watch {
    /// Nobody in particular asked: there is nothing to end it.
    Nobody,
    /// It may be over in a moment.
    Young(Bond, Instant),
    /// It goes on. Boxed, because few answers come so far.
    Open(Box<Open>),
}

impl Watch {
    pub(crate) fn new(bond: Option<Bond>) -> Self {
        bond.map_or(Self::Nobody, |bond| Self::Young(bond, Instant::now()))
    }

    pub(crate) const fn is_young(&self) -> bool {
        matches!(self, Self::Young(..))
    }

    /// It is known to go on.
    pub(crate) fn open(&mut self) {
        if let Self::Young(bond, _) = self {
            *self = Self::Open(Box::new(Open::new(bond.clone())));
        }
    }

    /// Ready when it must end. A young one is not woken by this.
    pub(crate) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Self::Young(_, since) = self
            && since.elapsed() >= YOUNG
        {
            self.open();
        }
        match self {
            Self::Nobody | Self::Young(..) => Poll::Pending,
            Self::Open(open) => open.poll_ended(cx),
        }
    }

    /// Returns when it must end.
    pub(crate) async fn ended(&mut self) -> Ended {
        if let Self::Young(_, since) = self {
            tokio::time::sleep_until(*since + YOUNG).await;
            self.open();
        }
        match self {
            Self::Open(open) => poll_fn(|cx| open.poll_ended(cx)).await,
            Self::Nobody | Self::Young(..) => pending().await,
        }
    }
}
