//! Whose turn it is to have passwords hashed: who gives others passwords has one hashed at a
//! time, and so many a minute, and all who do have half of the pool together. A hash costs
//! what many requests cost, and whoever wants in must not wait for who makes users. Not here:
//! the pool, and how often passwords are guessed (`guesses`).

use super::work::Failure;
use crate::decide::refusal::Reason;
use doorward_base::limit::{Limiter as _, LocalLimiter, Quota};
use doorward_base::{SubjectId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// How many passwords one may give at once, and in each [`MINUTE`].
const A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);
/// How many makers are remembered.
const MAKERS: usize = 10_000;

/// The turns of all makers.
pub(super) struct Turns {
    /// Who has a turn or waits for one.
    makers: Mutex<HashMap<SubjectId, Weak<Semaphore>>>,
    /// What all of them have of the pool.
    share: Arc<Semaphore>,
    counts: LocalLimiter,
    /// Never nothing, unless the constants here are nonsense.
    quota: Option<Quota>,
}

/// A turn. It ends when dropped.
#[derive(Debug, Default)]
pub(super) struct Turn {
    _held: Option<[OwnedSemaphorePermit; 2]>,
}

impl Turns {
    /// Turns at a pool of this many places.
    pub(super) fn new(places: usize) -> Self {
        Self {
            makers: Mutex::default(),
            share: Arc::new(Semaphore::new((places / 2).max(1))),
            counts: LocalLimiter::new(MAKERS),
            quota: Quota::new(A_MINUTE, MINUTE, A_MINUTE).ok(),
        }
    }

    /// A turn of this maker; whoever is at the machine needs none. Without one, in how many
    /// seconds it may come again.
    ///
    /// # Errors
    /// [`Failure::Busy`] after `patience`.
    pub(super) async fn take<R: Reason>(
        &self,
        maker: Option<SubjectId>,
        patience: Duration,
        now: Timestamp,
    ) -> Result<Result<Turn, u64>, Failure<R>> {
        let Some(maker) = maker else {
            return Ok(Ok(Turn::default()));
        };
        if let Err(seconds) = self.count(maker, now) {
            return Ok(Err(seconds));
        }
        // Its own first: who waits for itself keeps nobody else out.
        let own = self.own(maker);
        let waiting = async {
            let own = own.acquire_owned().await?;
            let share = Arc::clone(&self.share).acquire_owned().await?;
            Ok::<_, AcquireError>([own, share])
        };
        match tokio::time::timeout(patience, waiting).await {
            Ok(Ok(held)) => Ok(Ok(Turn { _held: Some(held) })),
            Ok(Err(_)) | Err(_) => Err(Failure::Busy),
        }
    }

    /// Counts one of this maker; if there are too many, in how many seconds there are not.
    fn count(&self, maker: SubjectId, now: Timestamp) -> Result<(), u64> {
        let Some(quota) = &self.quota else {
            return Ok(());
        };
        // Ids are drawn by us, each once in all realms.
        let key = u128::from_be_bytes(*maker.as_bytes());
        let verdict = self.counts.check(key, quota, now);
        match verdict.allowed {
            true => Ok(()),
            false => Err(verdict.retry_after_seconds()),
        }
    }

    fn own(&self, maker: SubjectId) -> Arc<Semaphore> {
        let mut makers = self.makers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = makers.get(&maker).and_then(Weak::upgrade) {
            return own;
        }
        makers.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(1));
        makers.insert(maker, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::refusal::ManageRefusal;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const PATIENCE: Duration = Duration::from_secs(1);

    fn maker(number: u8) -> Option<SubjectId> {
        Some(SubjectId::from_bytes([number; 16]))
    }

    async fn take(turns: &Turns, who: u8) -> Result<Result<Turn, u64>, Failure<ManageRefusal>> {
        turns.take(maker(who), PATIENCE, NOW).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_maker_has_one_turn_at_a_time_and_all_have_half_of_the_pool() {
        let turns = Turns::new(4);
        let first = take(&turns, 1).await.unwrap().unwrap();
        assert!(matches!(take(&turns, 1).await, Err(Failure::Busy)));
        let second = take(&turns, 2).await.unwrap().unwrap();
        assert!(matches!(take(&turns, 3).await, Err(Failure::Busy)));
        drop(second);
        let third = take(&turns, 3).await.unwrap().unwrap();
        // Whoever sits at the machine makes whom it likes.
        let none: Result<_, Failure<ManageRefusal>> = turns.take(None, PATIENCE, NOW).await;
        none.unwrap().unwrap();
        drop((first, third));
        let _again = take(&turns, 1).await.unwrap().unwrap();
        assert_eq!(
            turns.makers.lock().unwrap().len(),
            1,
            "who left is forgotten"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_of_one_place_is_shared_too() {
        let turns = Turns::new(1);
        let held = take(&turns, 1).await.unwrap().unwrap();
        assert!(matches!(take(&turns, 2).await, Err(Failure::Busy)));
        drop(held);
        let _next = take(&turns, 2).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_maker_has_sixty_turns_a_minute_and_takes_none_of_others() {
        let turns = Turns::new(2);
        for _ in 0..A_MINUTE {
            drop(take(&turns, 1).await.unwrap().unwrap());
        }
        assert_eq!(take(&turns, 1).await.unwrap().unwrap_err(), 1);
        drop(take(&turns, 2).await.unwrap().unwrap());
        let later = NOW.plus(Duration::from_secs(1));
        let again: Result<_, Failure<ManageRefusal>> = turns.take(maker(1), PATIENCE, later).await;
        drop(again.unwrap().unwrap());
    }
}
