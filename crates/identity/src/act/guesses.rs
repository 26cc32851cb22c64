//! How often the password of one account may be guessed, from wherever the guesses
//! come and on whichever node: known and unknown addresses alike, so that the limit
//! tells nothing. Not here: limits by client address (the gate).

use doorward_base::limit::{Quota, QuotaError, StrictLimiter};
use doorward_base::{RealmId, Timestamp};
use doorward_jose::seal::SealError;
use doorward_jose::{DigestKey, MasterKey};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Wrong guesses an account takes at once, and in each of [`PERIOD`].
const WRONG: u32 = 10;
const PERIOD: Duration = Duration::from_secs(15 * 60);

/// Counts guesses by account.
#[derive(Clone)]
pub struct Guesses {
    limiter: Arc<dyn StrictLimiter>,
    key: DigestKey,
    quota: Quota,
}

/// Why guesses cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GuessesError {
    /// Never, unless the constants here are nonsense.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The cryptographic library failed.
    #[error(transparent)]
    Key(#[from] SealError),
}

impl Guesses {
    /// Counts with this limiter: ten wrong guesses at once, then one each 90 seconds.
    /// Who knows the password waits at most that long. Accounts are keyed by a digest
    /// that all nodes with this master key agree on, so that the limiter learns no
    /// address.
    ///
    /// # Errors
    /// [`GuessesError`].
    pub fn new(limiter: Arc<dyn StrictLimiter>, master: &MasterKey) -> Result<Self, GuessesError> {
        Ok(Self {
            limiter,
            key: DigestKey::derive(master, "guesses")?,
            quota: Quota::new(WRONG, PERIOD, WRONG)?,
        })
    }

    /// Takes one guess, if the account has one left, before the password is looked at:
    /// guesses made at the same time are as many as those made one after the other.
    pub(super) async fn take(
        &self,
        realm: RealmId,
        account: &str,
        now: Timestamp,
    ) -> Option<Guess<'_>> {
        let digest = self.key.digest(format!("{} {account}", realm.0).as_bytes());
        let start = digest.as_bytes().first_chunk::<16>();
        let key = start.map_or(0, |start| u128::from_be_bytes(*start));
        let verdict = self.limiter.take(key, self.quota, now).await;
        verdict.allowed.then_some(Guess {
            guesses: self,
            key,
            now,
        })
    }
}

/// One guess that was taken. It stays so, also if whoever made it goes away.
pub(super) struct Guess<'g> {
    guesses: &'g Guesses,
    key: u128,
    now: Timestamp,
}

impl Guess<'_> {
    /// It was no guess: the password was right, or was not looked at.
    pub(super) fn give_back(self) {
        let Guesses { limiter, quota, .. } = self.guesses;
        limiter.give_back(self.key, *quota, self.now);
    }
}

impl fmt::Debug for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guesses")
    }
}
