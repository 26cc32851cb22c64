//! What this process knows of the store without asking it: revocations, ended
//! sessions, epochs, and which tokens changed since they were cached. The feed keeps
//! it; the gate's ports read it without awaiting, and without a lock. What no access
//! token can outlive is forgotten, so that months of revocations do not add up.

mod layered;

use arc_swap::ArcSwap;
use doorward_base::limit::Amount;
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{ApiTokenId, ClientId, RealmId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{ChangeSeq, TenantLimit, TokenState};
use layered::Layered;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of one realm.
#[derive(Debug)]
pub(crate) struct RealmLive {
    /// The realm's number in the store.
    pub(crate) id: RealmId,
    known: ArcSwap<Known>,
    /// Held while the next version is made.
    writing: Mutex<()>,
}

/// One version of it. The next one shares what is large.
#[derive(Clone, Debug, Default)]
struct Known {
    /// With the time this process learned of it.
    revoked: Layered<ApiTokenId, Timestamp>,
    /// With the time each stops.
    retiring: Layered<ApiTokenId, Timestamp>,
    ended: Layered<SessionId, Timestamp>,
    revoked_clients: Layered<ClientId, Timestamp>,
    epochs: Layered<SubjectId, Arc<Epochs>>,
    deleted_tenants: Layered<TenantId, Noted>,
    tokens_changed: Layered<ApiTokenId, Noted>,
    subjects_changed: Layered<SubjectId, Noted>,
    /// Changes up to here may have been forgotten: what is older is stale.
    forgotten: Position,
    keys_changed: u64,
    given: Arc<Given>,
}

/// What tenants were given of limits: by tenant, then by the limit's name.
type Given = HashMap<TenantId, Vec<(Box<str>, Amount)>>;

/// The epochs of one subject.
#[derive(Clone, Debug, Default)]
struct Epochs {
    realm_wide: Epoch,
    /// By tenant, sorted.
    tenants: Vec<(TenantId, Epoch)>,
}

/// How far the change log was followed. A log that was left behind, or that is of
/// another copy of the store, begins a new era: its positions say nothing about those
/// of an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Position {
    pub(crate) era: u64,
    pub(crate) seq: ChangeSeq,
}

/// A change that makes what was cached before it stale.
#[derive(Clone, Copy, Debug)]
struct Noted {
    position: Position,
    at: Timestamp,
}

/// What changed in one realm, with the last position of what caches go by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) tokens: HashMap<ApiTokenId, Position>,
    pub(crate) sessions: HashSet<SessionId>,
    /// Revoked: nothing else is told of a client.
    pub(crate) clients: HashSet<ClientId>,
    pub(crate) subjects: HashMap<SubjectId, Position>,
    /// Tenants were deleted.
    pub(crate) tenants: Option<Position>,
    pub(crate) keys: bool,
    /// What tenants were given of limits.
    pub(crate) limits: bool,
}

/// What the store says of what changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// The states of the tokens that there are.
    pub(crate) tokens: Vec<(ApiTokenId, TokenState)>,
    /// The sessions that have not ended.
    pub(crate) active_sessions: Vec<SessionId>,
    pub(crate) epochs: Vec<(SubjectId, Option<TenantId>, Epoch)>,
    /// The tenants deleted while an access token may live that acts in one.
    pub(crate) deleted_tenants: Vec<TenantId>,
    /// What tenants were given of limits, all of it, where that changed.
    pub(crate) limits: Option<Vec<TenantLimit>>,
}

/// What must be known of a realm before it is served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// API tokens revoked, as far back as an access token can live.
    pub(crate) revoked: Vec<ApiTokenId>,
    /// Sessions ended, as far back.
    pub(crate) ended: Vec<SessionId>,
    /// Clients revoked, as far back.
    pub(crate) revoked_clients: Vec<ClientId>,
    /// Replaced API tokens, and when each stops.
    pub(crate) retiring: Vec<(ApiTokenId, Timestamp)>,
    /// The epochs, as far back.
    pub(crate) epochs: Vec<(SubjectId, Option<TenantId>, Epoch)>,
    /// Tenants deleted, as far back.
    pub(crate) deleted_tenants: Vec<TenantId>,
    /// What tenants were given of limits.
    pub(crate) limits: Vec<TenantLimit>,
}

impl RealmLive {
    /// Knows nothing yet.
    pub(crate) fn new(id: RealmId) -> Self {
        Self {
            id,
            known: ArcSwap::default(),
            writing: Mutex::default(),
        }
    }

