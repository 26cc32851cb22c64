//! This process among those of its store: it says that it is there and on which terms
//! it serves, and is not ready on terms that contradict an older process's. Not here: what the
//! terms are (`terms`), and who is asked for readiness (`vitals`).

use crate::cli::{Failure, output};
use crate::config::Settings;
use crate::system::SystemClock;
use crate::terms::{contradiction, dated, older, terms};
use doorward_base::Clock as _;
use doorward_base::entropy;
use doorward_identity::act::Identity;
use doorward_identity::port::{Node, StoreError, StoreHandle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often the others are told that this process is there. They forget it after
/// three times as long.
const EVERY: Duration = Duration::from_secs(5);
/// How soon that is tried again when it failed, and how soon a contradiction is looked
/// at again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the store may take for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// This process, as the others know it.
pub(crate) struct ThisNode {
    store: StoreHandle,
    node: Mutex<Node>,
    heard: AtomicBool,
    /// How an older process's terms contradict these.
    contradicted: Mutex<Option<String>>,
}

impl ThisNode {
    /// Joins the processes of the store. While another one's terms contradict these, it
    /// waits for that one to go, as long as the configuration says.
    pub(crate) async fn join(identity: &Identity, settings: &Settings) -> Result<Self, Failure> {
        let node = Node {
            id: entropy::bytes(&*identity.entropy),
            name: name(),
            terms: dated(&terms(settings), SystemClock.now()),
        };
        let this = Self {
            store: identity.store.clone(),
            node: Mutex::new(node),
            heard: AtomicBool::new(false),
            contradicted: Mutex::default(),
        };
        let wait = settings.server.database.start_wait();
        let began = Instant::now();
        let mut told = None;
        loop {
            let others = this.announce().await.map_err(|error| {
                Failure::Refused(format!(
                    "the store {} takes no writes: {error}",
                    settings.server.database
                ))
            })?;
            let Some(contradiction) = contradiction(&this.node().terms, &others) else {
                return Ok(this);
            };
            // Whoever waits does not stand in another's way.
            this.withdraw().await;
            if began.elapsed() >= wait {
                return Err(Failure::Refused(contradiction));
            }
            if told.as_ref() != Some(&contradiction) {
                output::note(&format!(
                    "{contradiction}; waiting for it to go, for {} seconds at most",
                    wait.as_secs()
                ));
                told = Some(contradiction);
            }
            tokio::time::sleep(AGAIN + this.jitter()).await;
        }
    }

    /// Whether the others were told lately that this process is there.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    /// How an older process's terms contradict these, in words.
    pub(crate) fn contradicted(&self) -> Option<String> {
        let contradicted = self.contradicted.lock();
        contradicted.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whoever came to its terms first keeps serving on them; the other one does not.
    fn judge(&self, others: &[Node]) {
        let own = self.node();
        let found = contradiction(&own.terms, &older(&own, others));
        let mut known = self
            .contradicted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(found) if known.as_ref() != Some(found) => {
                tracing::error!("{found}; this process is not ready");
            }
            None if known.is_some() => {
                tracing::info!("no other process contradicts these terms any more");
            }
            _ => {}
        }
        *known = found;
    }

    /// Repeats the announcement for ever. The caller ends it by dropping the future.
    pub(crate) async fn keep(&self) {
        loop {
            let well = self.is_heard() && self.contradicted().is_none();
            let pause = if well { EVERY } else { AGAIN };
            tokio::time::sleep(pause).await;
            let before = self.is_heard();
            match self.announce().await {
                Err(error) if before => {
                    tracing::error!(%error, "the store takes no writes; this process is not ready");
                }
                Err(_) => {}
                Ok(others) => {
                    if !before {
                        tracing::info!("the store takes writes again");
                    }
                    self.judge(&others);
                }
            }
        }
    }

    /// Serves on other terms from now on, unless they contradict a process that runs.
    /// They are announced before the others' are looked at: of two that change at once,
    /// one sees the other. Returns the terms that were in force.
    ///
    /// # Errors
    /// The contradiction, or a store that does not answer; the terms are then as before.
    pub(crate) async fn change(&self, terms: &str) -> Result<String, Failure> {
        let before = self.set_terms(dated(terms, SystemClock.now()));
        let problem = match self.announce().await {
            Err(error) => error.to_string(),
            Ok(others) => match contradiction(terms, &others) {
                None => return Ok(before),
                Some(contradiction) => contradiction,
            },
        };
        self.take_back(before).await;
        Err(Failure::Refused(problem))
    }

    /// Serves on these terms again, which were in force before.
    pub(crate) async fn take_back(&self, before: String) {
        self.set_terms(before);
        // Otherwise the next announcement says it.
        if let Ok(others) = self.announce().await {
            self.judge(&others);
        }
    }

    fn set_terms(&self, terms: String) -> String {
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut node.terms, terms)
    }

    /// Tells the others that this process goes.
    pub(crate) async fn withdraw(&self) {
        let node = self.node();
        let engine = self.store.engine();
        let withdrawn = tokio::time::timeout(PATIENCE, engine.withdraw(&node)).await;
        if !matches!(withdrawn, Ok(Ok(()))) {
            tracing::debug!("the announcement of this process was not taken back; it lapses");
        }
    }

    async fn announce(&self) -> Result<Vec<Node>, StoreError> {
        let node = self.node();
        let engine = self.store.engine();
        let announced = tokio::time::timeout(PATIENCE, engine.announce(&node)).await;
        let announced = announced.unwrap_or_else(|_| {
            let problem = format!("no answer in {} seconds", PATIENCE.as_secs());
            Err(StoreError::Unavailable(problem))
        });
        self.heard.store(announced.is_ok(), Ordering::Release);
        announced
    }

    fn node(&self) -> Node {
        let node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        node.clone()
    }

    /// Two that wait for each other do not look at the same moments.
    fn jitter(&self) -> Duration {
        let [first, ..] = self.node().id;
        Duration::from_millis(u64::from(first) * 2)
    }
}

