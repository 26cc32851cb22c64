//! The one way a use-case writes: its decision and its audit row in one transaction.
//! Not here: what the use-cases decide.

use super::{Context, Realm, Strangers};
use crate::decide::audit;
use crate::decide::client::ClientRefusal;
use crate::decide::refusal::{
    ManageRefusal, Reason, RefreshRefusal, SignInRefusal, SignUpRefusal, TokenRefusal, UseRefusal,
};
use crate::model::{Actor, AuditEvent, Outcome};
use crate::port::{Extent, Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::fault::{self, Fault};
use doorward_base::{Effect, ErrorCode, RealmId};
use serde_json::{Value, json};
use std::sync::Arc;

/// Why a use-case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R: Reason> {
    /// It was refused, and that is committed.
    #[error(transparent)]
    Refused(R),
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password pool is full.
    #[error("the password pool is full")]
    Busy,
    /// A defect, or a library that failed.
    #[error("{0}")]
    Internal(String),
}

impl<R: Reason> Failure<R> {
    /// The public code. The value's own text is for the log.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            // Use-cases look before they insert, so this is a race that was lost.
            Self::Store(StoreError::Conflict(_)) => ErrorCode::AlreadyExists,
            Self::Store(StoreError::Unavailable(_)) => ErrorCode::StoreUnavailable,
            Self::Store(StoreError::Inconsistent { .. } | StoreError::Awaited)
            | Self::Internal(_) => ErrorCode::Internal,
            Self::Busy => ErrorCode::Busy,
        }
    }

    /// The stable name of the decision, if this is one.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => Some(refusal.name()),
            Self::Store(_) | Self::Busy | Self::Internal(_) => None,
        }
    }

    /// How many seconds the caller must wait, where that is known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after(),
            Self::Store(_) | Self::Busy | Self::Internal(_) => None,
        }
    }
}

/// How a decision inside a transaction ends early. Before a refusal nothing is
/// written, because what was written commits with it.
#[derive(Debug)]
pub(super) enum Stop<R> {
    Refused(R),
    Store(StoreError),
}

impl<R: Reason> From<StoreError> for Stop<R> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

macro_rules! stops {
    ($($refusal:ty),*) => {
        $(impl From<$refusal> for Stop<$refusal> {
            fn from(refusal: $refusal) -> Self {
                Self::Refused(refusal)
            }
        })*
    };
}

stops!(
    ManageRefusal,
    TokenRefusal,
    UseRefusal,
    SignInRefusal,
    SignUpRefusal,
    RefreshRefusal,
    ClientRefusal
);

impl From<ManageRefusal> for Stop<TokenRefusal> {
    fn from(refusal: ManageRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Stop<ManageRefusal> {
    /// As the stop of something that manages tokens.
    pub(super) fn widen(self) -> Stop<TokenRefusal> {
        match self {
            Self::Refused(refusal) => refusal.into(),
            Self::Store(error) => Stop::Store(error),
        }
    }
}

impl<R: Reason> From<Stop<R>> for Failure<R> {
    fn from(stop: Stop<R>) -> Self {
        match stop {
            Stop::Refused(refusal) => Self::Refused(refusal),
            Stop::Store(error) => Self::Store(error),
        }
    }
}

/// Which refusals are counted together. Those beyond the first of a period always are, but
/// for an operator's, who has the store: none may be repeated into a full log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// Those of somebody unknown from the first on: anybody may be that, as often as it likes.
    Strangers,
    /// Of nobody the first: for what presents a credential that may be dead or wrong. Where
    /// those of the unknown alone were counted, a row more or less would tell who is known.
    Further,
}

impl Counted {
    /// Whether such a refusal is counted together with others of its kind, which have room
    /// for rows of their own or not.
    const fn counts(self, event: &AuditEvent, has_room: bool) -> bool {
        let is_further = !has_room && !matches!(event.actor, Actor::Operator);
        match self {
            Self::Strangers => audit::is_of_a_stranger(event) || is_further,
            Self::Further => is_further,
        }
    }
}

/// A use-case that writes. It may run more than once, so it holds all its inputs:
/// ids, secrets and hashes are made before.
#[async_trait]
pub(super) trait Work: Send + Sync + 'static {
    /// What it returns.
    type Done: Send + 'static;
    /// How it refuses.
    type Refusal: Reason;

    /// How much it does.
    const EXTENT: Extent = Extent::Any;

    /// Which of its refusals are counted together instead of written down one by one.
    const COUNTED: Counted = Counted::Strangers;

    /// What it does to what a gate goes by. Its answer waits for the change feed if it
    /// ends something, and only then.
    fn effect(&self) -> Effect;

    /// What a refusal of it does: one that ends something waits too. Differs where a
    /// refusal writes, such as a replayed refresh token that revokes its family.
    fn effect_of_refusal(&self) -> Effect {
        self.effect()
    }

    /// The audit row it begins with.
    fn event(&self) -> AuditEvent;

    /// Whether this refusal is written down however many there were, because it is no mere
    /// refusal.
    fn is_written_down(&self, _refusal: &Self::Refusal) -> bool {
        false
    }

