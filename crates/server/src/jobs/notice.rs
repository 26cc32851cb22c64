//! Telling tenants of tokens that will stop, and delivering what waits for webhooks. Not here:
//! what is told, and when (`identity`).

use crate::compose::Composed;
use crate::system::SystemClock;
use doorward_base::Clock as _;
use doorward_identity::act::{self, webhook};
use doorward_identity::port::StoreError;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many webhooks are delivered to at once: one that does not answer holds up its own realm
/// alone.
const AT_ONCE: usize = 16;

/// Tells of what is due in every realm; how many digests.
pub(super) async fn notify(composed: &Composed) -> Result<u64, StoreError> {
    let (identity, now) = (&composed.identity, SystemClock.now());
    let mut digests = 0;
    for served in composed.realms.all() {
        digests += act::notify(identity, &served.realm, now).await?;
    }
    Ok(digests)
}

/// Delivers what is due; how many messages.
pub(super) async fn deliver(composed: &Composed) -> Result<u64, StoreError> {
    let (mut delivered, mut delivering) = (0, JoinSet::new());
    for served in composed.realms.all() {
        if served.realm.settings.notices.webhook.is_none() {
            continue;
        }
        if delivering.len() >= AT_ONCE {
            delivered += one(&mut delivering).await?;
        }
        let realm = Arc::clone(&served.realm);
        let identity = Arc::clone(&composed.identity);
        let courier = Arc::clone(&composed.courier);
        delivering.spawn(async move {
            let now = SystemClock.now();
            webhook::deliver(&identity, &realm, &*courier, now).await
        });
    }
    while !delivering.is_empty() {
        delivered += one(&mut delivering).await?;
    }
    Ok(delivered)
}

/// What the next that ends has delivered.
async fn one(delivering: &mut JoinSet<Result<u64, StoreError>>) -> Result<u64, StoreError> {
    match delivering.join_next().await {
        Some(Ok(delivered)) => delivered,
        Some(Err(error)) => Err(StoreError::Unavailable(error.to_string())),
        None => Ok(0),
    }
}
