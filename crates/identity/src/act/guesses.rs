//! How often the password of one account may be guessed, on whichever node: by each address,
//! by all addresses together that the account was never signed in from, and from inside its
//! sessions. Addresses of nobody are counted like those of somebody, so that the limit tells
//! nothing. Whoever locks a person out needs many addresses, and never locks out a device
//! that it signed in by.
//!
//! Beside guesses, sign-ins are counted, right or wrong, because each costs a hash: those of
//! strangers by address alone, those of a known device by themselves, so that no neighbour
//! uses them up. So are passwords that are shown inside sessions, by account and by address.
//! Not here: what all passwords together may cost (`password`).

use crate::model::{Device, UserAgent};
use doorward_base::limit::{Quota, QuotaError, StrictLimiter};
use doorward_base::network::{holder, link, site};
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
/// Sign-ins, right or wrong, of all strangers at one address, or of one known device, and how
/// many more a minute: a person mistypes, a guesser repeats. As many passwords are shown
/// inside the sessions of one account, or of all accounts at one address.
const SIGN_INS: u32 = 40;
const SIGN_INS_A_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts guesses by account.
#[derive(Clone)]
pub struct Guesses {
    limiter: Arc<dyn StrictLimiter>,
    key: DigestKey,
    each: Quota,
    in_all: Quota,
    often: Quota,
}

