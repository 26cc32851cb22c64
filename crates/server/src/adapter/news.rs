//! What another process did to the keys a moment ago: the change log is read once
//! before a token is refused for a key that this process does not know. Not here: which
//! tokens that is (`keys`, and identity's look-up of API tokens).

use crate::adapter::LEASE;
use crate::feed::Feed;
use async_trait::async_trait;
use doorward_identity::act::KeyNews;
use doorward_identity::port::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// How far apart two looks at the change log are that tokens caused, so that made-up
/// tokens do not load the store.
const COOLDOWN: Duration = Duration::from_millis(100);

/// The feed, asked for by tokens.
pub(crate) struct FeedNews {
    feed: Arc<Feed>,
    looks: Looks,
}

impl FeedNews {
    /// News from this feed.
    pub(crate) fn new(feed: Arc<Feed>) -> Self {
        Self {
            feed,
            looks: Looks::default(),
        }
    }
}

#[async_trait]
impl KeyNews for FeedNews {
    async fn catch_up(&self) -> Result<(), StoreError> {
        // A store that is not there is not waited for.
        if self.feed.silence() > LEASE {
            let problem = "the change log cannot be read".to_owned();
            return Err(StoreError::Unavailable(problem));
        }
        self.looks.share(async || self.feed.catch_up().await).await
    }
}

/// One look at a time, a cooldown apart, shared by all who asked before it began.
#[derive(Default)]
struct Looks(Mutex<Option<Look>>);

/// When a look began, and how it ended.
struct Look {
    began: Instant,
    outcome: Result<(), StoreError>,
}

impl Looks {
    /// The outcome of a look that began after this call.
    async fn share(
        &self,
        look: impl AsyncFnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some(last) = &*last {
            if last.began > asked {
                return last.outcome.clone();
            }
            sleep_until(last.began + COOLDOWN).await;
        }
        // Stamped on the attempt: one that fails, or that nobody waits for any more, is
        // not repeated at once either.
        let unfinished = StoreError::Unavailable("a look at the change log ended early".to_owned());
        let began = Instant::now();
        let look_of = |outcome| Some(Look { began, outcome });
        *last = look_of(Err(unfinished));
        let outcome = look().await;
        *last = look_of(outcome.clone());
        outcome
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
                            Ok(())
                        })
                        .await
                        .unwrap();
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
            Err(StoreError::Awaited)
        };
        assert_eq!(looks.share(look).await, Err(StoreError::Awaited));
        tokio::time::advance(COOLDOWN * 2).await;
        assert_eq!(looks.share(look).await, Err(StoreError::Awaited));
        assert_eq!(taken.load(Ordering::SeqCst), 2);
    }
}
