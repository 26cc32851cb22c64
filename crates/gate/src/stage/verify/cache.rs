//! What has been verified, by the digest of what was presented. Bounded in bytes; what is over
//! is dropped; refusals are never kept. A hit says only that the signature and the issuer's expectations held:
//! expiry, revocation, epoch and lease are checked each time.

use super::basic::Converted;
use crate::port::RemoteKeys;
use doorward_base::{Principal, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// What tells one verification from another: the realm, the policies in force, and
/// the SHA-256 of the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) realm: u32,
    pub(crate) generation: u64,
    /// The Basic module that it was converted for; 0 for an access token.
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
    /// See [`weight`].
    pub(crate) weight: u32,
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
    pub(crate) tokens: Cache<Key, Arc<Entry>, Weigh>,
    pub(crate) converted: Cache<Key, Arc<Converted>, Weigh>,
}

impl Caches {
    /// Of `bytes` bytes, an eighth of them for what was converted. A caller with large
    /// tokens takes room from others, never more than there is.
    pub(crate) fn new(bytes: u64) -> Self {
        let of = |bytes: u64| {
            let entries = usize::try_from(bytes / USUAL).unwrap_or(usize::MAX).max(16);
            (entries, bytes.max(64 * 1024))
        };
        let ((tokens, room), (converted, converted_room)) = (of(bytes - bytes / 8), of(bytes / 8));
        Self {
            tokens: Cache::with_weighter(tokens, room, Weigh),
            converted: Cache::with_weighter(converted, converted_room, Weigh),
        }
    }

    /// Drops what is over at `now`, and what was verified under other policies than those
    /// in force.
    pub(crate) fn forget(&self, generation: u64, now: Timestamp) {
        let current = |key: &Key| key.generation == generation;
        self.tokens
            .retain(|key, entry| current(key) && now < entry.ends_at);
        self.converted
            .retain(|key, converted| current(key) && !converted.is_over(now));
    }
}

/// What a usual entry weighs, bytes.
const USUAL: u64 = 2048;
/// What an entry takes beside its caller: itself, its key, and its place in the cache.
const BASE: usize = 256;

/// How many bytes an entry takes, about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weigh;

impl Weighter<Key, Arc<Entry>> for Weigh {
    fn weight(&self, _: &Key, entry: &Arc<Entry>) -> u64 {
        u64::from(entry.weight)
    }
}

impl Weighter<Key, Arc<Converted>> for Weigh {
    fn weight(&self, _: &Key, converted: &Arc<Converted>) -> u64 {
        u64::from(converted.weight)
    }
}

/// What an entry weighs that is about this caller and has `further` bytes of its own.
pub(crate) fn weight(principal: &Principal, further: usize) -> u32 {
    u32::try_from(BASE + further + principal.weight()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::SubjectKind;
    use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
    use serde_json::json;

    fn entry(bytes: usize) -> Arc<Entry> {
        ending(bytes, Timestamp::MAX)
    }

    fn ending(bytes: usize, ends_at: Timestamp) -> Arc<Entry> {
        let principal = caller(bytes);
        Arc::new(Entry {
            weight: weight(&principal, 0),
            principal: Arc::new(principal),
            ends_at,
            keys: Provenance::Fixed,
            kid: None,
        })
    }

    fn converted(weight: u32, fresh_until: Timestamp) -> Arc<Converted> {
        Arc::new(Converted {
            principal: Arc::new(caller(1)),
            authorization: http::HeaderValue::from_static("Bearer x"),
            fresh_until,
            weight,
        })
    }

    fn caller(bytes: usize) -> Principal {
        let claims = json!({"sub": "x", "blob": "a".repeat(bytes)});
        Principal::new(PrincipalParts {
            sub: "x".into(),
            subject: None,
            kind: SubjectKind::External,
            tenant: None,
            permissions: vec![],
            roles: vec![],
            role: None,
            scopes: vec![],
            lost_role: None,
            crosses: false,
            credential: CredentialId::Foreign,
            client: None,
            actors: vec![],
            environment: None,
            issuer: "i".into(),
            audience: vec![],
            expires_at: Timestamp::MAX,
            epoch: Epoch::default(),
            claims: Arc::new(claims.as_object().unwrap().clone()),
        })
    }

    fn key(number: u32) -> Key {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        Key {
            realm: 0,
            generation: 1,
            module: 0,
            digest,
        }
    }

    #[test]
    fn large_tokens_fill_the_cache_by_their_size() {
        let bytes = 8 << 20;
        let caches = Caches::new(bytes);
        for number in 0..6_000 {
            caches.tokens.insert(key(number), entry(16 * 1024));
        }
        assert!(caches.tokens.weight() <= bytes);
        assert!(
            caches.tokens.len() <= 8 * 1024 / 16,
            "{}",
            caches.tokens.len()
        );
        let small = Caches::new(bytes);
        for number in 0..2_000 {
            small.tokens.insert(key(number), entry(100));
        }
        assert!(small.tokens.len() > 1_900, "{}", small.tokens.len());
    }

    #[test]
    fn what_was_converted_goes_when_it_is_over_or_of_other_policies() {
        let caches = Caches::new(8 << 20);
        let now = Timestamp::from_seconds(1000);
        for number in 0..10 {
            let fresh_until = now.plus(std::time::Duration::from_secs(u64::from(number % 2)));
            caches
                .converted
                .insert(key(number), converted(1000, fresh_until));
        }
        assert_eq!(caches.converted.weight(), 10_000);
        caches.forget(1, now);
        assert_eq!(
            (caches.converted.len(), caches.converted.weight()),
            (5, 5000)
        );
        assert!(caches.converted.get(&key(0)).is_none(), "over");
        assert!(caches.converted.get(&key(1)).is_some());
        caches.forget(2, now);
        assert_eq!((caches.converted.len(), caches.converted.weight()), (0, 0));
    }

    #[test]
    fn an_entry_weighs_its_caller_and_what_else_it_has() {
        let (small, large) = (caller(1), caller(1001));
        assert!(weight(&small, 0) > 256);
        assert_eq!(weight(&small, 500), weight(&small, 0) + 500);
        assert_eq!(weight(&large, 0), weight(&small, 0) + 1000);
    }

    #[test]
    fn what_is_over_or_of_other_policies_takes_no_room() {
        let caches = Caches::new(8 << 20);
        let now = Timestamp::from_seconds(1000);
        for number in 0..1000 {
            let ends_at = now.plus(std::time::Duration::from_secs(u64::from(number % 2)));
            caches.tokens.insert(key(number), ending(100, ends_at));
        }
        let before = caches.tokens.weight();
        caches.forget(1, now);
        assert_eq!(caches.tokens.len(), 500);
        assert!(caches.tokens.get(&key(0)).is_none(), "over");
        assert!(caches.tokens.get(&key(1)).is_some());
        assert!(caches.tokens.weight() <= before / 2);
        caches.forget(2, now);
        assert_eq!((caches.tokens.len(), caches.tokens.weight()), (0, 0));
    }
}
