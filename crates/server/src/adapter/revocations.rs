//! What has been revoked, from what the feed keeps in memory.

use crate::feed::Feed;
use crate::realms::Served;
use doorward_base::fault::{self, Fault};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{SubjectId, TenantId, Timestamp};
use doorward_gate::port::Revocations;
use doorward_surface::RealmHandle;
use std::sync::Arc;
use std::time::Duration;

/// How long an `immediate` realm goes on when the store does not answer the feed.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// Reads what the feed keeps.
pub(crate) struct FeedRevocations {
    feed: Arc<Feed>,
}

impl FeedRevocations {
    /// Of this feed.
    pub(crate) fn new(feed: Arc<Feed>) -> Self {
        Self { feed }
    }
}

impl Revocations for FeedRevocations {
    fn is_current(&self, _: &RealmHandle, _: Timestamp) -> bool {
        // By the monotonic clock: a wall clock that jumps must not open the door.
        self.feed.silence() <= LEASE
    }

    fn is_revoked(&self, realm: &RealmHandle, credential: &CredentialId, now: Timestamp) -> bool {
        if fault::is_planted(Fault::SkipRevocation) {
            return false;
        }
        realm
            .get::<Arc<Served>>()
            .is_none_or(|served| served.live.is_revoked(credential, now))
    }

    fn is_deleted(&self, realm: &RealmHandle, tenant: &TenantId) -> bool {
        realm
            .get::<Arc<Served>>()
            .is_some_and(|served| served.live.is_deleted(Some(tenant)))
    }

    fn epoch(&self, realm: &RealmHandle, subject: SubjectId, tenant: Option<&TenantId>) -> Epoch {
        realm
            .get::<Arc<Served>>()
            .map_or_else(Epoch::default, |served| served.live.epoch(subject, tenant))
    }
}
