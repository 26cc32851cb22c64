//! Takes away what is left of deleted subjects and tenants, and writes into tokens that they
//! ended together with others, in pieces. Not here: deleting and ending, which let nothing of
//! theirs live.

use super::Identity;
use super::delete_user::SWEEP;
use crate::port::StoreError;
use doorward_base::{RealmId, Timestamp};

/// The most pieces of one realm in one run: the rest waits for the next.
const ROUNDS: u32 = 50;

/// Takes a piece away in each realm that has any left, configured or not; returns how many
/// rows.
///
/// # Errors
/// [`StoreError`].
pub async fn sweep_erased(identity: &Identity, now: Timestamp) -> Result<u64, StoreError> {
    let mut swept = 0;
    for realm in identity.store.engine().list_unswept().await? {
        let piece = identity.store.write(realm, move |tx| {
            Box::pin(async move { tx.sweep_erased(now, SWEEP).await })
        });
        swept += piece.await?;
        swept += settle(identity, realm).await?;
    }
    Ok(swept)
}

/// Writes into tokens that they ended.
async fn settle(identity: &Identity, realm: RealmId) -> Result<u64, StoreError> {
    let mut settled = 0;
    for _ in 0..ROUNDS {
        let piece = identity.store.write(realm, |tx| {
            Box::pin(async move { tx.settle_endings(SWEEP).await })
        });
        let rows = piece.await?;
        settled += rows;
        if rows < u64::from(SWEEP) {
            break;
        }
    }
    Ok(settled)
}