    /// Whether the credential was revoked or ended, or its grace is over.
    pub(crate) fn is_revoked(&self, credential: &CredentialId, now: Timestamp) -> bool {
        let known = self.known.load();
        match credential {
            CredentialId::Session(id) => known.ended.get(id).is_some(),
            CredentialId::ApiToken(id) => {
                known.revoked.get(id).is_some()
                    || known.retiring.get(id).is_some_and(|&until| until <= now)
            }
            CredentialId::Client(id) => known.revoked_clients.get(id).is_some(),
            CredentialId::Foreign => false,
        }
    }

    /// The epoch in force of a subject acting in a tenant: the later of what changed
    /// realm-wide and what changed there, as `identity` writes it into tokens; in a tenant that
    /// was deleted, one that no token has.
    pub(crate) fn epoch(&self, subject: SubjectId, tenant: Option<&TenantId>) -> Epoch {
        let known = self.known.load();
        if tenant.is_some_and(|tenant| known.deleted_tenants.get(tenant).is_some()) {
            return Epoch(i64::MAX);
        }
        let Some(epochs) = known.epochs.get(&subject) else {
            return Epoch::default();
        };
        let there = tenant.map(|tenant| epochs.there(tenant));
        epochs.realm_wide.max(there.unwrap_or_default())
    }

    /// Whether what was cached of a token at `as_of` may have changed since.
    pub(crate) fn is_stale(&self, token: ApiTokenId, owner: SubjectId, as_of: Position) -> bool {
        let known = self.known.load();
        let newer = |noted: Option<&Noted>| noted.is_some_and(|noted| noted.position > as_of);
        as_of < known.forgotten
            || newer(known.tokens_changed.get(&token))
            || newer(known.subjects_changed.get(&owner))
    }

    /// Whether the tenant was deleted, so that what was cached of it is stale.
    pub(crate) fn is_deleted(&self, tenant: Option<&TenantId>) -> bool {
        let known = self.known.load();
        tenant.is_some_and(|tenant| known.deleted_tenants.get(tenant).is_some())
    }

    /// Whether a tenant that was there at `as_of` is there still.
    pub(crate) fn has_still(&self, tenant: &TenantId, as_of: Position) -> bool {
        let known = self.known.load();
        as_of >= known.forgotten && known.deleted_tenants.get(tenant).is_none()
    }

    /// Grows whenever the realm's keys change.
    pub(crate) fn key_generation(&self) -> u64 {
        self.known.load().keys_changed
    }

    /// What the tenant was given of this limit.
    pub(crate) fn given(&self, tenant: &TenantId, limit: &str) -> Option<Amount> {
        let known = self.known.load();
        let of_tenant = known.given.get(tenant)?;
        let mut found = of_tenant.iter().filter(|(name, _)| **name == *limit);
        found.next().map(|(_, amount)| *amount)
    }

    /// Takes over what changed.
    pub(crate) fn apply(&self, changes: &Changes, standing: Standing, now: Timestamp) {
        let noted = |&position: &Position| Noted { position, at: now };
        let states: HashMap<ApiTokenId, TokenState> = standing.tokens.into_iter().collect();
        let active: HashSet<SessionId> = standing.active_sessions.into_iter().collect();
        self.write(|known| {
            let tokens = changes.tokens.iter();
            known
                .tokens_changed
                .extend(tokens.map(|(&id, at)| (id, noted(at))));
            let subjects = changes.subjects.iter();
            known
                .subjects_changed
                .extend(subjects.map(|(&id, at)| (id, noted(at))));
            for &token in changes.tokens.keys() {
                match states.get(&token) {
                    None | Some(TokenState::Revoked { .. }) => known.revoked.insert(token, now),
                    Some(&TokenState::Retiring { until }) => known.retiring.insert(token, until),
                    Some(TokenState::Active) => {}
                }
            }
            let ended = changes.sessions.difference(&active);
            known.ended.extend(ended.map(|&session| (session, now)));
            let clients = changes.clients.iter();
            known
                .revoked_clients
                .extend(clients.map(|&client| (client, now)));
            known.learn_epochs(&standing.epochs);
            let position = changes.tenants.unwrap_or_default();
            known.learn_deleted(standing.deleted_tenants, Noted { position, at: now });
            if let Some(limits) = standing.limits {
                known.given = given(limits);
            }
        });
    }

    /// Takes over a snapshot, beside what is known already.
    pub(crate) fn learn(&self, snapshot: Snapshot, now: Timestamp) {
        let (revoked, ended) = (snapshot.revoked, snapshot.ended);
        let clients = snapshot.revoked_clients;
        self.write(|known| {
            known
                .revoked
                .extend(revoked.into_iter().map(|id| (id, now)));
            known.ended.extend(ended.into_iter().map(|id| (id, now)));
            known
                .revoked_clients
                .extend(clients.into_iter().map(|id| (id, now)));
            known.retiring.extend(snapshot.retiring);
            known.learn_epochs(&snapshot.epochs);
            // Nothing was cached before a snapshot that is not distrusted.
            let position = Position::default();
            known.learn_deleted(snapshot.deleted_tenants, Noted { position, at: now });
            known.given = given(snapshot.limits);
        });
    }

