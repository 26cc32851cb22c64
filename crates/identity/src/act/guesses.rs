//! How often the password of one account may be guessed, on whichever node: by each address,
//! by all addresses together that the account was never signed in from, and from inside its
//! sessions. Addresses of nobody are counted like those of somebody, so that the limit tells
//! nothing. Whoever locks a person out needs many addresses, and never locks out a device
//! that it signed in by. Not here: limits by client address alone (the gate).

use crate::decide::audit::block_of;
use crate::model::{Device, UserAgent};
use doorward_base::limit::{Quota, QuotaError, StrictLimiter};
use doorward_base::{RealmId, Timestamp};
use doorward_jose::seal::SealError;
use doorward_jose::{DigestKey, MasterKey};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Wrong guesses an account takes of one address at once, and in each of [`PERIOD`].
const WRONG: u32 = 10;
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// Wrong guesses it takes of all strange addresses together at once, and in each hour.
const WRONG_IN_ALL: u32 = 100;
const HOUR: Duration = Duration::from_secs(3600);

/// Counts guesses by account.
#[derive(Clone)]
pub struct Guesses {
    limiter: Arc<dyn StrictLimiter>,
    key: DigestKey,
    each: Quota,
    in_all: Quota,
}

/// Where a guess comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'d> {
    /// From inside a session of the account.
    Session,
    /// From whoever wants to sign in.
    Outside {
        /// By what.
        device: &'d Device,
        /// Whether the account was signed in by it before.
        is_known: bool,
    },
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
    /// Counts with this limiter: ten wrong guesses of one address at once, then one each 90
    /// seconds; a hundred of all strange addresses at once, then a hundred an hour. Accounts are keyed by a digest
    /// that all nodes with this master key agree on, so that the limiter learns no
    /// address.
    ///
    /// # Errors
    /// [`GuessesError`].
    pub fn new(limiter: Arc<dyn StrictLimiter>, master: &MasterKey) -> Result<Self, GuessesError> {
        Ok(Self {
            limiter,
            key: DigestKey::derive(master, "guesses")?,
            each: Quota::new(WRONG, PERIOD, WRONG)?,
            in_all: Quota::new(WRONG_IN_ALL, HOUR, WRONG_IN_ALL)?,
        })
    }

    /// Takes one guess, if the account has one left, before the password is looked at:
    /// guesses made at the same time are as many as those made one after the other. Else in
    /// how many seconds there is one.
    pub(super) async fn take(
        &self,
        realm: RealmId,
        account: &str,
        from: Origin<'_>,
        now: Timestamp,
    ) -> Result<Guess<'_>, u64> {
        let key = |of: &str| self.key(&format!("{} {account}\n{of}", realm.0));
        let mut guess = Guess {
            guesses: self,
            taken: Vec::with_capacity(2),
            now,
        };
        match from {
            Origin::Session => guess.take(key("session"), self.each).await?,
            Origin::Outside {
                device,
                is_known: true,
            } => {
                let agent = device.user_agent.as_ref().map_or("", UserAgent::as_str);
                let own = format!("by {} {agent}", network(device));
                guess.take(key(&own), self.each).await?;
            }
            Origin::Outside {
                device,
                is_known: false,
            } => {
                let own = format!("from {}", network(device));
                guess.take(key(&own), self.each).await?;
                guess.take(key("all"), self.in_all).await?;
            }
        }
        Ok(guess)
    }

    fn key(&self, text: &str) -> u128 {
        let digest = self.key.digest(text.as_bytes());
        let start = digest.as_bytes().first_chunk::<16>();
        start.map_or(0, |start| u128::from_be_bytes(*start))
    }
}

/// The address of a device, as far as it is one holder's.
fn network(device: &Device) -> String {
    let text = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        v6 @ IpAddr::V6(_) => block_of(v6).to_string(),
    };
    device.address.map_or_else(String::new, text)
}

/// One guess that was taken. It stays so, also if whoever made it goes away.
pub(super) struct Guess<'g> {
    guesses: &'g Guesses,
    taken: Vec<(u128, Quota)>,
    now: Timestamp,
}

