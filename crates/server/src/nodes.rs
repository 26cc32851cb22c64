//! This process among those of its store: it says that it is there and on which terms
//! it serves, and does not serve on terms that contradict another's. Not here: what the
//! terms are (`terms`), and who is asked for readiness (`vitals`).

use crate::cli::{Failure, output};
use crate::engine::Engine;
use crate::terms::{contradiction, terms};
use doorward_base::entropy;
use doorward_identity::port::{Node, StoreError, StoreHandle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the others are told that this process is there. They forget it after
/// three times as long.
const EVERY: Duration = Duration::from_secs(5);
/// How soon that is tried again when it failed, and how soon a contradiction is looked
/// at again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the store may take for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// This process, as the others know it.
pub(crate) struct Membership {
    store: StoreHandle,
    node: Mutex<Node>,
    heard: AtomicBool,
}

impl Membership {
    /// Joins the processes of the store. While another one's terms contradict these, it
    /// waits for that one to go, as long as the configuration says.
    pub(crate) async fn join(engine: &Engine) -> Result<Self, Failure> {
        let settings = &engine.settings;
        let node = Node {
            id: entropy::bytes(&*engine.identity.entropy),
            name: name(),
            terms: terms(settings),
        };
        let this = Self {
            store: engine.identity.store.clone(),
            node: Mutex::new(node),
            heard: AtomicBool::new(false),
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

    /// Repeats the announcement for ever. The caller ends it by dropping the future.
    pub(crate) async fn keep(&self) {
        loop {
            let pause = if self.is_heard() { EVERY } else { AGAIN };
            tokio::time::sleep(pause).await;
            let before = self.is_heard();
            match self.announce().await {
                Err(error) if before => {
                    tracing::error!(%error, "the store takes no writes; this process is not ready");
                }
                Ok(_) if !before => tracing::info!("the store takes writes again"),
                _ => {}
            }
        }
    }

    /// Serves on other terms from now on, unless they contradict a process that runs.
    /// Returns the terms that were in force.
    ///
    /// # Errors
    /// The contradiction, or a store that does not answer; the terms are then as before.
    pub(crate) async fn change(&self, terms: String) -> Result<String, Failure> {
        let unavailable = |error: StoreError| Failure::Refused(error.to_string());
        let others = self.announce().await.map_err(unavailable)?;
        match contradiction(&terms, &others) {
            Some(contradiction) => Err(Failure::Refused(contradiction)),
            None => Ok(self.set_terms(terms)),
        }
    }

    /// Sets the terms without asking; returns those that were in force.
    pub(crate) fn set_terms(&self, terms: String) -> String {
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