/// Host and process.
fn name() -> String {
    let about = rustix::system::uname();
    let host = about.nodename().to_string_lossy();
    format!("{host}/{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Held, loaded};
    use std::path::Path;
    use std::sync::Arc;

    const HERE: &str = "[server]\ndatabase = \"postgres://me@db/x\"\n[server.postgres]\nstart_wait = \"20s\"\n[realm.a]\n";
    const THERE: &str = "[realm.a]\n[realm.a.tokens]\nrevocation = \"expiry\"";

    fn terms_of(text: &str) -> String {
        terms(&loaded(Path::new(""), text).settings)
    }

    fn other(text: &str) -> Node {
        Node {
            id: [9; 16],
            name: "db1/7".to_owned(),
            terms: terms_of(text),
        }
    }

    /// A store with another process on these terms, and the outcome of joining it.
    struct Joined {
        _directory: tempfile::TempDir,
        store: Arc<Held>,
        outcome: Result<ThisNode, Failure>,
        took: Duration,
    }

    async fn join(there: &str, leaves: bool) -> Joined {
        let directory = tempfile::tempdir().unwrap();
        let store = Held::new(directory.path());
        store.others.lock().unwrap().push(other(there));
        let (identity, settings) = (store.identity(), loaded(Path::new(""), HERE).settings);
        tokio::time::pause();
        let began = Instant::now();
        let leaving = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            if leaves {
                store.others.lock().unwrap().clear();
            }
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            outcome = ThisNode::join(&identity, &settings) => outcome,
            () = leaving => unreachable!("it is pending"),
        };
        Joined {
            _directory: directory,
            store,
            outcome,
            took: began.elapsed(),
        }
    }

    #[tokio::test]
    async fn on_equal_terms_a_process_joins_at_once() {
        let joined = join(HERE, false).await;
        let membership = joined.outcome.unwrap();
        assert!(membership.is_heard());
        assert_eq!(joined.took, Duration::ZERO);
        let announced = joined.store.announced.lock().unwrap().clone().unwrap();
        assert!(announced.terms.starts_with(&terms_of(HERE)));
        assert_eq!(announced, membership.node());
        membership.withdraw().await;
        assert_eq!(*joined.store.announced.lock().unwrap(), None);
    }

    #[tokio::test]
    async fn a_contradiction_is_waited_for_and_then_told() {
        let joined = join(THERE, false).await;
        let Err(Failure::Refused(said)) = joined.outcome else {
            panic!("they contradict each other");
        };
        assert!(
            said.starts_with(
                "realm.a.tokens.revocation is \"immediate\" here and \"expiry\" at the process db1/7"
            ),
            "{said}"
        );
        let secs = joined.took.as_secs();
        assert!((20..=22).contains(&secs), "{secs}");
        assert_eq!(*joined.store.announced.lock().unwrap(), None);
    }

    #[tokio::test]
    async fn when_the_other_goes_it_joins() {
        let joined = join(THERE, true).await;
        assert!(joined.outcome.is_ok());
        assert!((5..=7).contains(&joined.took.as_secs()));
    }

    #[tokio::test]
    async fn a_reload_that_contradicts_another_changes_nothing() {
        let joined = join(HERE, false).await;
        let membership = joined.outcome.unwrap();
        let own = membership.node();
        let refused = membership.change(&terms_of(THERE)).await;
        assert!(matches!(refused, Err(Failure::Refused(_))));
        assert_eq!(membership.node(), own);
        assert_eq!(*joined.store.announced.lock().unwrap(), Some(own.clone()));
        joined.store.others.lock().unwrap().clear();
        let before = membership.change(&terms_of(THERE)).await.unwrap();
        assert_eq!(before, own.terms);
        assert!(membership.node().terms.starts_with(&terms_of(THERE)));
    }

    #[tokio::test]
    async fn of_two_that_contradict_each_other_the_younger_is_not_ready_until_one_goes() {
        let joined = join(HERE, false).await;
        let membership = joined.outcome.unwrap();
        let hear = async |terms: String| {
            let node = Node {
                terms,
                ..other(THERE)
            };
            *joined.store.others.lock().unwrap() = vec![node];
            let _ended = tokio::time::timeout(Duration::from_secs(6), membership.keep()).await;
            membership.contradicted()
        };
        let now = SystemClock.now();
        let younger = dated(&terms_of(THERE), now.plus(Duration::from_secs(60)));
        assert_eq!(hear(younger).await, None);
        let elder = dated(&terms_of(THERE), now.minus(Duration::from_secs(60)));
        let said = hear(elder).await.unwrap();
        assert!(said.starts_with("realm.a.tokens.revocation is "), "{said}");
        assert_eq!(hear(dated(&terms_of(HERE), now)).await, None);
    }

    #[tokio::test]
    async fn a_store_that_takes_no_writes_is_noticed_and_so_is_its_return() {
        let joined = join(HERE, false).await;
        let membership = Arc::new(joined.outcome.unwrap());
        let kept = tokio::spawn({
            let membership = Arc::clone(&membership);
            async move { membership.keep().await }
        });
        // The clock is paused: it moves on when nothing else is left to do.
        let after = async |seconds| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            membership.is_heard()
        };
        joined.store.read_only.store(true, Ordering::SeqCst);
        assert!(!after(6).await);
        joined.store.read_only.store(false, Ordering::SeqCst);
        assert!(after(2).await);
        kept.abort();
    }
}
