//! What has been revoked, from what the feed keeps in memory.

use crate::feed::Feed;
use crate::realms::Realms;
use doorward_base::fault::{self, Fault};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{RealmName, SubjectId, TenantId, Timestamp};
use doorward_gate::port::Revocations;
use std::sync::Arc;
use std::time::Duration;

/// How long an `immediate` realm goes on when the store does not answer the feed.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// Reads what the feed keeps.
pub(crate) struct FeedRevocations {
    realms: Arc<Realms>,
    feed: Arc<Feed>,
}

impl FeedRevocations {
    /// For these realms.
    pub(crate) fn new(realms: Arc<Realms>, feed: Arc<Feed>) -> Self {
        Self { realms, feed }
    }
}

impl Revocations for FeedRevocations {
    fn is_current(&self, _: &RealmName, _: Timestamp) -> bool {
        // By the monotonic clock: a wall clock that jumps must not open the door.
        self.feed.silence() <= LEASE
    }

    fn is_revoked(&self, realm: &RealmName, credential: &CredentialId, now: Timestamp) -> bool {
        if fault::is_planted(Fault::SkipRevocation) {
            return false;
        }
        self.realms
            .get(realm)
            .is_none_or(|served| served.live.is_revoked(credential, now))
    }

    fn epoch(&self, realm: &RealmName, subject: SubjectId, tenant: Option<&TenantId>) -> Epoch {
        self.realms
            .get(realm)
            .map_or_else(Epoch::default, |served| served.live.epoch(subject, tenant))
    }
}
