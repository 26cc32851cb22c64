//! Refusals, counted: one audit row for each source and kind of refusal in a period, instead
//! of a synced row for each request. Otherwise anybody could fill the log. Of whoever is not
//! known all are counted, of others those beyond the first of a period. Not here: which
//! refusals (`decide::audit`, `work`).

use crate::decide::audit::{ASKED_TENANT, Block, block_of};
use crate::model::{Actor, AuditAction, AuditEvent, Outcome};
use crate::port::{StoreError, StoreHandle};
use doorward_base::{ErrorCode, RealmId, TenantId, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many rows of one realm and period tell from which block strangers came; what comes
/// from further ones is counted together.
const MOST: usize = 1024;
/// How many rows of one period tell of one actor, or of one block of strangers, what they
/// asked about; what it asks about further things is counted together.
const ABOUT: usize = 32;
/// How many rows are written in one transaction.
const BATCH: usize = 256;
/// How many refusals of one action from one block are written down one by one in a period.
const EACH: u32 = 20;

/// What is counted together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kind {
    realm: RealmId,
    action: AuditAction,
    code: Option<ErrorCode>,
    block: Option<Block>,
    actor: Actor,
    /// Whose log the rows are in: never given up, or one tenant would read of another's.
    tenant: Option<TenantId>,
    /// Whom or what the rows name, as far as they do.
    about: Option<String>,
}

impl Kind {
    fn of(realm: RealmId, event: &AuditEvent) -> Self {
        Self {
            realm,
            action: event.action,
            code: match event.outcome {
                Outcome::Refused(code) => Some(code),
                Outcome::Success => None,
            },
            block: event.peer.map(block_of),
            actor: event.actor,
            tenant: event.tenant.clone(),
            about: about(event),
        }
    }

    /// Who fills the log by it.
    const fn source(&self) -> Source {
        match self.actor {
            Actor::Anonymous => Source::Block(self.realm, self.block),
            actor => Source::Actor(self.realm, actor),
        }
    }
}

/// Whose kinds are bounded together, so that nobody's flood takes the names out of what is
/// counted of others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Source {
    Actor(RealmId, Actor),
    Block(RealmId, Option<Block>),
    /// All blocks of a realm.
    Strangers(RealmId),
}

/// What is counted, and how many kinds are each source's.
#[derive(Debug, Default)]
struct Counts {
    kinds: HashMap<Kind, Count>,
    of: HashMap<Source, usize>,
}

impl Counts {
    fn add(&mut self, realm: RealmId, mut count: Count) {
        let mut kind = Kind::of(realm, &count.first);
        if self.is_full(&kind, kind.source(), ABOUT) {
            // What it asks about is its own to choose, and so is where it comes from.
            kind.about = None;
            unname(&mut count.first);
            if kind.actor != Actor::Anonymous {
                kind.block = None;
            }
        }
        if kind.actor == Actor::Anonymous && self.is_full(&kind, Source::Strangers(realm), MOST) {
            (kind.block, kind.about) = (None, None);
            unname(&mut count.first);
        }
        if let Some(known) = self.kinds.get_mut(&kind) {
            known.add(&count);
            return;
        }
        *self.of.entry(kind.source()).or_default() += 1;
        if kind.actor == Actor::Anonymous {
            *self.of.entry(Source::Strangers(realm)).or_default() += 1;
        }
        self.kinds.insert(kind, count);
    }

    /// Whether the source has no room for one more kind.
    fn is_full(&self, kind: &Kind, source: Source, most: usize) -> bool {
        !self.kinds.contains_key(kind) && self.of.get(&source).is_some_and(|has| *has >= most)
    }
}

/// What has so many rows of its own in a period. It does not know who is known: who asks
/// would learn it from how long the answer takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Place {
    action: AuditAction,
    block: Option<Block>,
}

impl Place {
    fn of(event: &AuditEvent) -> Self {
        Self {
            action: event.action,
            block: event.peer.map(block_of),
        }
    }
}

#[derive(Clone, Debug)]
struct Count {
    /// The first; without its address if they came from more than one block.
    first: AuditEvent,
    times: u64,
    last: Timestamp,
    /// Whether it came from more than one address.
    spread: bool,
}

impl Count {
    fn add(&mut self, more: &Self) {
        let (own, other) = (self.first.peer, more.first.peer);
        self.spread |= more.spread || own != other;
        if own.map(block_of) != other.map(block_of) {
            self.first.peer = None;
        }
        self.times += more.times;
        self.last = self.last.max(more.last);
    }
}

