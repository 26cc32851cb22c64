//! How often the password of one account may be guessed, from wherever the guesses
//! come: known and unknown addresses alike, so that the limit tells nothing. Not here:
//! limits by client address (the gate).

use doorward_base::limit::{Limiter, Quota, QuotaError};
use doorward_base::{RealmId, Timestamp};
use doorward_jose::digest::sha256;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Wrong guesses an account takes at once, and in each of [`PERIOD`].
const WRONG: u32 = 10;
const PERIOD: Duration = Duration::from_secs(15 * 60);

/// Counts wrong guesses by account.
#[derive(Clone)]
pub struct Guesses {
    limiter: Arc<dyn Limiter>,
    quota: Quota,
}

impl Guesses {
    /// Counts with this limiter: ten wrong guesses at once, then one each 90 seconds.
    /// Who knows the password waits at most that long.
    ///
    /// # Errors
    /// [`QuotaError`] never, unless the constants here are nonsense.
    pub fn new(limiter: Arc<dyn Limiter>) -> Result<Self, QuotaError> {
        let quota = Quota::new(WRONG, PERIOD, WRONG)?;
        Ok(Self { limiter, quota })
    }

    /// Whether another guess is looked at.
    pub(super) fn may_guess(&self, realm: RealmId, account: &str, now: Timestamp) -> bool {
        self.limiter
            .peek(key(realm, account), &self.quota, now)
            .allowed
    }

    /// Counts a wrong guess.
    pub(super) fn was_wrong(&self, realm: RealmId, account: &str, now: Timestamp) {
        self.limiter.check(key(realm, account), &self.quota, now);
    }
}

fn key(realm: RealmId, account: &str) -> u128 {
    let digest = sha256(format!("guesses {} {account}", realm.0).as_bytes());
    digest
        .first_chunk::<16>()
        .map_or(0, |start| u128::from_be_bytes(*start))
}

impl fmt::Debug for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guesses")
    }
}
