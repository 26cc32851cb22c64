//! Hashing passwords on a bounded pool: argon2id with 19 MiB, two passes, one lane.
//! Stored hashes verify within cost caps only. A text is composed (NFC) before it is
//! hashed or checked: the same keys give other sequences on another system. Not here: whose
//! turn it is (`turn`), who may sign in (`decide::sign_in`).

use super::turn::{Turn, Turns};
use super::work::Failure;
use crate::decide::refusal::Reason;
use crate::model::HashedPassword;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use doorward_base::address::composed;
use doorward_base::{Entropy, Secret, SubjectId, Timestamp, entropy};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The longest password taken, in bytes. Longer ones are refused before any hashing.
pub const MAX_BYTES: usize = 1024;
/// The longest wait for a place.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// The most a stored hash may cost to verify: 128 MiB, 10 passes, 4 lanes.
const CAP_MEMORY_KIB: u32 = 128 * 1024;
const CAP_PASSES: u32 = 10;
const CAP_LANES: u32 = 4;
const SALT: usize = 16;

/// What the password of an unknown user is compared with, so that it costs the same:
/// the form and cost of a new hash, and no password's.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The pool. It has as many places as given; a place is held by the work itself, so
/// that a caller who goes away frees nothing early. Its threads start with the first
/// password and serve nothing else, so that they can be given a priority of their own.
#[derive(Clone)]
pub struct PasswordPool(Arc<Pool>);

struct Pool {
    size: usize,
    places: Arc<Semaphore>,
    turns: Turns,
    /// What all have together who make themselves an account.
    sign_ups: Arc<Semaphore>,
    threads: OnceLock<mpsc::Sender<Job>>,
    on_thread_start: fn(),
}

type Job = Box<dyn FnOnce() + Send>;

/// What a check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordCheck {
    /// It matches.
    Right {
        /// Whether the stored hash is weaker than new ones and should be replaced.
        weak: bool,
    },
    /// It does not, or there is nothing to match.
    Wrong,
}

impl PasswordPool {
    /// A pool of `places` (the number of cores), at least one. Each of its threads
    /// calls `on_thread_start` first.
    #[must_use]
    pub fn new(places: usize, on_thread_start: fn()) -> Self {
        let size = places.max(1);
        Self(Arc::new(Pool {
            size,
            places: Arc::new(Semaphore::new(size)),
            turns: Turns::new(size),
            sign_ups: Arc::new(Semaphore::new((size / 2).max(1))),
            threads: OnceLock::new(),
            on_thread_start,
        }))
    }

    /// A turn of whoever gives passwords to others, or itself another one: to be held while
    /// there is work for it. Else in how many seconds there is one.
    ///
    /// # Errors
    /// [`Failure::Busy`] after a second of waiting for it.
    pub(super) async fn turn<R: Reason>(
        &self,
        maker: Option<SubjectId>,
        now: Timestamp,
    ) -> Result<Result<Turn, u64>, Failure<R>> {
        self.0.turns.take(maker, MAX_WAIT, now).await
    }

