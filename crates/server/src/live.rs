//! What this process knows of the store without asking it: revocations, ended
//! sessions, epochs, and which tokens changed since they were cached. The feed keeps
//! it; the gate's ports read it without awaiting.

use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{ApiTokenId, RealmId, SessionId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::ChangeSeq;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What is known of one realm.
#[derive(Debug)]
pub(crate) struct RealmLive {
    /// The realm's number in the store.
    pub(crate) id: RealmId,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    revoked: HashSet<ApiTokenId>,
    retiring: HashMap<ApiTokenId, Timestamp>,
    ended: HashSet<SessionId>,
    epochs: HashMap<(SubjectId, Option<TenantId>), Epoch>,
    tokens_changed: HashMap<ApiTokenId, ChangeSeq>,
    subjects_changed: HashMap<SubjectId, ChangeSeq>,
    keys_changed: u64,
}

impl RealmLive {
    /// Knows nothing yet.
    pub(crate) fn new(id: RealmId) -> Self {
        Self {
            id,
            known: RwLock::default(),
        }
    }

    /// Whether the credential was revoked or ended, or its grace is over.
    pub(crate) fn is_revoked(&self, credential: &CredentialId, now: Timestamp) -> bool {
        let known = self.read();
        match credential {
            CredentialId::Session(id) => known.ended.contains(id),
            CredentialId::ApiToken(id) => {
                known.revoked.contains(id)
                    || known.retiring.get(id).is_some_and(|&until| until <= now)
            }
            CredentialId::Foreign => false,
        }
    }

    /// The epoch in force of a subject acting in a tenant: what changed realm-wide and
    /// what changed there, together, as `identity` writes it into tokens.
    pub(crate) fn epoch(&self, subject: SubjectId, tenant: Option<&TenantId>) -> Epoch {
        let known = self.read();
        let of = |tenant: Option<TenantId>| {
            known
                .epochs
                .get(&(subject, tenant))
                .map_or(0, |epoch| epoch.0)
        };
        let there = tenant.map_or(0, |tenant| of(Some(tenant.clone())));
        Epoch(of(None) + there)
    }

    /// Whether what was cached of a token at `as_of` may have changed since.
    pub(crate) fn is_stale(&self, token: ApiTokenId, owner: SubjectId, as_of: ChangeSeq) -> bool {
        let known = self.read();
        known
            .tokens_changed
            .get(&token)
            .is_some_and(|&at| at > as_of)
            || known
                .subjects_changed
                .get(&owner)
                .is_some_and(|&at| at > as_of)
    }

    /// Grows whenever the realm's keys change.
    pub(crate) fn key_generation(&self) -> u64 {
        self.read().keys_changed
    }

    pub(crate) fn token_changed(&self, token: ApiTokenId, at: ChangeSeq) {
        self.write().tokens_changed.insert(token, at);
    }

    pub(crate) fn token_revoked(&self, token: ApiTokenId) {
        self.write().revoked.insert(token);
    }

    pub(crate) fn token_retires(&self, token: ApiTokenId, until: Timestamp) {
        self.write().retiring.insert(token, until);
    }

    pub(crate) fn session_ended(&self, session: SessionId) {
        self.write().ended.insert(session);
    }

    pub(crate) fn subject_changed(&self, subject: SubjectId, at: ChangeSeq) {
        self.write().subjects_changed.insert(subject, at);
    }

    pub(crate) fn set_epochs(&self, epochs: Vec<(SubjectId, Option<TenantId>, Epoch)>) {
        let epochs = epochs
            .into_iter()
            .map(|(subject, tenant, epoch)| ((subject, tenant), epoch))
            .collect();
        self.write().epochs = epochs;
    }

    pub(crate) fn keys_changed(&self) {
        self.write().keys_changed += 1;
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_after_it_was_cached_is_stale() {
        let live = RealmLive::new(RealmId(1));
        let (token, owner) = (
            ApiTokenId::from_bytes([1; 16]),
            SubjectId::from_bytes([2; 16]),
        );
        live.token_changed(token, ChangeSeq(5));
        assert!(live.is_stale(token, owner, ChangeSeq(4)));
        assert!(!live.is_stale(token, owner, ChangeSeq(5)));
        live.subject_changed(owner, ChangeSeq(6));
        assert!(live.is_stale(token, owner, ChangeSeq(5)));
    }

    #[test]
    fn a_retiring_token_is_revoked_when_its_grace_is_over() {
        let live = RealmLive::new(RealmId(1));
        let token = ApiTokenId::from_bytes([1; 16]);
        let revoked_at = |second| {
            live.is_revoked(
                &CredentialId::ApiToken(token),
                Timestamp::from_seconds(second),
            )
        };
        assert!(!revoked_at(0));
        live.token_retires(token, Timestamp::from_seconds(5));
        assert!(!revoked_at(4));
        assert!(revoked_at(5));
        live.token_revoked(token);
        assert!(revoked_at(0));
    }
}
