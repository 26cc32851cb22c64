//! Pending single-use steps.

use super::{Page, StoreError};
use crate::model::{Challenge, ChallengeKind};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ChallengeId, SubjectId, TenantId, Timestamp};

/// What a challenge is found by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChallengeKey {
    /// The digest of its secret, for a kind whose secret is long.
    Digest(ChallengeKind, TokenDigest),
    /// Its id.
    Id(ChallengeId),
    /// What it is the one pending of its kind for, see [`crate::model::slot_of`].
    Slot(ChallengeKind, String),
}

/// Which challenges to list: of one kind, not expired at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChallengeFilter {
    /// The kind.
    pub kind: ChallengeKind,
    /// Which of them.
    pub within: ChallengesIn,
    /// The moment.
    pub now: Timestamp,
}

/// Among which challenges to look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChallengesIn {
    /// All of the realm.
    Realm,
    /// Those about one of these tenants.
    Tenants(Vec<TenantId>),
    /// Those for an address in its canonical form.
    Address(String),
}

/// Which challenges end together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengesOf<'a> {
    /// Those of a subject, and those it made.
    Subject(SubjectId),
    /// Those that a subject made about a tenant.
    Maker {
        /// Who made them.
        subject: SubjectId,
        /// About which tenant.
        tenant: &'a TenantId,
    },
    /// Those sent to an address.
    Address {
        /// The address in its canonical form.
        address: &'a str,
        /// About this tenant; `None` is about anything.
        tenant: Option<&'a TenantId>,
    },
    /// Those about a tenant.
    Tenant(&'a TenantId),
}

/// Reading challenges.
#[async_trait]
pub trait ChallengeRead: Send {
    /// A challenge that waits to be taken, expired or not.
    async fn find_challenge(&mut self, key: &ChallengeKey)
    -> Result<Option<Challenge>, StoreError>;
    /// How many challenges somebody made about a tenant that wait to be taken or have
    /// expired, `most` if there are more: no more are looked at.
    async fn count_challenges_of(
        &mut self,
        maker: SubjectId,
        tenant: &TenantId,
        most: u32,
    ) -> Result<u32, StoreError>;
    /// Challenges by id.
    async fn list_challenges(
        &mut self,
        filter: &ChallengeFilter,
        page: Page<ChallengeId>,
    ) -> Result<Vec<Challenge>, StoreError>;
}

/// Writing challenges.
#[async_trait]
pub trait ChallengeWrite: Send {
    /// Adds a challenge, in place of an earlier one with the same [`Challenge::slot`].
    async fn put_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError>;
    /// Takes a challenge: it is returned once and gone, expired or not.
    async fn take_challenge(&mut self, key: &ChallengeKey)
    -> Result<Option<Challenge>, StoreError>;
    /// Counts a wrong guess at a challenge that is there.
    async fn count_attempt(&mut self, id: ChallengeId) -> Result<(), StoreError>;
    /// Ends challenges and says how many.
    async fn end_challenges(&mut self, which: ChallengesOf<'_>) -> Result<u64, StoreError>;
    /// Removes at most `limit` challenges that expired before `before`, and says how many.
    async fn prune_challenges(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
