//! Follows the store's change log and keeps what is known of each realm true: at start
//! a snapshot, then every change, whoever made it. A change that this process made is
//! applied before its answer leaves (`settled`); one that another process made, within
//! the interval.

use crate::live::RealmLive;
use crate::realms::{Realms, Served};
use crate::system::SystemClock;
use doorward_base::{Clock as _, Timestamp};
use doorward_identity::act::{Identity, keys};
use doorward_identity::model::{Change, ChangeRow, ChangeSeq, SessionState, TokenState};
use doorward_identity::port::{StoreError, StoreHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often the store is asked whether another process changed it. The question
/// costs microseconds on SQLite.
const INTERVAL: Duration = Duration::from_millis(50);

/// How many entries of the change log are read at once.
const BATCH: u32 = 1000;

/// Follows one store.
pub(crate) struct Feed {
    identity: Arc<Identity>,
    realms: Arc<Realms>,
    cursor: Mutex<Cursor>,
    applied: AtomicI64,
    started: Instant,
    contact_millis: AtomicU64,
}

struct Cursor {
    after: ChangeSeq,
    /// The store said "changed" and not everything was applied yet.
    pending: bool,
}

impl Feed {
    /// Starts from the end of the change log.
    pub(crate) async fn open(
        identity: Arc<Identity>,
        realms: Arc<Realms>,
    ) -> Result<Self, StoreError> {
        let after = identity.store.engine().last_change().await?;
        Ok(Self {
            identity,
            realms,
            cursor: Mutex::new(Cursor {
                after,
                pending: true,
            }),
            applied: AtomicI64::new(after.0),
            started: Instant::now(),
            contact_millis: AtomicU64::new(0),
        })
    }

    /// The last change that was applied.
    pub(crate) fn position(&self) -> ChangeSeq {
        ChangeSeq(self.applied.load(Ordering::Acquire))
    }

    /// Applies everything committed before this call.
    pub(crate) async fn catch_up(&self) -> Result<(), StoreError> {
        let engine = self.identity.store.engine();
        let mut cursor = self.cursor.lock().await;
        cursor.pending |= engine.has_changed().await?;
        while cursor.pending {
            let rows = engine.list_changes(cursor.after, BATCH).await?;
            for row in &rows {
                self.apply(row).await?;
                cursor.after = row.seq;
                self.applied.store(row.seq.0, Ordering::Release);
            }
            cursor.pending = rows.len() == BATCH as usize;
        }
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.contact_millis.store(millis, Ordering::Release);
        Ok(())
    }

    /// How long ago the store last answered.
    pub(crate) fn silence(&self) -> Duration {
        let contact = Duration::from_millis(self.contact_millis.load(Ordering::Acquire));
        self.started.elapsed().saturating_sub(contact)
    }

    /// Catches up for ever. The caller ends it by dropping the future.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            let outcome = self.catch_up().await;
            match (&outcome, failing) {
                (Err(error), false) => {
                    tracing::error!(%error, "the store does not answer the change feed");
                }
                (Ok(()), true) => tracing::info!("the store answers the change feed again"),
                _ => {}
            }
            failing = outcome.is_err();
        }
    }

    async fn apply(&self, row: &ChangeRow) -> Result<(), StoreError> {
        let Some(served) = self.realms.find(row.realm) else {
            return Ok(());
        };
        let (store, live) = (&self.identity.store, &served.live);
        match row.change {
            Change::ApiToken(id) => {
                let token = store.read(live.id, move |tx| tx.find_api_token(id)).await?;
                live.token_changed(id, row.seq);
                match token.map(|token| token.state) {
                    None | Some(TokenState::Revoked { .. }) => live.token_revoked(id),
                    Some(TokenState::Retiring { until }) => live.token_retires(id, until),
                    Some(TokenState::Active) => {}
                }
            }
            Change::Session(id) => {
                let session = store.read(live.id, move |tx| tx.find_session(id)).await?;
                if session.is_none_or(|session| session.state != SessionState::Active) {
                    live.session_ended(id);
                }
            }
            Change::Subject(id) => {
                load_epochs(store, live).await?;
                live.subject_changed(id, row.seq);
            }
            Change::Keys => self.reload_keys(&served, Changed::Yes).await,
        }
        Ok(())
    }

    /// Loads the keys anew, because they changed or because a retiring one may be past
    /// its time. Keys that cannot be loaded leave the last good ones in force: a
    /// verifier that knows too little refuses, one that forgets everything refuses
    /// everyone.
    async fn reload_keys(&self, served: &Served, changed: Changed) {
        match keys::load(&self.identity, served.realm.id, SystemClock.now()).await {
            Ok(keyring) => {
                let before = served.realm.keyring().inbound().len();
                let others = keyring.inbound().len() != before;
                served.realm.set_keyring(keyring);
                if changed == Changed::Yes || others {
                    served.live.keys_changed();
                }
            }
            Err(error) => {
                tracing::error!(realm = %served.realm.settings.name, %error, "the keys could not be loaded");
            }
        }
    }

    /// Learns what must be known of a realm before it is served: what was revoked since
    /// `since`, what retires, and every epoch. The realm is already followed, so that
    /// nothing falls between this and the next change.
    pub(crate) async fn learn(&self, served: &Served, since: Timestamp) -> Result<(), StoreError> {
        let (store, live) = (&self.identity.store, &served.live);
        let (tokens, sessions) = store
            .read(live.id, move |tx| tx.list_revoked_since(since))
            .await?;
        tokens.into_iter().for_each(|id| live.token_revoked(id));
        sessions.into_iter().for_each(|id| live.session_ended(id));
        let retiring = store
            .read(live.id, move |tx| tx.list_retiring(since))
            .await?;
        for (id, until) in retiring {
            live.token_retires(id, until);
        }
        load_epochs(store, live).await?;
        self.reload_keys(served, Changed::No).await;
        Ok(())
    }

    /// Forgets keys whose time is over, in every realm.
    pub(crate) async fn forget_old_keys(&self) {
        for served in self.realms.all() {
            self.reload_keys(&served, Changed::No).await;
        }
    }
}

/// Whether somebody changed the keys, or only time passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

async fn load_epochs(store: &StoreHandle, live: &RealmLive) -> Result<(), StoreError> {
    let epochs = store.read(live.id, |tx| tx.list_epochs()).await?;
    live.set_epochs(epochs);
    Ok(())
}
