//! What has been verified, by the digest of what was presented. Bounded; refusals are
//! never kept. A hit says only that the signature and the issuer's expectations held:
//! expiry, revocation, epoch and lease are checked each time.

use super::basic::Converted;
use crate::port::RemoteKeys;
use doorward_base::{Principal, Timestamp};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// What tells one verification from another: the realm, the policies in force, and
/// the SHA-256 of the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) realm: u32,
    pub(crate) generation: u64,
    /// The Basic module a minted token is for; 0 for what is not minted.
    pub(crate) module: u32,
    pub(crate) digest: [u8; 32],
}

/// A verified access token.
pub(crate) struct Entry {
    pub(crate) principal: Arc<Principal>,
    /// `exp` with the issuer's leeway.
    pub(crate) ends_at: Timestamp,
    pub(crate) keys: Provenance,
    pub(crate) kid: Option<Box<str>>,
}

/// Which keys a token was verified with, so that it is verified again once they changed.
#[derive(Clone)]
pub(crate) enum Provenance {
    /// Those of the configuration: other ones come with other policies.
    Fixed,
    /// Our own, of this generation.
    Own(u64),
    /// An external issuer's, of this generation.
    Remote(Arc<dyn RemoteKeys>, u64),
}

/// The caches of a gate.
pub(crate) struct Caches {
    pub(crate) tokens: Cache<Key, Arc<Entry>>,
    pub(crate) converted: Cache<Key, Arc<Converted>>,
}

impl Caches {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            tokens: Cache::new(capacity),
            converted: Cache::new((capacity / 8).max(16)),
        }
    }
}
