//! Removes what was over long ago, in bounded pieces. A job calls it for each realm. Not
//! here: how long things are kept (`decide::retention`).

use super::Context;
use crate::decide::retention::{Cutoffs, cutoffs};
use crate::port::{BoxFuture, StoreError, Tx};
use std::time::Duration;

/// The most rows removed in one transaction.
const SLICE: u32 = 1000;
/// The most slices of one table in one run: the rest waits for the next.
const ROUNDS: u32 = 100;

/// How many rows were removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// Challenges that expired.
    pub challenges: u64,
    /// Clients that were revoked.
    pub clients: u64,
    /// Epochs that no access token is older than.
    pub epochs: u64,
}

/// Removes what the realm's retention no longer keeps. `longest_life` is how long an
/// access token of the realm can live.
///
/// # Errors
/// [`StoreError`]; what was removed before stays removed.
pub async fn prune(ctx: Context<'_>, longest_life: Duration) -> Result<Pruned, StoreError> {
    let cutoffs = cutoffs(&ctx.realm.settings.retention, longest_life, ctx.call.now);
    Ok(Pruned {
        challenges: slices(ctx, cutoffs, |tx, at| {
            tx.prune_challenges(at.challenges, SLICE)
        })
        .await?,
        clients: slices(ctx, cutoffs, |tx, at| {
            tx.prune_clients(at.tombstones, SLICE)
        })
        .await?,
        epochs: slices(ctx, cutoffs, |tx, at| tx.prune_epochs(at.epochs, SLICE)).await?,
    })
}

async fn slices(
    ctx: Context<'_>,
    cutoffs: Cutoffs,
    slice: for<'t> fn(&'t mut dyn Tx, Cutoffs) -> BoxFuture<'t, Result<u64, StoreError>>,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for _ in 0..ROUNDS {
        let store = &ctx.identity.store;
        let done = store
            .write(ctx.realm.id, move |tx| slice(tx, cutoffs))
            .await?;
        removed += done;
        if done < u64::from(SLICE) {
            break;
        }
    }
    Ok(removed)
}