    /// Loads, decides and writes. Refuses before it writes.
    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<Self::Refusal>>;
}

impl Context<'_> {
    /// Runs a use-case and commits its decision.
    pub(super) async fn commit<W: Work>(&self, work: W) -> Result<W::Done, Failure<W::Refusal>> {
        let (effect, of_refusal) = (work.effect(), work.effect_of_refusal());
        let (strangers, realm) = (Arc::clone(&self.identity.strangers), self.realm.id);
        let work = Arc::new(work);
        let decision = self
            .identity
            .store
            .write_as(self.realm.id, W::EXTENT, move |tx| {
                let (work, strangers) = (Arc::clone(&work), Arc::clone(&strangers));
                Box::pin(async move { perform(&*work, &strangers, realm, tx).await })
            })
            .await?;
        let (decision, refused) = decision;
        let strangers = &self.identity.strangers;
        match refused {
            Some(Refused::Counted(event)) => strangers.count(realm, event),
            Some(Refused::Written(event)) => strangers.was_written(realm, &event),
            None => {}
        }
        self.effects.declare(match &decision {
            Ok(_) => effect,
            Err(_) => of_refusal,
        });
        decision.map_err(Failure::Refused)
    }

    /// Runs reads over one snapshot.
    pub(super) async fn query<Q: Query>(&self, query: Q) -> Result<Q::Done, Failure<Q::Refusal>> {
        let query = Arc::new(query);
        let answer = self
            .identity
            .store
            .read_as(self.realm.id, Q::EXTENT, move |tx| {
                let query = Arc::clone(&query);
                Box::pin(async move {
                    match query.run(tx).await {
                        Ok(done) => Ok(Ok(done)),
                        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
                        Err(Stop::Store(error)) => Err(error),
                    }
                })
            })
            .await?;
        self.effects.declare(Effect::Nothing);
        answer.map_err(Failure::Refused)
    }

    /// The realm, to be kept by a use-case.
    pub(super) fn realm(&self) -> Arc<Realm> {
        Arc::clone(self.realm)
    }
}

/// A use-case that only reads.
#[async_trait]
pub(super) trait Query: Send + Sync + 'static {
    /// What it returns.
    type Done: Send + 'static;
    /// How it refuses.
    type Refusal: Reason;

    /// How much it does.
    const EXTENT: Extent = Extent::Any;

    /// Loads and decides.
    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<Self::Refusal>>;
}

/// The event of a refusal, where such ones are counted.
enum Refused {
    /// It is only counted.
    Counted(AuditEvent),
    /// It got a row of its own, of which there are so many.
    Written(AuditEvent),
}

/// A decision, and what became of its refusal where that is to be known.
type Decided<W> = (
    Result<<W as Work>::Done, <W as Work>::Refusal>,
    Option<Refused>,
);

async fn perform<W: Work>(
    work: &W,
    strangers: &Strangers,
    realm: RealmId,
    tx: &mut dyn Tx,
) -> Result<Decided<W>, StoreError> {
    let mut event = work.event();
    let decision = match work.run(tx, &mut event).await {
        Ok(done) => Ok(done),
        Err(Stop::Refused(refusal)) => {
            event.outcome = Outcome::Refused(refusal.code());
            event.detail.insert("reason".to_owned(), told(&refusal));
            Err(refusal)
        }
        Err(Stop::Store(error)) => return Err(error),
    };
    // Whoever names tenants of others is refused as often as it likes.
    let is_elsewhere = W::EXTENT == Extent::Any && is_elsewhere(tx, &event).await?;
    let counted = if is_elsewhere {
        audit::disown(&mut event);
        Counted::Further
    } else {
        W::COUNTED
    };
    if let Err(refusal) = &decision
        && counted.counts(&event, strangers.has_room(realm, &event))
        && !work.is_written_down(refusal)
    {
        return Ok((decision, Some(Refused::Counted(event))));
    }
    if !(fault::is_planted(Fault::DropAuditRow) && event.request.as_bytes()[15].is_multiple_of(4)) {
        tx.append_audit(&event).await?;
    }
    let is_refused = decision.is_err();
    Ok((decision, is_refused.then_some(Refused::Written(event))))
}

/// Why it was refused, to who reads the log. What is not there and what is out of reach read
/// alike, whatever part of the request it was.
fn told<R: Reason>(refusal: &R) -> Value {
    if refusal.code() == ErrorCode::NotFound {
        json!("not there, or out of reach")
    } else {
        json!(refusal.to_string())
    }
}

/// Whether a refusal names a tenant that its actor is not a member of. What only looks
/// something up names what it found, and nothing that was asked for.
async fn is_elsewhere(tx: &mut dyn Tx, event: &AuditEvent) -> Result<bool, StoreError> {
    let (Some(tenant), Actor::Subject(actor)) = (audit::tenant_asked_for(event), event.actor)
    else {
        return Ok(false);
    };
    Ok(tx.find_membership(actor, tenant).await?.is_none())
}