/// The refusals that wait to be written down.
#[derive(Debug, Default)]
pub struct Strangers {
    counts: Mutex<Counts>,
    /// How many were written down one by one in this period.
    written: Mutex<HashMap<RealmId, HashMap<Place, u32>>>,
}

impl Strangers {
    /// Whether one more refusal like this gets a row of its own.
    pub(super) fn has_room(&self, realm: RealmId, event: &AuditEvent) -> bool {
        let written = lock(&self.written);
        let Some(of_realm) = written.get(&realm) else {
            return true;
        };
        match of_realm.get(&Place::of(event)) {
            Some(times) => *times < EACH,
            None => of_realm.len() < MOST,
        }
    }

    /// One got a row of its own.
    pub(super) fn was_written(&self, realm: RealmId, event: &AuditEvent) {
        let mut written = lock(&self.written);
        let written = written.entry(realm).or_default();
        let place = Place::of(event);
        if written.len() < MOST || written.contains_key(&place) {
            let times = written.entry(place).or_default();
            *times = times.saturating_add(1);
        }
    }

    /// Counts a refusal.
    pub(super) fn count(&self, realm: RealmId, event: AuditEvent) {
        let last = event.at;
        lock(&self.counts).add(
            realm,
            Count {
                first: event,
                times: 1,
                last,
                spread: false,
            },
        );
    }

    /// Writes down what was counted, and returns how many rows; what cannot be written is
    /// kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&self, store: &StoreHandle) -> Result<u64, StoreError> {
        lock(&self.written).clear();
        let gathered = std::mem::take(&mut *lock(&self.counts));
        let mut realms: HashMap<RealmId, Vec<Count>> = HashMap::new();
        for (kind, count) in gathered.kinds {
            realms.entry(kind.realm).or_default().push(count);
        }
        let (mut result, mut written) = (Ok(()), 0);
        for (realm, counts) in realms {
            for batch in counts.chunks(BATCH) {
                let rows: Arc<[AuditEvent]> = batch.iter().map(row).collect();
                let done = store.write(realm, move |tx| {
                    let rows = Arc::clone(&rows);
                    Box::pin(async move {
                        for row in &*rows {
                            tx.append_audit(row).await?;
                        }
                        Ok(())
                    })
                });
                match done.await {
                    Ok(()) => written += u64::try_from(batch.len()).unwrap_or(0),
                    Err(error) => {
                        let mut counts = lock(&self.counts);
                        batch
                            .iter()
                            .for_each(|count| counts.add(realm, count.clone()));
                        result = Err(error);
                    }
                }
            }
        }
        result.map(|()| written)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most particular that the event names: a session, a token, a client, an invitation or
/// a subject; and the tenant that was meant, if it is not its actor's.
fn about(event: &AuditEvent) -> Option<String> {
    let session = event.session.map(|id| id.to_string());
    let token = || event.token.map(|id| id.to_string());
    let said = |name: &str| event.detail.get(name)?.as_str().map(str::to_owned);
    let subject = || event.subject.map(|id| id.to_string());
    let named = session
        .or_else(token)
        .or_else(|| said(CLIENT))
        .or_else(|| said(INVITATION))
        .or_else(subject);
    match (said(ASKED_TENANT), named) {
        (Some(tenant), Some(named)) => Some(format!("{named} {tenant}")),
        (tenant, named) => named.or(tenant),
    }
}

/// Where an event names a client, and an invitation.
const CLIENT: &str = "client";
const INVITATION: &str = "invitation";

/// Takes out of an event what it is about. Who did it stays, and whose log it is in.
fn unname(event: &mut AuditEvent) {
    (event.session, event.token, event.subject) = (None, None, None);
    for name in [CLIENT, INVITATION, ASKED_TENANT] {
        event.detail.remove(name);
    }
}

/// The row: the first of them, how many there were and until when; and from where, if that
/// is more than the first one's address.
fn row(count: &Count) -> AuditEvent {
    let mut event = count.first.clone();
    let mut say = |name: &str, value| drop(event.detail.insert(name.to_owned(), value));
    say("count", json!(count.times));
    say("until", json!(count.last.to_string()));
    if count.spread {
        let block = count.first.peer.map(|peer| block_of(peer).to_string());
        say("from", json!(block));
    }
    event
}

#[cfg(test)]
mod tests;