    /// As [`Self::hash`], for whoever makes itself an account: all of them have half of the
    /// places, so that those who have an account go on signing in.
    ///
    /// # Errors
    /// As there; [`Failure::Busy`] also after a second without a place of that half.
    pub(super) async fn hash_for_stranger<R: Reason>(
        &self,
        password: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<HashedPassword, Failure<R>> {
        let place = Some(place_of(&self.0.sign_ups).await?);
        self.hash_in(place, password, entropy).await
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`Failure::Busy`] after a second without a place; [`Failure::Internal`] when
    /// the library fails.
    pub async fn hash<R: Reason>(
        &self,
        password: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<HashedPassword, Failure<R>> {
        self.hash_in(None, password, entropy).await
    }

    /// The work holds the further place too.
    async fn hash_in<R: Reason>(
        &self,
        further: Option<OwnedSemaphorePermit>,
        password: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<HashedPassword, Failure<R>> {
        let salt = entropy::bytes::<SALT>(entropy);
        let password = password.clone();
        let work = move || {
            let hash = hash_now(composed(password.expose()).as_bytes(), &salt);
            drop(further);
            hash
        };
        let hash = self
            .run(work)
            .await?
            .ok_or_else(|| Failure::Internal("the password hash failed".to_owned()))?;
        Ok(HashedPassword::from_phc(hash.to_string()))
    }

    /// Checks a password against a stored hash; without one it costs the same and
    /// never matches.
    ///
    /// # Errors
    /// [`Failure::Busy`] after a second without a place.
    pub async fn check<R: Reason>(
        &self,
        password: &Secret,
        stored: Option<&HashedPassword>,
    ) -> Result<PasswordCheck, Failure<R>> {
        if password.expose().len() > MAX_BYTES {
            return Ok(PasswordCheck::Wrong);
        }
        let known = stored.is_some();
        let phc = stored.map_or(NOBODY, HashedPassword::as_phc).to_owned();
        let password = password.clone();
        let check = self
            .run(move || check_now(composed(password.expose()).as_bytes(), &phc))
            .await?;
        Ok(if known { check } else { PasswordCheck::Wrong })
    }

    async fn run<R: Reason, T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure<R>> {
        let place = place_of(&self.0.places).await?;
        let (answer, done) = oneshot::channel();
        let job: Job = Box::new(move || {
            let outcome = work();
            drop(place);
            // Whoever asked may be gone; the work is done all the same.
            drop(answer.send(outcome));
        });
        let unfinished = || Failure::Internal("the password work did not finish".to_owned());
        let threads = self.0.threads.get_or_init(|| self.0.start());
        threads.send(job).map_err(|_| unfinished())?;
        done.await.map_err(|_| unfinished())
    }
}

async fn place_of<R: Reason>(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure<R>> {
    let place = Arc::clone(places).acquire_owned();
    match tokio::time::timeout(MAX_WAIT, place).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(Failure::Busy),
    }
}

impl Pool {
    fn start(&self) -> mpsc::Sender<Job> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..self.size {
            let (waiting, on_start) = (Arc::clone(&waiting), self.on_thread_start);
            let serve = move || {
                on_start();
                // A job that panics takes its thread's turn, not the thread.
                while let Some(job) = next(&waiting) {
                    drop(std::panic::catch_unwind(AssertUnwindSafe(job)));
                }
            };
            let started = thread::Builder::new()
                .name("password".to_owned())
                .spawn(serve);
            if let Err(error) = started {
                tracing::error!(%error, "a password thread did not start");
            }
        }
        jobs
    }
}

impl fmt::Debug for PasswordPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordPool")
            .field("size", &self.0.size)
            .finish_non_exhaustive()
    }
}

fn next(waiting: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

fn hash_now(password: &[u8], salt: &[u8; SALT]) -> Option<PasswordHash> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
        .hash_password_with_salt(password, salt)
        .ok()
}

fn check_now(password: &[u8], phc: &str) -> PasswordCheck {
    let Some((hash, params)) = parse(phc) else {
        return PasswordCheck::Wrong;
    };
    if Argon2::default().verify_password(password, &hash).is_err() {
        return PasswordCheck::Wrong;
    }
    let weak = hash.algorithm.as_str() != "argon2id"
        || params.m_cost() < Params::DEFAULT_M_COST
        || params.t_cost() < Params::DEFAULT_T_COST;
    PasswordCheck::Right { weak }
}

