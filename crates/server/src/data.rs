//! The realms' rows: which engine a realm has, and what is done for it in the background.
//! Not here: what an engine is (`doorward_rows`), and who may call (the routes).

use crate::cli::Failure;
use crate::compose::Composed;
use crate::config::RealmConfig;
use crate::realms::Served;
use crate::system::SystemClock;
use doorward_base::{Clock as _, RealmId, Timestamp};
use doorward_identity::port::{Extent, StoreError};
use doorward_jose::MasterKey;
use doorward_rows::open::{DataParts, IsDeleted};
use doorward_rows::sqlite::OpenFiles;
use doorward_rows::{DataRealm, Fault};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How far back tenants' deletion is looked for again: queries that had begun, and processes
/// whose clocks differ.
const MARGIN: Duration = Duration::from_secs(600);
/// How long one run of the engines' upkeep goes on.
const TURN: Duration = Duration::from_secs(60);

/// Until when each realm's deleted tenants are known to have no rows.
#[derive(Default)]
pub(crate) struct Erased(Mutex<HashMap<RealmId, Timestamp>>);

/// The rows of a realm, if it has any; those of `before` where they stay where they are.
pub(crate) fn realm(
    master: &MasterKey,
    config: &RealmConfig,
    before: Option<&DataRealm>,
    is_deleted: IsDeleted,
    open_files: OpenFiles,
) -> Result<Option<Arc<DataRealm>>, Failure> {
    let Some(data) = &config.data else {
        return Ok(None);
    };
    let seed = master
        .seed("rows")
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let parts = DataParts {
        realm: config.name().clone(),
        seed: *seed,
        clock: Arc::new(SystemClock),
        is_deleted,
        open_files,
    };
    let made = DataRealm::new(data.as_ref().clone(), before, parts);
    Ok(Some(Arc::new(made)))
}

impl Composed {
    /// Opens every realm's engine. One that cannot be opened says so in the log, and is tried
    /// again by whoever needs it.
    pub(crate) async fn open_rows(&self) {
        for served in self.realms.all() {
            if let Some(data) = &served.data {
                drop(data.engine().await);
            }
        }
    }

    /// Does a piece of what the open engines have to do now and then.
    pub(crate) async fn tend_rows(&self) -> Result<u64, StoreError> {
        let until = Instant::now() + TURN;
        let mut tally = Tally::default();
        for served in self.realms.all() {
            tally.add(&served, tend(&served, until).await);
        }
        tally.outcome()
    }

    /// Erases the rows of tenants that were deleted: all of them after a start, then those
    /// since the last run. What failed is tried again.
    pub(crate) async fn erase_rows(&self) -> Result<u64, StoreError> {
        let mut tally = Tally::default();
        for served in self.realms.all() {
            tally.add(&served, self.erase_in(&served).await);
        }
        tally.outcome()
    }

    async fn erase_in(&self, served: &Served) -> Result<u64, Trouble> {
        let Some(data) = &served.data else {
            return Ok(0);
        };
        let (id, now) = (served.live.id, SystemClock.now());
        let since = self.erased.since(id);
        let deleted = self.identity.store.read_as(id, Extent::Upkeep, move |tx| {
            Box::pin(async move { tx.list_deleted_tenants(since).await })
        });
        let mut erased = 0;
        for tenant in &deleted.await? {
            data.engine().await?.erase(tenant).await?;
            erased += 1;
        }
        self.erased.note(id, now);
        Ok(erased)
    }
}

async fn tend(served: &Served, until: Instant) -> Result<u64, Trouble> {
    let data = served.data.as_ref();
    let Some(engine) = data.and_then(|data| data.opened_before()) else {
        return Ok(0);
    };
    let mut dealt = 0;
    while Instant::now() < until {
        match engine.upkeep().await? {
            0 => break,
            more => dealt += more,
        }
    }
    Ok(dealt)
}

/// What a job did in all realms: what fails in one keeps no other from its turn.
#[derive(Default)]
struct Tally {
    dealt: u64,
    trouble: Option<StoreError>,
}

impl Tally {
    fn add(&mut self, served: &Served, turn: Result<u64, Trouble>) {
        match turn {
            Ok(more) => self.dealt += more,
            Err(Trouble(error)) => {
                let realm = &served.realm.settings.name;
                self.trouble = Some(StoreError::Unavailable(format!("realm {realm}: {error}")));
            }
        }
    }

    fn outcome(self) -> Result<u64, StoreError> {
        self.trouble.map_or(Ok(self.dealt), Err)
    }
}

/// Why a realm's turn failed.
struct Trouble(String);

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self(format!("its rows: {fault}"))
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl Erased {
    fn since(&self, realm: RealmId) -> Timestamp {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&realm)
            .map_or(Timestamp::from_micros(0), |at| at.minus(MARGIN))
    }

    fn note(&self, realm: RealmId, at: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(realm, at);
    }
}
