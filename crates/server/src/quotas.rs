//! Quotas of the calendar: counted in memory, told to the store in the background. What is
//! told survives a restart, and is how several processes share a quota. Not here: the
//! counts themselves (`base::limit`), and how often they are told (`jobs`).

use crate::system::SystemClock;
use doorward_base::limit::{Allowance, Tally, TallyKey, Told, Verdict};
use doorward_base::{Clock as _, RealmId, Timestamp};
use doorward_identity::model::QuotaWindow;
use doorward_identity::port::{StoreError, StoreHandle};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many counts are remembered: some 30 MiB when full.
const COUNTS: usize = 250_000;
/// How many are told in one transaction: it must end well before a request is held up.
const BATCH: usize = 500;
/// How long a request waits for the store to say what is used.
const PATIENCE: Duration = Duration::from_secs(2);

/// The quotas of this process.
pub(crate) struct Quotas {
    tally: Tally,
    store: StoreHandle,
}

impl Quotas {
    /// Knows nothing yet.
    pub(crate) fn new(store: StoreHandle) -> Self {
        Self {
            tally: Tally::new(COUNTS),
            store,
        }
    }

    /// Counts a request; `None` where the store must be asked first.
    pub(crate) fn take(
        &self,
        realm: RealmId,
        holder: u128,
        allowance: &Allowance,
        now: Timestamp,
    ) -> Option<Verdict> {
        let window = allowance.period().window(now);
        let key = key(realm, holder, window.start);
        self.tally.take(key, window, allowance, now)
    }

    /// Asks the store. A store that does not answer leaves the quota uncounted: whoever may
    /// call may call on.
    pub(crate) async fn learn(
        &self,
        realm: RealmId,
        holder: u128,
        allowance: &Allowance,
        now: Timestamp,
    ) {
        let window = allowance.period().window(now);
        let asked = QuotaWindow {
            holder,
            start: window.start,
            end: window.end,
        };
        let found = self.store.read(realm, move |tx| {
            Box::pin(async move { tx.find_quota_use(asked).await })
        });
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(used)) => {
                let key = key(realm, holder, window.start);
                self.tally.learn(key, window.end, used, now);
            }
            Ok(Err(error)) => tracing::error!(%error, "a quota's use could not be read"),
            Err(_) => tracing::error!("a quota's use was not read in time"),
        }
    }

    /// Uncounts a request.
    pub(crate) fn give_back(
        &self,
        realm: RealmId,
        holder: u128,
        allowance: &Allowance,
        now: Timestamp,
    ) {
        let start = allowance.period().window(now).start;
        self.tally.give_back(key(realm, holder, start));
    }

    /// Tells the store what was counted, and learns what all processes counted together;
    /// how many counts.
    pub(crate) async fn flush(&self) -> Result<u64, StoreError> {
        let mut told = 0;
        loop {
            let batch = self.tally.collect(BATCH);
            if batch.is_empty() {
                break;
            }
            let full = batch.len() >= BATCH;
            told += u64::try_from(batch.len()).unwrap_or(0);
            self.tell(batch).await?;
            if !full {
                break;
            }
        }
        self.tally.forget(SystemClock.now());
        Ok(told)
    }

    async fn tell(&self, batch: Vec<Told>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for (realm, batch) in by_realm(batch) {
            let batch = Arc::new(batch);
            let written = Arc::clone(&batch);
            let totals = self.store.write(RealmId(realm), move |tx| {
                let batch = Arc::clone(&written);
                Box::pin(async move {
                    let mut totals = Vec::with_capacity(batch.len());
                    for told in batch.iter() {
                        let window = QuotaWindow {
                            holder: told.key.holder,
                            start: told.key.start,
                            end: told.end,
                        };
                        totals.push(tx.add_quota_use(window, told.more).await?);
                    }
                    Ok(totals)
                })
            });
            match totals.await {
                Ok(totals) => {
                    for (told, used) in batch.iter().zip(totals) {
                        self.tally.apply(told.key, used);
                    }
                }
                Err(error) => {
                    batch.iter().for_each(|told| self.tally.fail(told.key));
                    outcome = Err(error);
                }
            }
        }
        outcome
    }
}

/// In the order of their keys: two processes that tell of the same ones do not wait for
/// each other.
fn by_realm(batch: Vec<Told>) -> BTreeMap<i64, Vec<Told>> {
    let mut realms: BTreeMap<i64, Vec<Told>> = BTreeMap::new();
    for told in batch {
        realms.entry(told.key.realm).or_default().push(told);
    }
    for batch in realms.values_mut() {
        batch.sort_unstable_by_key(|told| told.key);
    }
    realms
}

fn key(realm: RealmId, holder: u128, start: Timestamp) -> TallyKey {
    TallyKey {
        realm: realm.0,
        holder,
        start,
    }
}
