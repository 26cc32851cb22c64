//! Removes what was over long ago, in bounded pieces. A job calls it for each realm. Not
//! here: how long things are kept (`decide::retention`).

use super::Realm;
use crate::decide::retention::{Cutoffs, cutoffs};
use crate::port::{BoxFuture, StoreError, StoreHandle, Tx};
use doorward_base::Timestamp;
use std::time::Duration;

/// The most rows removed in one transaction: it must not hold up a request.
const SLICE: u32 = 1000;
/// The most slices of one table in one run: the rest waits for the next.
const ROUNDS: u32 = 100;

/// Removes a slice of one table.
type Slice = for<'t> fn(&'t mut dyn Tx, Cutoffs) -> BoxFuture<'t, Result<u64, StoreError>>;

/// What is removed, table by table.
const TABLES: [Slice; 9] = [
    |tx, at| tx.prune_challenges(at.challenges, SLICE),
    |tx, at| tx.prune_clients(at.tombstones, SLICE),
    |tx, at| tx.prune_epochs(at.epochs, SLICE),
    |tx, at| tx.prune_mail(at.mail, SLICE),
    |tx, at| tx.prune_webhooks(at.mail, SLICE),
    |tx, at| tx.prune_quota_use(at.epochs, SLICE),
    |tx, at| tx.prune_audit(at.audit, SLICE),
    |tx, at| tx.prune_api_tokens(at.tombstones, SLICE),
    |tx, at| tx.prune_sessions(at.sessions, SLICE),
];

/// Removes what the realm's retention no longer keeps, and says how many rows.
/// `longest_life` is how long an access token of the realm can live.
///
/// # Errors
/// [`StoreError`]; what was removed before stays removed.
pub async fn prune(
    store: &StoreHandle,
    realm: &Realm,
    longest_life: Duration,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let cutoffs = cutoffs(&realm.settings.retention, longest_life, now);
    let mut removed = 0;
    for slice in TABLES {
        for _ in 0..ROUNDS {
            let rows = store.write(realm.id, move |tx| slice(tx, cutoffs)).await?;
            removed += rows;
            if rows < u64::from(SLICE) {
                break;
            }
        }
    }
    Ok(removed)
}
