//! One realm inside one transaction, and how a use-case is run in it. Not here: its
//! statements (`statement`), running again after a collision (`run`).
//!
//! A closure of [`Extent::OneLookUp`] gets no transaction: its look-up is served
//! together with others, and so is its audit row. If it does anything else it is run
//! again in a transaction.

use super::gather::Together;
use super::pool::Leased;
use super::scope::{Scope, Trouble, failed};
use super::shared::{Kind, Shared};
use super::{audit, change};
use crate::engine::InRealm;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::model::{AuditEvent, Change, Rotation};
use doorward_identity::port::{BoxFuture, StoreError};
use futures_util::FutureExt as _;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// What a transaction may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// Read one snapshot.
    Read,
    /// Write, as if transactions ran one after the other.
    Write,
    /// The same with nobody beside it, so that it cannot collide: it waits for those
    /// that run, and those that come wait for it. LOCK takes no snapshot, so that it
    /// sees what they have written.
    WriteAlone,
}

impl Access {
    const fn begin(self) -> &'static str {
        match self {
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Write => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; \
                 LOCK TABLE turn IN ROW SHARE MODE"
            }
            Self::WriteAlone => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; \
                 LOCK TABLE turn IN EXCLUSIVE MODE"
            }
        }
    }
}

/// How a transaction ended badly.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) trouble: Trouble,
    /// COMMIT was sent, so that it may have happened.
    pub(super) committing: bool,
}

/// Where statements go.
enum Way {
    /// To the lanes that serve many requests together.
    Lanes(Arc<Shared>),
    /// Into a transaction.
    Transaction(Transaction),
}

struct Transaction {
    leased: Arc<Leased>,
    /// BEGIN, on its way. The first statement follows without waiting for its answer.
    begun: Option<BoxFuture<'static, Result<(), tokio_postgres::Error>>>,
}

/// A realm inside a transaction. Readers get it as `dyn Read`.
pub(super) struct RealmTx {
    realm: RealmId,
    way: Way,
    events: Vec<AuditEvent>,
    changes: Vec<Change>,
    /// What to do at the end of a use-case without a transaction.
    rotation: Option<Rotation>,
    /// The first thing that went wrong. After it nothing more is done, whatever the
    /// use-case makes of the error.
    trouble: Option<Trouble>,
    /// It asked for more than the lanes serve.
    outgrown: bool,
    /// Whether the use-case waits for the store, and not for something else.
    waiting: Arc<AtomicBool>,
}

impl RealmTx {
    /// Without a transaction.
    pub(super) fn light(shared: &Arc<Shared>, realm: RealmId) -> Self {
        Self::new(realm, Way::Lanes(Arc::clone(shared)))
    }

    /// In a transaction that begins with the first statement.
    pub(super) async fn begin(leased: Leased, realm: RealmId, access: Access) -> Self {
        let leased = Arc::new(leased);
        let over = Arc::clone(&leased);
        let mut begun: BoxFuture<'static, Result<(), tokio_postgres::Error>> =
            Box::pin(async move {
                match over.conn() {
                    Some(conn) => conn.batch_execute(access.begin()).await,
                    None => Ok(()),
                }
            });
        // Polled once, it has left.
        let polled = poll_fn(|context| Poll::Ready(begun.as_mut().poll(context))).await;
        let (begun, trouble) = match polled {
            Poll::Pending => (Some(begun), None),
            Poll::Ready(Ok(())) => (None, None),
            Poll::Ready(Err(error)) => (None, Some(failed("(begin)", &error))),
        };
        let mut tx = Self::new(realm, Way::Transaction(Transaction { leased, begun }));
        tx.trouble = trouble;
        tx
    }

