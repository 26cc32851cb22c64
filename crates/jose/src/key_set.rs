//! Keys by id: a realm's own, or a foreign issuer's JWKS (RFC 7517 §5). Not here:
//! fetching and refreshing (`gate`), and which issuer a set belongs to: a set is asked
//! only about tokens of its own issuer, so that ids of two issuers never meet.

use crate::alg::Algorithm;
use crate::json;
use crate::jws::JwsError;
use crate::key::{JwkError, Kid, SigningKey, VerifyingKey};
use serde_json::Value;

/// The most keys in a set.
pub const MAX_KEYS: usize = 100;
/// The largest JWKS document, in bytes.
pub const MAX_JWKS: usize = 512 * 1024;

/// A bounded set of verifying keys with distinct ids.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    entries: Vec<Entry>,
    skipped: Vec<Skipped>,
}

#[derive(Debug, Clone)]
struct Entry {
    kid: Option<Kid>,
    key: VerifyingKey,
}

/// An entry of a JWKS that is no key for us, and why: an encryption key, an unknown
/// type, a weak key. The rest of the set is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its `kid`, if it had an acceptable one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: JwkError,
}

/// Why a whole set is refused. The caller keeps the last good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not strict JSON, not an object with an array `keys`, or larger than 512 KiB.
    #[error("the document is not a JWK set")]
    Malformed,
    /// More than 100 keys.
    #[error("the set has more than {MAX_KEYS} keys")]
    TooMany,
    /// Two keys with one id.
    #[error("two keys of the set have the same kid")]
    DuplicateKid,
    /// Symmetric and public keys side by side: a door to algorithm confusion.
    #[error("the set mixes symmetric and public keys")]
    Mixed,
    /// A private key among public ones; it is burnt.
    #[error("the set publishes a private key")]
    Private,
}

impl KeySetError {
    /// A stable name for traces and verdicts.
    #[must_use]
    pub const fn check(self) -> &'static str {
        match self {
            Self::Malformed => "keys_malformed",
            Self::TooMany => "keys_too_many",
            Self::DuplicateKid => "keys_duplicate_kid",
            Self::Mixed => "keys_mixed",
            Self::Private => "key_private",
        }
    }
}

impl KeySet {
    /// Reads a JWKS document. Entries that are no keys for us are skipped (RFC 7517
    /// §5 says to ignore what one does not understand) and listed in
    /// [`skipped`](Self::skipped).
    ///
    /// # Errors
    /// [`KeySetError`] when the set as a whole cannot be trusted.
    pub fn from_jwks_json(document: &[u8]) -> Result<Self, KeySetError> {
        if document.len() > MAX_JWKS {
            return Err(KeySetError::Malformed);
        }
        Self::from_jwks(&json::parse(document).map_err(|_| KeySetError::Malformed)?)
    }

    /// Reads a JWKS that [`json::parse`] has read.
    ///
    /// # Errors
    /// [`KeySetError`] when the set as a whole cannot be trusted.
    pub fn from_jwks(jwks: &Value) -> Result<Self, KeySetError> {
        let keys = jwks
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(KeySetError::Malformed)?;
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let symmetric = keys.iter().filter(|jwk| is_symmetric(jwk)).count();
        if symmetric != 0 && symmetric != keys.len() {
            return Err(KeySetError::Mixed);
        }
        let mut set = Self::default();
        for jwk in keys {
            match VerifyingKey::from_jwk(jwk) {
                Ok((kid, key)) => set.add(kid.as_deref(), key)?,
                Err(JwkError::Private) => return Err(KeySetError::Private),
                Err(reason) => set.skip(jwk, reason)?,
            }
        }
        Ok(set)
    }

