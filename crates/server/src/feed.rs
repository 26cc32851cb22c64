//! Follows the store's change log and keeps what is known of each realm true: at start
//! a snapshot, then every change, whoever made it. A change that this process made is
//! applied before its answer leaves (`settled`); one that another process made, as soon
//! as the engine hears of it, and within its interval at the latest.
//!
//! * this file: the position, who waits for whom, and for how long the store is silent;
//! * [`apply`]: what becomes of the changes, and the snapshot.

mod apply;
#[cfg(test)]
mod tests;

use crate::live::Position;
use crate::realms::Realms;
use apply::is_lasting;
use doorward_gate::Streams;
use doorward_identity::act::Identity;
use doorward_identity::port::StoreError;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;

/// How many entries of the change log are read at once.
const BATCH: u32 = 1000;

/// How far behind the end of the log a position may be before entries after it may be
/// gone. Both engines keep the last 1,000,000 positions.
const REACH: i64 = 500_000;

/// How long one question to the store may take. The engines bound it too; this keeps
/// the feed going if one does not.
const PATIENCE: Duration = Duration::from_secs(2);

/// How soon a store that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Follows one store.
pub(crate) struct Feed {
    identity: Arc<Identity>,
    realms: Arc<Realms>,
    /// What the gate has open; told of what may end it.
    streams: Arc<Streams>,
    cursor: Mutex<Cursor>,
    /// How often [`Feed::catch_up`] was called.
    asked: AtomicU64,
    applied: std::sync::Mutex<Position>,
    /// Held while keys are loaded, so that an older answer does not come last.
    keys: Mutex<()>,
    /// When this began, by [`uptime_millis`].
    started: u64,
    contact_millis: AtomicU64,
}

struct Cursor {
    after: Position,
    /// The store said "changed", or may have, and not everything was applied yet.
    pending: bool,
    /// The last call that the last catch-up began after.
    served: u64,
    /// How that catch-up ended.
    outcome: Result<(), StoreError>,
}

impl Feed {
    /// Starts from the end of the change log.
    pub(crate) async fn open(
        identity: Arc<Identity>,
        realms: Arc<Realms>,
        streams: Arc<Streams>,
    ) -> Result<Self, StoreError> {
        let seq = identity.store.engine().last_change().await?;
        let after = Position { era: 0, seq };
        Ok(Self {
            identity,
            realms,
            streams,
            cursor: Mutex::new(Cursor {
                after,
                pending: true,
                served: 0,
                outcome: Ok(()),
            }),
            asked: AtomicU64::new(0),
            applied: std::sync::Mutex::new(after),
            keys: Mutex::new(()),
            started: uptime_millis(),
            contact_millis: AtomicU64::new(0),
        })
    }

    /// The last change that was applied.
    pub(crate) fn position(&self) -> Position {
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies everything committed before this call. Calls that wait for another one
    /// share the next: it began after them.
    pub(crate) async fn catch_up(&self) -> Result<(), StoreError> {
        let ticket = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut cursor = self.cursor.lock().await;
        if cursor.served >= ticket {
            return cursor.outcome.clone();
        }
        let serves = self.asked.load(Ordering::Acquire);
        // Taken before the store is asked: if this process is stopped before it has the
        // answer, the answer is as old as the question.
        let began = self.since_start();
        let outcome = self.advance(&mut cursor).await;
        if outcome.is_ok() {
            self.contact_millis.store(began, Ordering::Release);
        }
        (cursor.served, cursor.outcome) = (serves, outcome.clone());
        outcome
    }

    async fn advance(&self, cursor: &mut Cursor) -> Result<(), StoreError> {
        let engine = self.identity.store.engine();
        // The engine forgets that it said "changed"; until everything is applied this
        // does not, also when it fails or its caller goes away.
        let before = std::mem::replace(&mut cursor.pending, true);
        let changed = within(engine.has_changed()).await?;
        cursor.pending = before || changed;
        while cursor.pending {
            let after = cursor.after;
            let listed = within(engine.list_changes(after.seq, BATCH)).await;
            // An entry that cannot be read, such as one of a newer version, must not hold
            // up every later one of every realm.
            let unread = listed.as_ref().err().filter(|error| is_lasting(error));
            if let Some(error) = unread {
                tracing::error!(%error, "the change log cannot be read");
            }
            let unread = unread.is_some();
            let rows = if unread { Vec::new() } else { listed? };
            let full = rows.len() >= BATCH as usize;
            let end = match rows.last() {
                Some(row) if !full => row.seq,
                _ => within(engine.last_change()).await?,
            };
            // Entries may be gone, or the log is older than what was read of it: another
            // copy of the store.
            let left_behind = end.0.saturating_sub(after.seq.0) >= REACH;
            cursor.after = if unread || left_behind || end < after.seq {
                tracing::warn!("the change log was left behind; starting again from a snapshot");
                let era = after.era + 1;
                let start = Position { era, seq: end };
                self.start_over(start).await?;
                start
            } else {
                self.apply(&rows, after.era).await?;
                let seq = rows.last().map_or(after.seq, |row| row.seq);
                Position { seq, ..after }
            };
            *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = cursor.after;
            cursor.pending = full && cursor.after.seq < end;
        }
        Ok(())
    }

    /// How long ago the store was last asked with success.
    pub(crate) fn silence(&self) -> Duration {
        let contact = self.contact_millis.load(Ordering::Acquire);
        Duration::from_millis(self.since_start().saturating_sub(contact))
    }

    /// Catches up for ever. The caller ends it by dropping the future.
    pub(crate) async fn follow(self: Arc<Self>) {
        let engine = self.identity.store.engine();
        let mut failing = false;
        loop {
            let outcome = self.catch_up().await;
            match (&outcome, failing) {
                (Err(error), false) => {
                    tracing::error!(%error, "the store does not answer the change feed");
                }
                (Ok(()), true) => tracing::info!("the store answers the change feed again"),
                _ => {}
            }
            failing = outcome.is_err();
            if failing {
                tokio::time::sleep(AGAIN).await;
            } else {
                // A hint that was missed is made up for by the interval.
                let _ = tokio::time::timeout(engine.poll_interval(), engine.hear_change()).await;
            }
        }
    }

    fn since_start(&self) -> u64 {
        uptime_millis().saturating_sub(self.started)
    }
}

/// A clock that only goes forward, also while the machine is suspended: what was revoked
/// meanwhile is not known.
fn uptime_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(millis)
}

/// What the store answers, if it does in time.
async fn within<T>(question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, question)
        .await
        .unwrap_or_else(|_| {
            let problem = format!("no answer in {} seconds", PATIENCE.as_secs());
            Err(StoreError::Unavailable(problem))
        })
}