impl Guess<'_> {
    async fn take(&mut self, key: u128, quota: Quota) -> Result<(), u64> {
        let verdict = self.guesses.limiter.take(key, quota, self.now).await;
        if verdict.allowed {
            self.taken.push((key, quota));
            return Ok(());
        }
        // What is not looked at is not counted anywhere.
        self.undo();
        Err(verdict.retry_after_seconds())
    }

    fn undo(&mut self) {
        for (key, quota) in self.taken.drain(..) {
            self.guesses.limiter.give_back(key, quota, self.now);
        }
    }

    /// It was no guess: the password was right, or was not looked at.
    pub(super) fn give_back(mut self) {
        self.undo();
    }
}

impl fmt::Debug for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guesses")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::limit::LocalLimiter;
    use doorward_base::testing::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn guesses() -> Guesses {
        let master = MasterKey::generate(&SeededEntropy::new(1));
        Guesses::new(Arc::new(LocalLimiter::new(100_000)), &master).unwrap()
    }

    fn device(address: &str) -> Device {
        Device {
            address: Some(address.parse().unwrap()),
            user_agent: UserAgent::clean("browser"),
        }
    }

    /// Guesses until it is refused, at most 1,000 times; how often it was not.
    async fn guess(guesses: &Guesses, from: Origin<'_>, now: Timestamp) -> u32 {
        for number in 0..1000 {
            if guesses.take(RealmId(1), "ada", from, now).await.is_err() {
                return number;
            }
        }
        1000
    }

    fn strange(device: &Device) -> Origin<'_> {
        Origin::Outside {
            device,
            is_known: false,
        }
    }

    fn known(device: &Device) -> Origin<'_> {
        Origin::Outside {
            device,
            is_known: true,
        }
    }

    /// X3: one address locks out itself; it takes ten to lock out strangers, and none locks
    /// out a known device or a session.
    #[tokio::test]
    async fn a_lockout_takes_many_addresses_and_spares_who_is_known() {
        let guesses = guesses();
        for number in 0..10 {
            let from = device(&format!("198.51.100.{number}"));
            assert_eq!(guess(&guesses, strange(&from), NOW).await, 10, "{number}");
        }
        let (other, home) = (device("203.0.113.1"), device("203.0.113.2"));
        assert_eq!(guess(&guesses, strange(&other), NOW).await, 0);
        assert_eq!(guess(&guesses, known(&home), NOW).await, 10);
        let elsewhere = Device {
            user_agent: None,
            ..home.clone()
        };
        assert_eq!(guess(&guesses, known(&elsewhere), NOW).await, 10);
        assert_eq!(guess(&guesses, Origin::Session, NOW).await, 10);
        // It wears off, when it is said.
        let wait = guesses.take(RealmId(1), "ada", known(&home), NOW).await;
        assert_eq!(wait.err(), Some(90));
        let wait = guesses.take(RealmId(1), "ada", strange(&other), NOW).await;
        assert_eq!(wait.err(), Some(36), "of all strange addresses");
        let later = NOW.plus(Duration::from_secs(91));
        assert_eq!(guess(&guesses, known(&home), later).await, 1);
        assert_eq!(guess(&guesses, strange(&other), later).await, 2);
    }

    #[tokio::test]
    async fn a_household_is_one_address() {
        let guesses = guesses();
        let (one, other) = (device("2001:db8::1"), device("2001:db8::2"));
        assert_eq!(guess(&guesses, strange(&one), NOW).await, 10);
        assert_eq!(guess(&guesses, strange(&other), NOW).await, 0);
    }

    #[tokio::test]
    async fn a_right_password_takes_nothing() {
        let guesses = guesses();
        let from = device("198.51.100.1");
        for _ in 0..200 {
            let taken = guesses.take(RealmId(1), "ada", strange(&from), NOW).await;
            taken.unwrap().give_back();
        }
        assert_eq!(guess(&guesses, strange(&from), NOW).await, 10);
    }
}
