//! The task that merges this node's use with the others', and the node's state that it
//! shares with whoever checks. While the connection is lost nobody waits for it: checks
//! are answered by this node alone, and what it lets through is merged when the
//! connection is back. Not here: the connection itself (`link`).

use super::link::{Link, Lost, Server};
use super::{LimitsError, LimitsHealth, SharedSettings};
use doorward_base::limit::{Next, Quota, Schedule, SharedBuckets, Verdict, Wake};
use doorward_base::{Clock, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// The most entries of a batch.
const MOST: usize = 256;
/// The longest wait for a batch, and for one question of a request.
const BATCH_PATIENCE: Duration = Duration::from_millis(500);
const TAKE_PATIENCE: Duration = Duration::from_millis(100);
/// How long nothing is said before the connection is tried.
const SILENCE: Duration = Duration::from_secs(1);
/// The pauses between attempts to connect double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that lasted this long starts with the first pause again.
const STEADY: Duration = Duration::from_secs(5);

pub(super) struct Node {
    buckets: SharedBuckets,
    merge_every: Duration,
    server: Server,
    clock: Arc<dyn Clock>,
    /// The connection, while there is one.
    link: Mutex<Option<Link>>,
    /// A key is pressing.
    wake: Notify,
    /// A request waited for the connection in vain.
    suspect: Notify,
    /// The node is closing, and has said everything.
    closing: Notify,
    closed: Notify,
    merged: AtomicU64,
    lost: AtomicU64,
}

/// Why the sender stopped using a connection.
enum End {
    Lost(Lost),
    Suspected,
    Closing,
}

impl Node {
    pub(super) fn new(
        settings: &SharedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LimitsError> {
        Ok(Self {
            buckets: SharedBuckets::new(settings.max_keys, settings.merge_every),
            merge_every: settings.merge_every,
            server: Server::new(&settings.url)?,
            clock,
            link: Mutex::default(),
            wake: Notify::new(),
            suspect: Notify::new(),
            closing: Notify::new(),
            closed: Notify::new(),
            merged: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        })
    }

    pub(super) fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        self.woken(self.buckets.check(key, quota, now))
    }

    pub(super) fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        self.buckets.peek(key, quota, now)
    }

    /// One round trip while connected; otherwise none.
    pub(super) async fn take(&self, key: u128, quota: Quota, now: Timestamp) -> Verdict {
        let link = self.link();
        if let Some(link) = link {
            let question = self.buckets.ask(key, &quota, now);
            match link.merge(&[question], TAKE_PATIENCE).await {
                Ok(reply) => {
                    let now = self.clock.now();
                    if let Some(taken) = self.buckets.take((key, &quota), &reply, now) {
                        return self.woken(taken);
                    }
                }
                Err(_) => self.suspect(&link),
            }
        }
        self.woken(self.buckets.check_alone(key, &quota, now))
    }

    /// A request waited in vain on this connection. The first says so, for all; a newer
    /// connection has nothing to do with it.
    fn suspect(&self, link: &Link) {
        let held = self.held();
        let is_held = held
            .as_ref()
            .is_some_and(|held| held.number() == link.number());
        if is_held && self.buckets.disconnect() {
            self.suspect.notify_one();
        }
    }

    /// Puts a connection to use, of which nobody can have complained yet.
    async fn connected(&self, link: &Link, epoch: i64) {
        tokio::select! {
            biased;
            () = self.suspect.notified() => {}
            () = std::future::ready(()) => {}
        }
        let mut held = self.held();
        *held = Some(link.clone());
        self.buckets.connect(epoch);
    }

    fn disconnected(&self) {
        let mut held = self.held();
        self.buckets.disconnect();
        *held = None;
    }

    pub(super) fn give_back(&self, key: u128, quota: &Quota, now: Timestamp) {
        let wake = self.buckets.give_back(key, quota, now);
        self.woken(((), wake));
    }

    pub(super) fn health(&self) -> LimitsHealth {
        LimitsHealth {
            connected: self.buckets.is_connected(),
            merged: self.merged.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Waits until everything was said, or for a second.
    pub(super) async fn close(&self) {
        if self.buckets.is_connected() {
            self.closing.notify_one();
            // Without an answer in time nothing more can be said.
            drop(tokio::time::timeout(SILENCE, self.closed.notified()).await);
        }
    }

    fn woken<T>(&self, (verdict, wake): (T, Wake)) -> T {
        if wake == Wake::Sender {
            self.wake.notify_one();
        }
        verdict
    }

    fn link(&self) -> Option<Link> {
        if !self.buckets.is_connected() {
            return None;
        }
        self.held().clone()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, merges until the connection is lost, and begins anew.
    pub(super) async fn run(self: Arc<Self>) {
        let (mut pause, mut told) = (FIRST_PAUSE, false);
        loop {
            let end = match self.server.connect().await {
                Err(lost) => End::Lost(lost),
                Ok((link, epoch)) => {
                    if told {
                        tracing::info!("limits are shared again");
                        told = false;
                    }
                    let since = Instant::now();
                    self.connected(&link, epoch).await;
                    let end = self.merge(&link).await;
                    self.disconnected();
                    if since.elapsed() >= STEADY {
                        pause = FIRST_PAUSE;
                    }
                    end
                }
            };
            let reason = match end {
                End::Closing => return self.closed.notify_one(),
                End::Lost(lost) => lost.to_string(),
                End::Suspected => "a request got no answer in time".to_owned(),
            };
            if !told {
                self.lost.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    reason,
                    "limits are not shared: each node grants the full limit alone"
                );
                told = true;
            }
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Merges as the schedule says.
    async fn merge(&self, link: &Link) -> End {
        let Ok(mut schedule) = Schedule::new(self.merge_every) else {
            return End::Closing;
        };
        let mut spoke = Instant::now();
        let mut closing = false;
        loop {
            let now = self.clock.now();
            let wait = match schedule.next(&self.buckets, now) {
                Next::Send => None,
                Next::Wait(_) if closing && !self.buckets.is_due() => return End::Closing,
                Next::Wait(until) => Some(until.since(now).min(SILENCE)),
            };
            if let Some(wait) = wait {
                tokio::select! {
                    () = self.wake.notified() => continue,
                    () = self.suspect.notified() => return End::Suspected,
                    () = self.closing.notified() => {
                        closing = true;
                        self.buckets.sweep();
                        continue;
                    }
                    () = sleep(wait) => {}
                }
                if spoke.elapsed() < SILENCE {
                    continue;
                }
            }
            match self.say(link, wait.is_some()).await {
                Ok(()) => spoke = Instant::now(),
                Err(lost) => return End::Lost(lost),
            }
        }
    }

    /// Sends one batch, or nothing but a sign of life.
    async fn say(&self, link: &Link, alive: bool) -> Result<(), Lost> {
        let mut batch = Vec::with_capacity(if alive { 0 } else { MOST });
        if !alive {
            self.buckets.collect(&mut batch, MOST, self.clock.now());
            if batch.is_empty() {
                return Ok(());
            }
        }
        match link.merge(&batch, BATCH_PATIENCE).await {
            Ok(reply) => {
                self.buckets.apply(&reply, self.clock.now());
                self.merged.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(lost) => {
                self.buckets.fail(&batch, self.clock.now());
                Err(lost)
            }
        }
    }
}