    /// The set of our own keys. Unlike a foreign set it may hold a symmetric key
    /// beside public ones, while a realm moves away from a legacy secret: each key
    /// has its own algorithm, and [`public_jwks`](Self::public_jwks) leaves it out.
    ///
    /// # Errors
    /// [`KeySetError::DuplicateKid`] or [`KeySetError::TooMany`].
    pub fn from_signing_keys<'a>(
        keys: impl IntoIterator<Item = &'a SigningKey>,
    ) -> Result<Self, KeySetError> {
        let mut set = Self::default();
        for key in keys {
            set.add(Some(key.kid()), key.verifying_key())?;
        }
        Ok(set)
    }

    /// The set of one key.
    #[must_use]
    pub fn single(kid: Option<&str>, key: VerifyingKey) -> Self {
        Self {
            entries: vec![Entry {
                kid: kid.map(Kid::from),
                key,
            }],
            skipped: Vec::new(),
        }
    }

    /// The key with that id.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.entries
            .iter()
            .find(|entry| entry.kid.as_deref() == Some(kid))
            .map(|entry| &entry.key)
    }

    /// The one key that a header with this `kid` and `alg` can mean. Where the header
    /// names no id, or names one and no key has it, it is the only key of that
    /// algorithm, among all or among those without an id; keys are never tried in turn.
    ///
    /// # Errors
    /// [`JwsError::KidUnknown`], [`JwsError::KidMissing`] when several keys fit, and
    /// [`JwsError::Algorithm`] when the key is for another algorithm.
    pub fn select(&self, kid: Option<&str>, alg: Algorithm) -> Result<&VerifyingKey, JwsError> {
        if let Some(key) = kid.and_then(|kid| self.find(kid)) {
            return if key.algorithm() == alg {
                Ok(key)
            } else {
                Err(JwsError::Algorithm)
            };
        }
        let mut fitting = self
            .entries
            .iter()
            .filter(|entry| kid.is_none() || entry.kid.is_none())
            .peekable();
        if fitting.peek().is_none() {
            return Err(JwsError::KidUnknown);
        }
        let mut fitting = fitting.filter(|entry| entry.key.algorithm() == alg);
        match (fitting.next(), fitting.next()) {
            (Some(entry), None) => Ok(&entry.key),
            (None, _) => Err(JwsError::Algorithm),
            (Some(_), Some(_)) => Err(JwsError::KidMissing),
        }
    }

    /// How many keys it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was left out of a JWKS, and why.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The JWKS to publish: public keys only.
    #[must_use]
    pub fn public_jwks(&self) -> Value {
        let keys: Vec<Value> = self
            .entries
            .iter()
            .filter_map(|entry| entry.key.jwk(entry.kid.as_deref()))
            .collect();
        serde_json::json!({ "keys": keys })
    }

    fn skip(&mut self, jwk: &Value, reason: JwkError) -> Result<(), KeySetError> {
        let kid = jwk.get("kid").and_then(Value::as_str);
        // A bad key of a good one's id is a sign of a confused issuer; a key for
        // another use may share it (RFC 7517 §4.5).
        if reason.concerns_us() && kid.is_some_and(|kid| self.holds(kid)) {
            return Err(KeySetError::DuplicateKid);
        }
        self.skipped.push(Skipped {
            kid: kid.map(str::to_owned),
            reason,
        });
        Ok(())
    }

    /// Whether a key for us, good or bad, has that id.
    fn holds(&self, kid: &str) -> bool {
        self.find(kid).is_some()
            || self
                .skipped
                .iter()
                .any(|skipped| skipped.reason.concerns_us() && skipped.kid.as_deref() == Some(kid))
    }

    fn add(&mut self, kid: Option<&str>, key: VerifyingKey) -> Result<(), KeySetError> {
        if kid.is_some_and(|kid| self.holds(kid)) {
            return Err(KeySetError::DuplicateKid);
        }
        if self.entries.len() >= MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        self.entries.push(Entry {
            kid: kid.map(Kid::from),
            key,
        });
        Ok(())
    }
}

fn is_symmetric(jwk: &Value) -> bool {
    jwk.get("kty").is_some_and(|kty| kty == "oct")
}

#[cfg(test)]
mod tests;
