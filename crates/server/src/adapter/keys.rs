//! The realms' own verification keys. A key that this process does not know yet may
//! have been put to use by another one a moment ago: the change log is read once before
//! a token is refused for it.

use crate::adapter::LEASE;
use crate::feed::Feed;
use crate::realms::Realms;
use async_trait::async_trait;
use doorward_base::RealmName;
use doorward_gate::port::IssuerKeys;
use doorward_jose::key_set::KeySet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// How far apart two looks at the change log are that tokens caused, so that made-up
/// key ids do not load the store.
const COOLDOWN: Duration = Duration::from_millis(100);

/// Reads the keyrings in force.
pub(crate) struct RealmKeys {
    realms: Arc<Realms>,
    looks: Looks,
    feed: Arc<Feed>,
}

impl RealmKeys {
    /// For these realms.
    pub(crate) fn new(realms: Arc<Realms>, feed: Arc<Feed>) -> Self {
        Self {
            realms,
            looks: Looks::default(),
            feed,
        }
    }
}

#[async_trait]
impl IssuerKeys for RealmKeys {
    fn own(&self, realm: &RealmName) -> Option<(Arc<KeySet>, u64)> {
        let served = self.realms.get(realm)?;
        // The generation first: if the keys change in between, the cache is emptied
        // once too often, never once too seldom.
        let generation = served.live.key_generation();
        Some((Arc::clone(served.realm.keyring().inbound()), generation))
    }

    fn own_generation(&self, realm: &RealmName) -> u64 {
        self.realms
            .get(realm)
            .map_or(0, |served| served.live.key_generation())
    }

    async fn look_again(&self, _: &RealmName) {
        // A store that is not there is not waited for: the token is refused.
        if self.feed.silence() > LEASE {
            return;
        }
        let look = async || {
            if let Err(error) = self.feed.catch_up().await {
                tracing::debug!(%error, "new keys could not be looked for");
            }
        };
        self.looks.share(look).await;
    }
}

/// One look at a time, a cooldown apart, shared by all who asked before it began.
#[derive(Default)]
struct Looks(Mutex<Option<Instant>>);

impl Looks {
    /// Returns after a look that began after this call.
    async fn share(&self, look: impl AsyncFnOnce()) {
        let asked = Instant::now();
        let mut began = self.0.lock().await;
        if let Some(last) = *began {
            if last > asked {
                return;
            }
            sleep_until(last + COOLDOWN).await;
        }
        // Stamped on the attempt: one that fails is not repeated at once either.
        *began = Some(Instant::now());
        look().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::task::JoinSet;

    #[tokio::test(start_paused = true)]
    async fn made_up_key_ids_share_a_look_and_looks_are_apart() {
        let (looks, taken) = (Arc::new(Looks::default()), Arc::new(AtomicU64::new(0)));
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for _ in 0..500 {
            let (looks, taken) = (Arc::clone(&looks), Arc::clone(&taken));
            asking.spawn(async move {
                for _ in 0..10 {
                    looks
                        .share(async || {
                            taken.fetch_add(1, Ordering::SeqCst);
                        })
                        .await;
                }
            });
        }
        asking.join_all().await;
        let taken = taken.load(Ordering::SeqCst);
        let room = began.elapsed().as_millis() / COOLDOWN.as_millis() + 1;
        assert!(taken > 1 && u128::from(taken) <= room, "{taken} of {room}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_began_earlier_is_not_enough() {
        let looks = Looks::default();
        let taken = AtomicU64::new(0);
        let look = async || {
            taken.fetch_add(1, Ordering::SeqCst);
        };
        looks.share(look).await;
        tokio::time::advance(COOLDOWN * 2).await;
        looks.share(look).await;
        assert_eq!(taken.load(Ordering::SeqCst), 2);
    }
}
