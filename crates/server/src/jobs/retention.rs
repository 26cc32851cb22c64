//! Removing what was over long ago, realm by realm, in pieces. Not here: how long things
//! are kept.

use crate::compose::Composed;
use crate::system::SystemClock;
use doorward_base::{Clock as _, RealmId, Timestamp};
use doorward_identity::port::{StoreError, StoreHandle};
use std::time::Duration;

/// How long a mail that was given up is kept, with its reason.
const DEAD_MAIL: Duration = Duration::from_secs(30 * 86_400);
/// The most rows removed in one transaction: it must not hold up a request.
const SLICE: u32 = 1000;

/// Removes what no realm keeps any longer; how many rows.
pub(super) async fn prune(composed: &Composed) -> Result<u64, StoreError> {
    let before = SystemClock.now().minus(DEAD_MAIL);
    let mut removed = 0;
    for served in composed.realms.all() {
        removed += prune_mail(&composed.identity.store, served.live.id, before).await?;
    }
    Ok(removed)
}

async fn prune_mail(
    store: &StoreHandle,
    realm: RealmId,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let slice = store.write(realm, move |tx| {
            Box::pin(async move { tx.prune_mail(before, SLICE).await })
        });
        let rows = slice.await?;
        removed += rows;
        if rows < u64::from(SLICE) {
            return Ok(removed);
        }
    }
}
