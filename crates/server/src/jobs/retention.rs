//! Removing what was over long ago, realm by realm. Not here: how long things are kept,
//! and in which pieces they go (`identity::act::prune`).

use crate::compose::Composed;
use crate::system::SystemClock;
use doorward_base::Clock as _;
use doorward_identity::act;
use doorward_identity::port::StoreError;

/// Removes what no realm keeps any longer; how many rows.
pub(super) async fn prune(composed: &Composed) -> Result<u64, StoreError> {
    let (store, now) = (&composed.identity.store, SystemClock.now());
    let mut removed = 0;
    for served in composed.realms.all() {
        removed += act::prune(store, &served.realm, served.longest_life, now).await?;
    }
    Ok(removed)
}
