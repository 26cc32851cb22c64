//! Runs use-cases: in one transaction each, again when they collide, on another
//! connection when theirs was lost before it could have committed anything. Not here:
//! the transaction itself (`tx`).

use super::pool::Leased;
use super::scope::Trouble;
use super::shared::Shared;
use super::tx::{Access, Ended, RealmTx};
use crate::engine::InRealm;
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
        let mut tx = InRealm(RealmTx::light(&shared, realm));
        let outcome = tx.run(|tx| job(tx)).await;
        if !tx.0.has_outgrown() {
            if fault::is_planted(Fault::AnswerBeforeCommit) && outcome.is_ok() {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let _ = tx.0.end_light(Ok(())).await;
                });
                return Ok(());
            }
            if tx.0.end_light(outcome).await? {
                return Ok(());
            }
        }
    }
    let running = shared.running.clone().read_owned().await;
    // A task of its own: a caller that goes away leaves no transaction half-way. A server
    // that is stopped answers nothing, not even a time-out of its own.
    spawned(async move {
        let work = write_in_transaction(&shared, realm, &job);
        let done = tokio::time::timeout(shared.patience(), work).await;
        drop(running);
        done.unwrap_or_else(|_| Err(silent()))
    })
    .await
}

/// Runs reads over one snapshot.
pub(super) async fn read(
    shared: &Arc<Shared>,
    realm: RealmId,
    extent: Extent,
    job: ReadJob<'static>,
) -> Result<(), StoreError> {
    if extent == Extent::OneLookUp {
        let mut tx = InRealm(RealmTx::light(shared, realm));
        let outcome = tx.run(|tx| job(tx)).await;
        if !tx.0.has_outgrown() {
            tx.0.end_light(outcome).await?;
            return Ok(());
        }
    }
    let connections = shared.for_extent(extent);
    for last in [false, true] {
        let leased = connections.get().await?;
        let attempt = async {
            let mut tx = InRealm(RealmTx::begin(leased, realm, Access::Read).await);
            let outcome = tx.run(|tx| job(tx)).await;
            tx.0.end(outcome).await
        };
        match tokio::time::timeout(shared.patience(), attempt).await {
            Err(_) => return Err(silent()),
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Ended {
                trouble: Trouble::Lost(cause),
                ..
            })) if !last => again(&cause),
            Ok(Err(ended)) => return Err(ended.trouble.into()),
        }
    }
    Ok(())
}

async fn write_in_transaction(
    shared: &Shared,
    realm: RealmId,
    job: &WriteJob,
) -> Result<(), StoreError> {
    let mut lost = false;
    for number in 0..ATTEMPTS {
        // Who runs alone waits for its turn here first, and so do those that come after it
        // and would wait behind it at the server: none of them keeps a connection meanwhile.
        let (_shared, _alone, access) = if number < FREE_ATTEMPTS {
            (Some(shared.turn.read().await), None, Access::Write)
        } else {
            (None, Some(shared.turn.write().await), Access::WriteAlone)
        };
        let leased = shared.connections.get().await?;
        match write_once(leased, realm, access, job).await {
            Ok(()) => return Ok(()),
            Err(Ended {
                trouble: Trouble::Collided,
                ..
            }) => {}
            Err(Ended {
                trouble: Trouble::Lost(cause),
                committing: false,
            }) if !lost => {
                lost = true;
                again(&cause);
            }
            Err(ended) => return Err(ended.trouble.into()),
        }
    }
    Err(Trouble::Collided.into())
}

async fn write_once(
    leased: Leased,
    realm: RealmId,
    access: Access,
    job: &WriteJob,
) -> Result<(), Ended> {
    let mut tx = InRealm(RealmTx::begin(leased, realm, access).await);
    let outcome = tx.run(|tx| job(tx)).await;
    if fault::is_planted(Fault::AnswerBeforeCommit) && outcome.is_ok() && !tx.0.is_troubled() {
        commit_late(tx.0);
        return Ok(());
    }
    tx.0.end(outcome).await
}

fn silent() -> StoreError {
    StoreError::Unavailable("PostgreSQL did not answer in time".to_owned())
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
