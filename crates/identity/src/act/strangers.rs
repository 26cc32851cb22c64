//! Refusals of whoever is not known, counted: one audit row for each block of addresses and
//! kind of refusal in a period, instead of a synced row for each request. Otherwise anybody
//! could fill the log. Not here: which refusals (`decide::audit`).

use crate::decide::audit::{Block, block_of};
use crate::model::{AuditAction, AuditEvent, Outcome};
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

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Kind {
    realm: RealmId,
    action: AuditAction,
    code: Option<ErrorCode>,
    block: Option<Block>,
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
pub struct Strangers(Mutex<HashMap<Kind, Count>>);

impl Strangers {
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

    fn add(&self, realm: RealmId, count: Count) {
        let mut counts = self.lock();
        let mut kind = Kind {
            realm,
            action: count.first.action,
            code: match count.first.outcome {
                Outcome::Refused(code) => Some(code),
                Outcome::Success => None,
            },
            block: count.first.peer.map(block_of),
        };
        if counts.len() >= MOST && !counts.contains_key(&kind) {
            kind.block = None;
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
        let gathered = std::mem::take(&mut *self.lock());
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

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