    /// Changes up to `position` were not seen one by one: whatever was cached before is
    /// stale.
    pub(crate) fn distrust(&self, position: Position) {
        self.write(|known| known.forgotten = known.forgotten.max(position));
    }

    /// Forgets what was learned before `before`, when every access token of then is over.
    pub(crate) fn forget(&self, before: Timestamp) {
        if self.known.load().is_over(before) {
            self.write(|known| known.forget(before));
        }
    }

    pub(crate) fn keys_changed(&self) {
        self.write(|known| known.keys_changed += 1);
    }

    /// Makes the next version and puts it in force.
    fn write(&self, change: impl FnOnce(&mut Known)) {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Known::clone(&self.known.load());
        change(&mut next);
        self.known.store(Arc::new(next));
    }
}

fn given(limits: Vec<TenantLimit>) -> Arc<Given> {
    let mut by_tenant = Given::new();
    for given in limits {
        let of_tenant = by_tenant.entry(given.tenant).or_default();
        of_tenant.push((given.limit.into(), given.amount));
    }
    Arc::new(by_tenant)
}

impl Known {
    /// An epoch only grows, so that it does not matter which of two answers came first.
    fn learn_epochs(&mut self, epochs: &[(SubjectId, Option<TenantId>, Epoch)]) {
        for (subject, tenant, epoch) in epochs {
            let mut of_subject = self
                .epochs
                .get(subject)
                .map_or_else(Epochs::default, |known| Epochs::clone(known));
            of_subject.learn(tenant.as_ref(), *epoch);
            self.epochs.insert(*subject, Arc::new(of_subject));
        }
    }

    /// A tenant is deleted once.
    fn learn_deleted(&mut self, tenants: Vec<TenantId>, noted: Noted) {
        for tenant in tenants {
            if self.deleted_tenants.get(&tenant).is_none() {
                self.deleted_tenants.insert(tenant, noted);
            }
        }
    }

    /// Whether anything is to be forgotten.
    fn is_over(&self, before: Timestamp) -> bool {
        let learned = |at: &Timestamp| *at < before;
        let noted = |noted: &Noted| noted.at < before;
        self.revoked.values().any(learned)
            || self.ended.values().any(learned)
            || self.revoked_clients.values().any(learned)
            || self.retiring.values().any(learned)
            || self
                .epochs
                .values()
                .any(|of| of.latest() < before.as_micros())
            || self.tokens_changed.values().any(noted)
            || self.subjects_changed.values().any(noted)
            || self.deleted_tenants.values().any(noted)
    }

    fn forget(&mut self, before: Timestamp) {
        self.revoked.retain(|at| *at >= before);
        self.ended.retain(|at| *at >= before);
        self.revoked_clients.retain(|at| *at >= before);
        self.retiring.retain(|until| *until >= before);
        self.epochs.retain(|of| of.latest() >= before.as_micros());
        let tokens = self.tokens_changed.values();
        let noted = tokens
            .chain(self.subjects_changed.values())
            .chain(self.deleted_tenants.values());
        let over = noted.filter(|noted| noted.at < before);
        let last = over.map(|noted| noted.position).max();
        self.forgotten = self.forgotten.max(last.unwrap_or_default());
        self.tokens_changed.retain(|noted| noted.at >= before);
        self.subjects_changed.retain(|noted| noted.at >= before);
        self.deleted_tenants.retain(|noted| noted.at >= before);
    }
}

impl Epochs {
    /// When the subject last changed anywhere, or later, in microseconds: an epoch is a
    /// time.
    fn latest(&self) -> i64 {
        let there = self.tenants.iter().map(|(_, epoch)| epoch.0);
        there.fold(self.realm_wide.0, i64::max)
    }

    fn there(&self, tenant: &TenantId) -> Epoch {
        let found = self
            .tenants
            .binary_search_by(|(known, _)| known.cmp(tenant));
        let entry = found.ok().and_then(|at| self.tenants.get(at));
        entry.map_or_else(Epoch::default, |(_, epoch)| *epoch)
    }

    fn learn(&mut self, tenant: Option<&TenantId>, epoch: Epoch) {
        let Some(tenant) = tenant else {
            self.realm_wide.0 = self.realm_wide.0.max(epoch.0);
            return;
        };
        match self
            .tenants
            .binary_search_by(|(known, _)| known.cmp(tenant))
        {
            Ok(at) => {
                if let Some((_, known)) = self.tenants.get_mut(at) {
                    known.0 = known.0.max(epoch.0);
                }
            }
            Err(at) => self.tenants.insert(at, (tenant.clone(), epoch)),
        }
    }
}

#[cfg(test)]
mod tests;