/// A stored hash whose cost is within the caps.
fn parse(phc: &str) -> Option<(PasswordHash, Params)> {
    let hash = PasswordHash::new(phc).ok()?;
    let params = Params::try_from(&hash.params).ok()?;
    let bounded = params.m_cost() <= CAP_MEMORY_KIB
        && params.t_cost() <= CAP_PASSES
        && params.p_cost() <= CAP_LANES;
    bounded.then_some((hash, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::refusal::SignInRefusal;
    use doorward_base::testing::SeededEntropy;

    type Checked = Result<PasswordCheck, Failure<SignInRefusal>>;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_matches_its_password_and_no_other() {
        let entropy = SeededEntropy::new(1);
        let pool = PasswordPool::new(2, || {});
        let long = "é".repeat(256);
        for right in ["correct horse", " ", &long, "a\0b"] {
            let hash: Result<_, Failure<SignInRefusal>> = pool.hash(&secret(right), &entropy).await;
            let hash = hash.unwrap();
            assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
            let check: Checked = pool.check(&secret(right), Some(&hash)).await;
            assert_eq!(check.unwrap(), PasswordCheck::Right { weak: false });
            let check: Checked = pool.check(&secret(&format!("{right}x")), Some(&hash)).await;
            assert_eq!(check.unwrap(), PasswordCheck::Wrong);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_signs_up_has_half_of_the_places() {
        let entropy = SeededEntropy::new(1);
        let pool = PasswordPool::new(4, || {});
        let mut held = Vec::new();
        for _ in 0..2 {
            let place: Result<_, Failure<SignInRefusal>> = place_of(&pool.0.sign_ups).await;
            held.push(place.unwrap());
        }
        let right = secret("correct horse");
        let stranger: Result<_, Failure<SignInRefusal>> =
            pool.hash_for_stranger(&right, &entropy).await;
        assert!(matches!(stranger, Err(Failure::Busy)));
        assert_eq!(pool.0.places.available_permits(), 4);
        held.pop();
        let next: Result<_, Failure<SignInRefusal>> =
            pool.hash_for_stranger(&right, &entropy).await;
        next.unwrap();
    }

    #[tokio::test]
    async fn a_password_is_one_however_a_system_composes_it() {
        let pool = PasswordPool::new(2, || {});
        let (composed, apart) = (
            secret("p\u{e4}ssw\u{f6}rter"),
            secret("pa\u{308}sswo\u{308}rter"),
        );
        for (set, typed) in [(&composed, &apart), (&apart, &composed)] {
            let hash: Result<_, Failure<SignInRefusal>> =
                pool.hash(set, &SeededEntropy::new(1)).await;
            let check: Checked = pool.check(typed, Some(&hash.unwrap())).await;
            assert_eq!(check.unwrap(), PasswordCheck::Right { weak: false });
        }
    }

    /// P2: the dummy hash has the cost of a real one, and matches nothing.
    #[tokio::test]
    async fn p2_an_unknown_user_costs_a_real_hash_and_never_matches() {
        let pool = PasswordPool::new(1, || {});
        let (_, params) = parse(NOBODY).unwrap();
        assert_eq!((params.m_cost(), params.t_cost()), (19456, 2));
        let check: Checked = pool.check(&secret("anything"), None).await;
        assert_eq!(check.unwrap(), PasswordCheck::Wrong);
    }

    /// P27: a stored hash that would cost too much is refused unrun.
    #[test]
    fn p27_a_stored_hash_beyond_the_caps_is_not_run() {
        let hash = hash_now(b"password", &[7; SALT]).unwrap().to_string();
        assert!(parse(&hash).is_some());
        for costly in [
            "m=4194304,t=2,p=1",
            "m=19456,t=4000000000,p=1",
            "m=19456,t=2,p=5",
        ] {
            assert!(
                parse(&hash.replace("m=19456,t=2,p=1", costly)).is_none(),
                "{costly}"
            );
        }
        assert_eq!(check_now(b"password", ""), PasswordCheck::Wrong);
    }

    #[test]
    fn weaker_hashes_still_match_and_say_so() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(b"password", &[7; SALT])
            .unwrap();
        assert_eq!(
            check_now(b"password", &weak.to_string()),
            PasswordCheck::Right { weak: true }
        );
    }

    /// P22: 1 MB costs nothing.
    #[tokio::test]
    async fn p22_an_oversized_password_is_never_hashed() {
        let pool = PasswordPool::new(1, || {});
        let _taken = pool.0.places.clone().acquire_owned().await.unwrap();
        let check: Checked = pool.check(&secret(&"a".repeat(1 << 20)), None).await;
        assert_eq!(check.unwrap(), PasswordCheck::Wrong);
    }

    /// P23: without a place the answer is `busy`, not a queue.
    #[tokio::test(start_paused = true)]
    async fn p23_a_full_pool_says_busy_after_a_second() {
        let pool = PasswordPool::new(1, || {});
        let _taken = pool.0.places.clone().acquire_owned().await.unwrap();
        let check: Checked = pool.check(&secret("a"), None).await;
        assert!(matches!(check, Err(Failure::Busy)));
    }
}
