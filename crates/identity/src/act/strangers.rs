//! Refusals of whoever is not known, counted: one audit row for each block of addresses and
//! kind of refusal in a period, instead of a synced row for each request. Otherwise anybody
//! could fill the log. So are, beyond the first of a period, the refusals of a credential
//! that is known and dead, or wrong, of a right invitation, and of whoever names tenants of
//! others. Not here: which refusals (`decide::audit`, `work`).

use crate::decide::audit::{Block, block_of};
use crate::model::{Actor, AuditAction, AuditEvent, Outcome};
use crate::port::{StoreError, StoreHandle};
use doorward_base::{ErrorCode, RealmId, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many rows of one period tell from which block; what comes from further ones is
/// counted together.
const MOST: usize = 1024;
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
    /// Whom or what the rows name, as far as they do.
    about: Option<String>,
}

/// What has so many rows of its own in a period. It does not know who is known: who asks
/// would learn it from how long the answer takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Place {
    realm: RealmId,
    action: AuditAction,
    block: Option<Block>,
}

impl Place {
    fn of(realm: RealmId, event: &AuditEvent) -> Self {
        Self {
            realm,
            action: event.action,
            block: event.peer.map(block_of),
        }
    }
}

#[derive(Clone, Debug)]
struct Count {
    first: AuditEvent,
    times: u64,
    last: Timestamp,
    /// Whether it came from more than one address.
    spread: bool,
}

/// The refusals that wait to be written down.
#[derive(Debug, Default)]
pub struct Strangers {
    counts: Mutex<HashMap<Kind, Count>>,
    /// How many were written down one by one in this period.
    written: Mutex<HashMap<Place, u32>>,
}

impl Strangers {
    /// Whether one more refusal like this gets a row of its own.
    pub(super) fn has_room(&self, realm: RealmId, event: &AuditEvent) -> bool {
        let written = lock(&self.written);
        match written.get(&Place::of(realm, event)) {
            Some(times) => *times < EACH,
            None => written.len() < MOST,
        }
    }

    /// One got a row of its own.
    pub(super) fn was_written(&self, realm: RealmId, event: &AuditEvent) {
        let mut written = lock(&self.written);
        let place = Place::of(realm, event);
        if written.len() < MOST || written.contains_key(&place) {
            let times = written.entry(place).or_default();
            *times = times.saturating_add(1);
        }
    }

    /// Counts a refusal.
    pub(super) fn count(&self, realm: RealmId, event: AuditEvent) {
        let last = event.at;
        self.add(
            realm,
            Count {
                first: event,
                times: 1,
                last,
                spread: false,
            },
        );
    }

    fn add(&self, realm: RealmId, mut count: Count) {
        let mut counts = lock(&self.counts);
        let mut kind = Kind {
            realm,
            action: count.first.action,
            code: match count.first.outcome {
                Outcome::Refused(code) => Some(code),
                Outcome::Success => None,
            },
            block: count.first.peer.map(block_of),
            actor: count.first.actor,
            about: about(&count.first),
        };
        if counts.len() >= MOST && !counts.contains_key(&kind) {
            // Counted together, and so said of nobody.
            (kind.block, kind.actor, kind.about) = (None, Actor::Anonymous, None);
            unname(&mut count.first);
        }
        match counts.get_mut(&kind) {
            Some(known) => {
                known.spread |= count.spread || known.first.peer != count.first.peer;
                known.times += count.times;
                known.last = known.last.max(count.last);
            }
            None => drop(counts.insert(kind, count)),
        }
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
        for (kind, count) in gathered {
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
                        batch
                            .iter()
                            .for_each(|count| self.add(realm, count.clone()));
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

/// The most particular that the event names: a session, a token, a client or a subject.
fn about(event: &AuditEvent) -> Option<String> {
    let session = event.session.map(|id| id.to_string());
    let token = || event.token.map(|id| id.to_string());
    let client = || event.detail.get(CLIENT)?.as_str().map(str::to_owned);
    let subject = || event.subject.map(|id| id.to_string());
    session.or_else(token).or_else(client).or_else(subject)
}

/// Where an event names a client.
const CLIENT: &str = "client";

/// Takes out of an event whom it names, and whose log it is in.
fn unname(event: &mut AuditEvent) {
    event.actor = Actor::Anonymous;
    (event.session, event.token, event.subject, event.tenant) = (None, None, None, None);
    event.detail.remove(CLIENT);
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