    fn new(realm: RealmId, way: Way) -> Self {
        Self {
            realm,
            way,
            events: Vec::new(),
            changes: Vec::new(),
            rotation: None,
            trouble: None,
            outgrown: false,
            waiting: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The connection, for a statement that reads.
    pub(super) async fn reading(&mut self) -> Result<Scope<'_>, StoreError> {
        self.sound()?;
        if matches!(self.way, Way::Lanes(_)) {
            self.outgrown = true;
            return Err(again());
        }
        self.waiting.store(true, Ordering::Release);
        match &self.way {
            Way::Transaction(Transaction { leased, .. }) => match leased.conn() {
                Some(conn) => Ok(Scope::new(conn, self.realm)),
                None => Err(again()),
            },
            Way::Lanes(_) => Err(again()),
        }
    }

    /// The connection, for a statement that writes: not before the transaction is known
    /// to have begun, or it would commit by itself.
    pub(super) async fn writing(&mut self) -> Result<Scope<'_>, StoreError> {
        self.sound()?;
        self.waiting.store(true, Ordering::Release);
        self.settle_begin().await?;
        self.reading().await
    }

    /// What came of a statement.
    pub(super) fn done<T>(&mut self, outcome: Result<T, Trouble>) -> Result<T, StoreError> {
        self.waiting.store(false, Ordering::Release);
        // Answers come in order: BEGIN's is there before that of what followed it.
        if let Way::Transaction(Transaction { begun, .. }) = &mut self.way
            && let Some(pending) = begun.as_mut()
            && let Some(answer) = pending.now_or_never()
        {
            *begun = None;
            if let Err(error) = answer {
                return Err(self.give_up(failed("(begin)", &error)));
            }
        }
        outcome.map_err(|trouble| match trouble {
            // The statement said so itself (`ON CONFLICT DO NOTHING`, a count of rows, a
            // row that was read): the transaction goes on.
            Trouble::Store(error @ StoreError::Conflict(_)) => error,
            trouble => self.give_up(trouble),
        })
    }