/// Where a guess comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'d> {
    /// From inside a session of the account.
    Session {
        /// Where its caller is.
        address: Option<IpAddr>,
    },
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
    /// seconds; a hundred of all strange addresses at once, then a hundred an hour; forty
    /// sign-ins of all strangers at one address or of one known device at once, then twenty a
    /// minute. Accounts are keyed by a digest that all nodes with this master key agree on, so
    /// that the limiter learns no address.
    ///
    /// # Errors
    /// [`GuessesError`].
    pub fn new(limiter: Arc<dyn StrictLimiter>, master: &MasterKey) -> Result<Self, GuessesError> {
        Ok(Self {
            limiter,
            key: DigestKey::derive(master, "guesses")?,
            each: Quota::new(WRONG, PERIOD, WRONG)?,
            in_all: Quota::new(WRONG_IN_ALL, HOUR, WRONG_IN_ALL)?,
            often: Quota::new(SIGN_INS_A_MINUTE, MINUTE, SIGN_INS)?,
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
        let realm = realm.0;
        let key = |of: &str| self.key(&format!("{realm} {account}\n{of}"));
        let mut guess = Guess {
            guesses: self,
            taken: Vec::with_capacity(2),
            begun: Vec::with_capacity(2),
            now,
        };
        match from {
            Origin::Session { address } => {
                let at = format!("{realm}\nshown at {}", text(address, holder));
                guess.begin(self.key(&at)).await?;
                guess.begin(key("shown")).await?;
                guess.take(key("session"), self.each).await?;
            }
            Origin::Outside {
                device,
                is_known: true,
            } => {
                let agent = device.user_agent.as_ref().map_or("", UserAgent::as_str);
                let own = format!("by {} {agent}", text(device.address, link));
                guess.begin(key(&format!("often {own}"))).await?;
                guess.take(key(&own), self.each).await?;
            }
            Origin::Outside {
                device,
                is_known: false,
            } => {
                let own = format!("from {}", text(device.address, site));
                let at = format!("{realm}\nat {}", text(device.address, holder));
                guess.begin(self.key(&at)).await?;
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

/// Where somebody is, as far as `of` looks.
fn text(address: Option<IpAddr>, of: fn(IpAddr) -> IpAddr) -> String {
    let address = address.map(of);
    address.map_or_else(String::new, |address| address.to_string())
}

/// One guess that was taken. It stays so, also if whoever made it goes away.
pub(super) struct Guess<'g> {
    guesses: &'g Guesses,
    taken: Vec<(u128, Quota)>,
    /// What counts it whatever the password is.
    begun: Vec<u128>,
    now: Timestamp,
}

impl Guess<'_> {
    async fn begin(&mut self, key: u128) -> Result<(), u64> {
        let quota = self.guesses.often;
        let verdict = self.guesses.limiter.take(key, quota, self.now).await;
        if verdict.allowed {
            self.begun.push(key);
            return Ok(());
        }
        self.forget();
        Err(verdict.retry_after_seconds())
    }

    async fn take(&mut self, key: u128, quota: Quota) -> Result<(), u64> {
        let verdict = self.guesses.limiter.take(key, quota, self.now).await;
        if verdict.allowed {
            self.taken.push((key, quota));
            return Ok(());
        }
        self.forget();
        Err(verdict.retry_after_seconds())
    }

    /// What is not looked at is not counted anywhere.
    fn forget(&mut self) {
        self.undo();
        let often = self.guesses.often;
        for key in self.begun.drain(..) {
            self.guesses.limiter.give_back(key, often, self.now);
        }
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

    fn inside(address: &str) -> Origin<'static> {
        Origin::Session {
            address: Some(address.parse().unwrap()),
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
        assert_eq!(guess(&guesses, inside("203.0.113.2"), NOW).await, 10);
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
    async fn a_site_is_one_address() {
        let guesses = guesses();
        let (one, other) = (device("2001:db8::1"), device("2001:db8:0:ffff::2"));
        assert_eq!(guess(&guesses, strange(&one), NOW).await, 10);
        assert_eq!(guess(&guesses, strange(&other), NOW).await, 0);
    }

    #[tokio::test]
    async fn a_right_password_takes_nothing() {
        let guesses = guesses();
        let from = device("198.51.100.1");
        for _ in 0..30 {
            let taken = guesses.take(RealmId(1), "ada", strange(&from), NOW).await;
            taken.unwrap().give_back();
        }
        assert_eq!(guess(&guesses, strange(&from), NOW).await, 10);
    }

    /// Signs in to so many accounts, each with a wrong password or the right one, until it is
    /// refused; how often it was not, and for how long it then is.
    async fn sign_ins(guesses: &Guesses, from: Origin<'_>, is_right: bool) -> (u32, u64) {
        for number in 0..1000 {
            let account = format!("user{number}");
            match guesses.take(RealmId(1), &account, from, NOW).await {
                Ok(guess) if is_right => guess.give_back(),
                Ok(_) => {}
                Err(wait) => return (number, wait),
            }
        }
        (1000, 0)
    }

    /// X3: who tries many accounts is stopped at its address, with all its networks, and right
    /// passwords are no way around: each costs a hash. A known device of a neighbour is not.
    #[tokio::test]
    async fn an_address_signs_in_so_often_and_a_known_device_has_its_own() {
        for is_right in [false, true] {
            let guesses = guesses();
            let from = device("2001:db8::1");
            assert_eq!(sign_ins(&guesses, strange(&from), is_right).await, (40, 3));
            let beside = device("2001:db8:0:ff::1");
            assert_eq!(sign_ins(&guesses, strange(&beside), is_right).await, (0, 3));
            // The same account from where it is known, and from elsewhere.
            assert_eq!(guess(&guesses, known(&from), NOW).await, 10);
            let elsewhere = device("2001:db8:0:100::1");
            assert_eq!(guess(&guesses, strange(&elsewhere), NOW).await, 10);
            let other = guesses.take(RealmId(2), "ada", strange(&from), NOW).await;
            assert!(other.is_ok(), "another realm");
        }
    }

    #[tokio::test]
    async fn a_known_device_signs_in_so_often_too() {
        let guesses = guesses();
        let from = device("198.51.100.1");
        let mut signed_in = 0;
        while let Ok(guess) = guesses.take(RealmId(1), "ada", known(&from), NOW).await {
            guess.give_back();
            signed_in += 1;
        }
        assert_eq!(signed_in, 40);
        let other = guesses.take(RealmId(1), "bob", known(&from), NOW).await;
        assert!(other.is_ok(), "what one account uses is not another's");
    }

    /// Each costs a hash, also where the password is right and nothing comes of it.
    #[tokio::test]
    async fn a_right_password_is_shown_inside_a_session_so_often_too() {
        let guesses = guesses();
        let (here, there) = (inside("198.51.100.1"), inside("198.51.100.2"));
        let mut shown = 0;
        while let Ok(guess) = guesses.take(RealmId(1), "ada", here, NOW).await {
            guess.give_back();
            shown += 1;
        }
        assert_eq!(shown, 40);
        let elsewhere = guesses.take(RealmId(1), "ada", there, NOW).await;
        assert_eq!(elsewhere.err(), Some(3), "the account, wherever it is");
        assert_eq!(sign_ins(&guesses, here, true).await, (0, 3), "the address");
        assert_eq!(sign_ins(&guesses, there, true).await, (40, 3));
        let from = device("198.51.100.1");
        let outside = guesses.take(RealmId(1), "ada", strange(&from), NOW).await;
        assert!(outside.is_ok(), "it keeps nobody from signing in");
    }
}
