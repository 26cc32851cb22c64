//! Runs use-cases: in one transaction each, again when they collide, on another
//! connection when theirs was lost before it could have committed anything. Not here:
//! the transaction itself (`tx`).

use super::pool::Leased;
use super::scope::Trouble;
use super::shared::Shared;
use super::tx::{Access, RealmTx};
use doorward_base::RealmId;
use doorward_base::fault::{self, Fault};
use doorward_identity::port::{Extent, ReadJob, StoreError, WriteJob};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How often a use-case runs before it gives up.
const ATTEMPTS: u32 = 6;
/// How many of them run beside others. Further ones run alone.
const FREE_ATTEMPTS: u32 = 3;

/// Runs a use-case and commits it.
pub(super) async fn write(
    shared: Arc<Shared>,
    realm: RealmId,
    extent: Extent,
    job: WriteJob,
) -> Result<(), StoreError> {
    if extent == Extent::OneLookUp {
        let mut tx = RealmTx::light(&shared, realm);
        let outcome = tx.run(|tx| job(tx)).await;
        if !tx.has_outgrown() {
            if fault::is_planted(Fault::AnswerBeforeCommit) && outcome.is_ok() {
                commit_late(tx);
                return Ok(());
            }
            return tx.end(outcome).await.map_err(StoreError::from);
        }
    }
    // A task of its own: a caller that goes away leaves no transaction half-way.
    spawned(async move { write_in_transaction(&shared, realm, &job).await }).await
}

/// Runs reads over one snapshot.
pub(super) async fn read(
    shared: Arc<Shared>,
    realm: RealmId,
    extent: Extent,
    job: ReadJob<'static>,
) -> Result<(), StoreError> {
    if extent == Extent::OneLookUp {
        let mut tx = RealmTx::light(&shared, realm);
        let outcome = tx.run(|tx| job(tx)).await;
        if !tx.has_outgrown() {
            return tx.end(outcome).await.map_err(StoreError::from);
        }
    }
    spawned(async move {
        for last in [false, true] {
            let leased = shared.connections.get().await?;
            let tx = RealmTx::begin(leased, realm, Access::Read).await;
            match bounded(&shared, attempt(tx, |tx| job(tx))).await {
                Err(Trouble::Lost(cause)) if !last => again(&cause),
                outcome => return outcome.map_err(StoreError::from),
            }
        }
        Ok(())
    })
    .await
}

async fn write_in_transaction(
    shared: &Shared,
    realm: RealmId,
    job: &WriteJob,
) -> Result<(), StoreError> {
    let mut lost = false;
    for number in 0..ATTEMPTS {
        let leased = shared.connections.get().await?;
        let access = if number < FREE_ATTEMPTS {
            Access::Write
        } else {
            Access::WriteAlone
        };
        match bounded(shared, write_once(leased, realm, access, job)).await {
            Ok(()) => return Ok(()),
            Err(Failed::Before(Trouble::Collided) | Failed::Commit(Trouble::Collided)) => {}
            Err(Failed::Before(Trouble::Lost(cause))) if !lost => {
                lost = true;
                again(&cause);
            }
            Err(Failed::Before(trouble) | Failed::Commit(trouble)) => return Err(trouble.into()),
        }
    }
    Err(Trouble::Collided.into())
}

/// Whether something may have been committed.
enum Failed {
    /// Nothing was.
    Before(Trouble),
    /// The commit was sent.
    Commit(Trouble),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Commit(trouble)
    }
}

async fn write_once(
    leased: Leased,
    realm: RealmId,
    access: Access,
    job: &WriteJob,
) -> Result<(), Failed> {
    let mut tx = RealmTx::begin(leased, realm, access).await;
    let outcome = tx.run(|tx| job(tx)).await;
    let failed = outcome.is_err() || tx.is_troubled();
    if fault::is_planted(Fault::AnswerBeforeCommit) && !failed {
        commit_late(tx);
        return Ok(());
    }
    tx.end(outcome).await.map_err(|trouble| {
        if failed {
            Failed::Before(trouble)
        } else {
            Failed::Commit(trouble)
        }
    })
}

async fn attempt(
    mut tx: RealmTx,
    job: impl for<'t> FnOnce(
        &'t mut RealmTx,
    ) -> doorward_identity::port::BoxFuture<'t, Result<(), StoreError>>,
) -> Result<(), Trouble> {
    let outcome = tx.run(job).await;
    tx.end(outcome).await
}

/// A server that is stopped answers nothing, not even a time-out of its own.
async fn bounded<T, E: From<Trouble>>(
    shared: &Shared,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let patience = shared.statement_timeout.saturating_mul(2);
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| {
            let cause = "PostgreSQL did not answer in time".to_owned();
            Err(Trouble::Store(StoreError::Unavailable(cause)).into())
        })
}

async fn spawned(
    work: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) -> Result<(), StoreError> {
    tokio::spawn(work).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable(
            "the code of a transaction panicked".to_owned(),
        ))
    })
}

fn again(cause: &str) {
    tracing::debug!(cause, "running a transaction again over another connection");
}

/// A planted fault: the answer leaves first.
fn commit_late(tx: RealmTx) {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = tx.end(Ok(())).await;
    });
}
