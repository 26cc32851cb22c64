//! One realm inside one transaction. Not here: its statements (`statement`), beginning and
//! committing (`writer`, `reader`).

use super::scope::Scope;
use doorward_base::RealmId;
use doorward_identity::model::{AuditEvent, Rotation};
use doorward_identity::port::{BoxFuture, StoreError};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A realm inside a transaction. Readers get it as `dyn Read`.
pub(super) struct RealmTx<'c> {
    /// Exclusive, because a connection may move between threads but not be shared.
    conn: &'c mut Connection,
    realm: RealmId,
    /// The first storage failure. After one nothing more is done, whatever the
    /// use-case makes of the error.
    failure: Option<StoreError>,
    /// What to write afterwards, if this is on a reader.
    later: Option<Later>,
}

/// What a use-case that ran on a reader leaves to be written, together.
#[derive(Default)]
pub(super) struct Later {
    pub(super) rotation: Option<Rotation>,
    pub(super) events: Vec<AuditEvent>,
}

/// What is left to do for a use-case that ran on a reader.
pub(super) enum Left {
    /// Writing this.
    Append(Later),
    /// All of it, in a transaction that writes: it did more than a reader can.
    Everything,
}

impl<'c> RealmTx<'c> {
    pub(super) const fn new(conn: &'c mut Connection, realm: RealmId) -> Self {
        Self {
            conn,
            realm,
            failure: None,
            later: None,
        }
    }

    /// On a reader, for a use-case that looks something up and then only writes down
    /// events.
    pub(super) fn light(conn: &'c mut Connection, realm: RealmId) -> Self {
        Self {
            later: Some(Later {
                rotation: None,
                events: Vec::new(),
            }),
            ..Self::new(conn, realm)
        }
    }

    /// What is left to do after it ran on a reader.
    pub(super) fn left(self, outcome: Result<(), StoreError>) -> Result<Left, StoreError> {
        if self.failure.is_some() {
            return Ok(Left::Everything);
        }
        outcome.map(|()| Left::Append(self.later.unwrap_or_default()))
    }

    /// Lets nothing more be done.
    pub(super) fn give_up(&mut self, error: StoreError) -> StoreError {
        self.failure = Some(error.clone());
        error
    }

    /// What waits for the end, if it does.
    pub(super) const fn later(&mut self) -> Option<&mut Later> {
        self.later.as_mut()
    }

    /// What became of it.
    pub(super) fn finish(self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        self.failure.map_or(outcome, Err)
    }

    /// Does one thing with the realm's rows.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(Scope<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let outcome = work(Scope::new(self.conn, self.realm));
        if let Err(failure @ StoreError::Unavailable(_)) = &outcome {
            self.failure = Some(failure.clone());
        }
        outcome
    }
}

/// Runs a use-case's future, which on this engine never has to wait.
pub(super) fn run_ready<T>(future: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(StoreError::Awaited),
    }
}

/// Turns a panic into an error, so that the connection and its thread live on.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // Whatever the panic left half-done is rolled back by the caller.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Unavailable(
            "the code of a transaction panicked".to_owned(),
        ))
    })
}
