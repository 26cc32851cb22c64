//! What becomes of the changes that the feed reads, with one question to the store for
//! each realm, and the snapshot of a realm. Not here: which changes there are.

use super::{Feed, within};
use crate::live::{Changes, Position, Snapshot, Standing};
use crate::realms::{Map, Served};
use crate::system::SystemClock;
use doorward_base::principal::CredentialId;
use doorward_base::{Clock as _, RealmId, Timestamp};
use doorward_gate::Mark;
use doorward_identity::act::keys;
use doorward_identity::decide::retention::MARGIN;
use doorward_identity::model::{Change, ChangeRow};
use doorward_identity::port::{Extent, Read, StoreError};
use std::collections::HashMap;
use std::sync::Arc;

impl Feed {
    /// Applies entries of the change log.
    pub(super) async fn apply(&self, rows: &[ChangeRow], era: u64) -> Result<(), StoreError> {
        let Some(end) = rows.last().map(|row| row.seq) else {
            return Ok(());
        };
        for (realm, changes) in by_realm(rows, era) {
            let Some(served) = self.realms.find(realm) else {
                continue;
            };
            let changes = Arc::new(changes);
            let asked = Arc::clone(&changes);
            let since = SystemClock.now().minus(served.longest_life + MARGIN);
            let standing = within(
                self.identity
                    .store
                    .read_as(realm, Extent::Upkeep, move |tx| {
                        let asked = Arc::clone(&asked);
                        Box::pin(async move { ask(tx, &asked, since).await })
                    }),
            );
            let now = SystemClock.now();
            match standing.await {
                Ok(standing) => {
                    let marks = marks(&changes, &standing);
                    served.live.apply(&changes, standing, now);
                    self.streams.look_again(marks);
                }
                Err(error) if is_lasting(&error) => {
                    let realm = &served.realm.settings.name;
                    tracing::error!(%realm, %error, "changes of a realm cannot be read; starting it again from a snapshot");
                    self.learn(&served).await?;
                    served.live.distrust(Position { era, seq: end });
                    self.streams.all_look_again();
                }
                Err(error) => return Err(error),
            }
            if changes.keys {
                self.reload_keys(&served, Changed::Yes).await?;
            }
        }
        Ok(())
    }

    /// Takes a snapshot of every realm, because changes up to `end` were missed.
    pub(super) async fn start_over(&self, end: Position) -> Result<(), StoreError> {
        for served in self.realms.all() {
            self.learn(&served).await?;
            served.live.distrust(end);
            self.reload_keys(&served, Changed::Yes).await?;
        }
        self.streams.all_look_again();
        Ok(())
    }