    /// Looks something up: over a lane, or in the transaction.
    pub(super) async fn look_up<K, Q, T>(&mut self, key: Q) -> Result<Option<T>, StoreError>
    where
        K: Kind + Together<Ask = (RealmId, Q), Told = Option<T>>,
        Q: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.sound()?;
        let outcome = if let Way::Lanes(shared) = &self.way {
            let shared = Arc::clone(shared);
            self.waiting.store(true, Ordering::Release);
            let asked = K::lane(&shared).ask((self.realm, key)).await;
            asked.map_err(Trouble::Store)
        } else {
            let (conn, realm) = self.reading().await?.parts();
            let found = K::serve(conn, &[(realm, key)]).await;
            found.map(|mut found| found.pop().flatten())
        };
        self.done(outcome)
    }

    /// Takes a rotation for the end, where there is no transaction; it turns out then
    /// whether it was possible.
    pub(super) fn put_off(&mut self, to: &Rotation) -> Result<bool, StoreError> {
        self.sound()?;
        let light = matches!(self.way, Way::Lanes(_));
        if light && self.rotation.replace(to.clone()).is_some() {
            self.outgrown = true;
            return Err(again());
        }
        Ok(light)
    }

    /// Writes an event down with the commit.
    pub(super) fn push_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.sound()?;
        self.events.push(event.clone());
        Ok(())
    }

    /// Tells of a change with the commit.
    pub(super) fn push_change(&mut self, change: Change) -> Result<(), StoreError> {
        self.sound()?;
        if matches!(self.way, Way::Lanes(_)) {
            self.outgrown = true;
            return Err(again());
        }
        self.changes.push(change);
        Ok(())
    }

    /// Whether a closure that ran without a transaction needs one.
    pub(super) const fn has_outgrown(&self) -> bool {
        self.outgrown
    }

    /// Whether anything went wrong that ends the transaction.
    pub(super) const fn is_troubled(&self) -> bool {
        self.trouble.is_some()
    }

    /// Ends it: commits what went well, takes back what did not.
    pub(super) async fn end(mut self, outcome: Result<(), StoreError>) -> Result<(), Ended> {
        let before = |trouble| Ended {
            trouble,
            committing: false,
        };
        let outcome = match self.trouble.take() {
            Some(trouble) => Err(trouble),
            None => outcome.map_err(Trouble::Store),
        };
        let Way::Transaction(Transaction { leased, begun }) = self.way else {
            return outcome.map_err(before);
        };
        let Some(conn) = leased.conn() else {
            return outcome.map_err(before);
        };
        if let Some(begun) = begun
            && let Err(error) = begun.await
        {
            return Err(before(failed("(begin)", &error)));
        }
        if let Err(trouble) = outcome {
            // A connection that cannot roll back is thrown away; the server does it then.
            if conn.batch_execute("ROLLBACK").await.is_ok() {
                leased.is_clean();
            }
            return Err(before(trouble));
        }
        let committed = commit(conn, self.realm, self.events, &self.changes).await;
        match &committed {
            Ok(()) => leased.is_clean(),
            Err(_) => {
                if conn.batch_execute("ROLLBACK").await.is_ok() {
                    leased.is_clean();
                }
            }
        }
        committed.map_err(|trouble| Ended {
            trouble,
            committing: true,
        })
    }

    /// Ends a use-case without a transaction. What it rotated is written with its event;
    /// says no where that was not possible any more, and then nothing was written.
    pub(super) async fn end_light(self, outcome: Result<(), StoreError>) -> Result<bool, Trouble> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        outcome?;
        let Way::Lanes(shared) = self.way else {
            return Ok(true);
        };
        let mut events = self.events.into_iter();
        if let Some(to) = self.rotation {
            let Some(event) = events.next() else {
                return Ok(false);
            };
            if !shared.rotations.ask((self.realm, to, event)).await? {
                return Ok(false);
            }
        }
        for event in events {
            shared.audits.ask((self.realm, event)).await?;
        }
        Ok(true)
    }

    async fn settle_begin(&mut self) -> Result<(), StoreError> {
        if let Way::Transaction(Transaction { begun, .. }) = &mut self.way
            && let Some(pending) = begun.take()
            && let Err(error) = pending.await
        {
            return Err(self.give_up(failed("(begin)", &error)));
        }
        Ok(())
    }

    fn sound(&self) -> Result<(), StoreError> {
        match &self.trouble {
            Some(trouble) => Err(trouble.clone().into()),
            None if self.outgrown => Err(again()),
            None => Ok(()),
        }
    }

    /// After it nothing more is done.
    pub(super) fn give_up(&mut self, trouble: Trouble) -> StoreError {
        self.trouble = Some(trouble.clone());
        trouble.into()
    }
}

impl InRealm<RealmTx> {
    /// Runs a use-case. What it awaits but the store is refused, and a panic is an error.
    pub(super) async fn run(
        &mut self,
        job: impl for<'t> FnOnce(&'t mut Self) -> BoxFuture<'t, Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let waiting = Arc::clone(&self.0.waiting);
        let future = AssertUnwindSafe(job(self)).catch_unwind();
        let mut future = pin!(future);
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Pending if !waiting.load(Ordering::Acquire) => {
                Poll::Ready(Err(StoreError::Awaited))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(outcome)) => Poll::Ready(outcome),
            Poll::Ready(Err(_)) => Poll::Ready(Err(StoreError::Unavailable(
                "the code of a transaction panicked".to_owned(),
            ))),
        })
        .await
    }
}

/// Writes the gathered rows and commits. The changes come last, with the commit.
async fn commit(
    conn: &ClientWrapper,
    realm: RealmId,
    events: Vec<AuditEvent>,
    changes: &[Change],
) -> Result<(), Trouble> {
    if !events.is_empty() {
        let rows: Vec<_> = events.into_iter().map(|event| (realm, event)).collect();
        audit::append_many(conn, &rows).await?;
    }
    if changes.is_empty() {
        return conn
            .batch_execute("COMMIT")
            .await
            .map_err(|error| failed("(commit)", &error));
    }
    change::append_and_commit(conn, realm, changes).await
}

/// What a closure is told when it is about to be run again.
fn again() -> StoreError {
    StoreError::Unavailable("it runs again in a transaction".to_owned())
}
