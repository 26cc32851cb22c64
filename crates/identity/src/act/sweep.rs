//! Takes away what is left of deleted subjects and tenants, in pieces. Not here: deleting
//! them, which lets nothing of theirs live.

use super::Identity;
use super::delete_user::SWEEP;
use crate::port::StoreError;
use doorward_base::Timestamp;

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
    }
    Ok(swept)
}