    /// Puts these realms in force, and follows and knows them from here on; those before
    /// stay in force if that fails. No request reaches a new one before its policies are
    /// in force too.
    pub(crate) async fn adopt(&self, served: Vec<Arc<Served>>) -> Result<(), StoreError> {
        // Followed first, so that nothing falls between the snapshot and the next change.
        let before = self.replace(served).await;
        for served in self.realms.all() {
            // What was followed all along need not be read again.
            let known = before.get(&served.realm.settings.name);
            if known.is_some_and(|known| known.knows_enough_for(&served)) {
                continue;
            }
            if let Err(error) = self.learn(&served).await {
                self.realms.restore(before);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Puts the realms in force with the keys that those before have now: they may have
    /// changed since the configuration was read.
    async fn replace(&self, served: Vec<Arc<Served>>) -> Map {
        let _one = self.keys.lock().await;
        let before = self.realms.replace(served);
        for served in self.realms.all() {
            if let Some(known) = before.get(&served.realm.settings.name)
                && known.signs_alike(&served.realm.settings)
            {
                served.realm.set_keyring(known.realm.keyring());
            }
        }
        before
    }

    /// Learns what must be known of a realm before it is served: what was revoked while
    /// an access token made from it may live, what retires, what changed as lately, and the
    /// keys.
    /// The realm is already followed, so that nothing falls between this and the next
    /// change.
    pub(crate) async fn learn(&self, served: &Served) -> Result<(), StoreError> {
        let now = SystemClock.now();
        let since = now.minus(served.longest_life + MARGIN);
        let snapshot = self
            .identity
            .store
            .read_as(served.live.id, Extent::Upkeep, move |tx| {
                Box::pin(async move {
                    Ok(Snapshot {
                        revoked: tx.list_revoked_tokens(since).await?,
                        ended: tx.list_ended_sessions(since).await?,
                        revoked_clients: tx.list_revoked_clients(since).await?,
                        retiring: tx.list_retiring(since).await?,
                        epochs: tx.list_epochs(since).await?,
                        deleted_tenants: tx.list_deleted_tenants(since).await?,
                        limits: tx.list_tenant_limits(None).await?,
                    })
                })
            });
        served.live.learn(snapshot.await?, now);
        self.reload_keys(served, Changed::No).await
    }

    /// Forgets what is over in every realm: keys, and revocations of what no longer
    /// lives. Keys are read again only where one of them is over; of how many realms.
    pub(crate) async fn forget_what_is_over(&self) -> Result<u64, StoreError> {
        let (now, realms) = (SystemClock.now(), self.realms.all());
        for served in &realms {
            served.live.forget(now.minus(served.longest_life + MARGIN));
        }
        let mut read = 0;
        for served in realms {
            let next = served.realm.keyring().next_change();
            if next.is_some_and(|next| next <= now) {
                self.reload_keys(&served, Changed::No).await?;
                read += 1;
            }
        }
        Ok(read)
    }

    /// Loads the keys anew, because they changed or because a retiring one may be past
    /// its time. Keys that cannot be read leave the last good ones in force: a verifier
    /// that knows too little refuses, one that forgets everything refuses everyone.
    async fn reload_keys(&self, served: &Served, changed: Changed) -> Result<(), StoreError> {
        let _one = self.keys.lock().await;
        // The realm as it is served now: a reload may have replaced it meanwhile.
        let Some(served) = self.realms.find(served.live.id) else {
            return Ok(());
        };
        let now = SystemClock.now();
        let loading = keys::load(&self.identity, served.realm.id, now);
        let loaded = tokio::time::timeout(super::PATIENCE, loading).await;
        match loaded {
            Ok(Ok(keyring)) => {
                let before = served.realm.keyring().inbound().len();
                let others = keyring.inbound().len() != before;
                served.realm.set_keyring(keyring);
                if changed == Changed::Yes || others {
                    served.live.keys_changed();
                }
                Ok(())
            }
            Ok(Err(keys::KeysError::Store(error))) => Err(error),
            Ok(Err(error)) => {
                tracing::error!(realm = %served.realm.settings.name, %error, "the keys could not be loaded");
                Ok(())
            }
            Err(_) => Err(StoreError::Unavailable(
                "the keys did not come in time".to_owned(),
            )),
        }
    }
}

/// Whether asking again gets the same answer.
pub(super) const fn is_lasting(error: &StoreError) -> bool {
    !matches!(error, StoreError::Unavailable(_))
}

/// Whether somebody changed the keys, or only time passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

fn by_realm(rows: &[ChangeRow], era: u64) -> HashMap<RealmId, Changes> {
    let mut realms: HashMap<RealmId, Changes> = HashMap::new();
    for row in rows {
        let changes = realms.entry(row.realm).or_default();
        let position = Position { era, seq: row.seq };
        match row.change {
            Change::ApiToken(id) => drop(changes.tokens.insert(id, position)),
            Change::Session(id) => changes.sessions.extend([id]),
            Change::Client(id) => changes.clients.extend([id]),
            Change::Subject(id) => drop(changes.subjects.insert(id, position)),
            Change::Keys => changes.keys = true,
            Change::Tenants => changes.tenants = Some(position),
            Change::Limits => changes.limits = true,
        }
    }
    realms
}

/// What open streams may hang on of what changed.
fn marks(changes: &Changes, standing: &Standing) -> Vec<Mark> {
    let tokens = changes.tokens.keys().copied().map(CredentialId::ApiToken);
    let sessions = changes.sessions.iter().copied().map(CredentialId::Session);
    let clients = changes.clients.iter().copied().map(CredentialId::Client);
    let credentials = tokens.chain(sessions).chain(clients).map(Mark::Credential);
    let subjects = changes.subjects.keys().copied().map(Mark::Subject);
    let tenants = standing.deleted_tenants.iter().cloned().map(Mark::Tenant);
    credentials.chain(subjects).chain(tenants).collect()
}

async fn ask(
    tx: &mut dyn Read,
    changes: &Changes,
    since: Timestamp,
) -> Result<Standing, StoreError> {
    let mut standing = Standing::default();
    if !changes.tokens.is_empty() {
        let ids: Vec<_> = changes.tokens.keys().copied().collect();
        standing.tokens = tx.list_token_states(&ids).await?;
    }
    if !changes.sessions.is_empty() {
        let ids: Vec<_> = changes.sessions.iter().copied().collect();
        standing.active_sessions = tx.list_active_sessions(&ids).await?;
    }
    if !changes.subjects.is_empty() {
        let ids: Vec<_> = changes.subjects.keys().copied().collect();
        standing.epochs = tx.list_epochs_of(&ids).await?;
    }
    if changes.tenants.is_some() {
        standing.deleted_tenants = tx.list_deleted_tenants(since).await?;
    }
    if changes.limits {
        standing.limits = Some(tx.list_tenant_limits(None).await?);
    }
    Ok(standing)
}
