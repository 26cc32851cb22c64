//! A realm's keys, opened and ready for use. Not here: making and rotating them
//! (`keys`).

use super::keys::KeysError;
use crate::model::{KeyPurpose, KeyRecord, KeyState};
use doorward_base::secret::TokenDigest;
use doorward_base::{RealmId, Secret, Timestamp};
use doorward_jose::{Algorithm, DigestKey, KeySet, MasterKey, SigningKey};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// A realm's keys in force.
pub struct Keyring {
    access: SigningKey,
    internal: SigningKey,
    digest: DigestPair,
    /// Tokens made under them are moved to the current one when next presented.
    older_digests: Vec<DigestPair>,
    inbound: Arc<KeySet>,
    jwks: Value,
}

/// The digest keys made from one stored key, one for each kind of credential.
struct DigestPair {
    tokens: DigestKey,
    invitations: DigestKey,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("access", &self.access.kid())
            .field("internal", &self.internal.kid())
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Signs access tokens.
    #[must_use]
    pub const fn access(&self) -> &SigningKey {
        &self.access
    }

    /// Signs JWTs for upstreams.
    #[must_use]
    pub const fn internal(&self) -> &SigningKey {
        &self.internal
    }

    /// What our own access tokens are checked with: next, active and retiring keys.
    /// The internal key is not among them, so that its JWTs are refused inbound.
    #[must_use]
    pub const fn inbound(&self) -> &Arc<KeySet> {
        &self.inbound
    }

    /// The JWKS to publish: the public halves of access and internal keys.
    #[must_use]
    pub const fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// The digest an API token is stored under, and its key's id.
    pub(super) fn token_digest(&self, secret: &Secret) -> (TokenDigest, String) {
        digest_of(&self.digest.tokens, secret)
    }

    /// The digests an API token may be stored under, the current one first.
    pub(super) fn token_digests(&self, secret: &Secret) -> Vec<(TokenDigest, String)> {
        let keys = std::iter::once(&self.digest).chain(&self.older_digests);
        keys.map(|pair| digest_of(&pair.tokens, secret)).collect()
    }

    /// The digest an invitation is stored under.
    pub(super) fn invitation_digest(&self, secret: &Secret) -> TokenDigest {
        digest_of(&self.digest.invitations, secret).0
    }

    /// The digests an invitation may be stored under.
    pub(super) fn invitation_digests(&self, secret: &Secret) -> Vec<TokenDigest> {
        let keys = std::iter::once(&self.digest).chain(&self.older_digests);
        keys.map(|pair| digest_of(&pair.invitations, secret).0)
            .collect()
    }

    /// Opens the stored keys of a realm. Keys past their retirement are left out.
    pub(super) fn open(
        master: &MasterKey,
        realm: RealmId,
        records: &[KeyRecord],
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        let live: Vec<&KeyRecord> = records
            .iter()
            .filter(|record| !is_past(record.state, now))
            .collect();
        let mut access = open_signing(master, realm, &live, KeyPurpose::Access)?;
        let mut internal = open_signing(master, realm, &live, KeyPurpose::Internal)?;
        let (digest, older_digests) = open_digests(master, realm, &live)?;
        let published = access.keys.iter().chain(&internal.keys);
        let published = KeySet::from_signing_keys(published).map_err(KeysError::damaged)?;
        let inbound = KeySet::from_signing_keys(&access.keys).map_err(KeysError::damaged)?;
        Ok(Self {
            jwks: published.public_jwks(),
            inbound: Arc::new(inbound),
            access: access.take_active(KeyPurpose::Access)?,
            internal: internal.take_active(KeyPurpose::Internal)?,
            digest,
            older_digests,
        })
    }
}

fn digest_of(key: &DigestKey, secret: &Secret) -> (TokenDigest, String) {
    (key.digest(secret.expose().as_bytes()), key.id())
}

/// Whether a key's retirement is over.
pub(super) fn is_past(state: KeyState, now: Timestamp) -> bool {
    matches!(state, KeyState::Retiring { until } if until <= now)
}

struct Opened {
    keys: Vec<SigningKey>,
    active: Option<usize>,
}

impl Opened {
    fn take_active(&mut self, purpose: KeyPurpose) -> Result<SigningKey, KeysError> {
        match self.active.take() {
            Some(at) if at < self.keys.len() => Ok(self.keys.swap_remove(at)),
            _ => Err(KeysError::Missing(purpose.as_str())),
        }
    }
}

fn open_signing(
    master: &MasterKey,
    realm: RealmId,
    records: &[&KeyRecord],
    purpose: KeyPurpose,
) -> Result<Opened, KeysError> {
    let mut opened = Opened {
        keys: Vec::new(),
        active: None,
    };
    for record in records.iter().filter(|record| record.purpose == purpose) {
        let algorithm: Algorithm = record.algorithm.parse().map_err(KeysError::damaged)?;
        let bytes = open_sealed(master, realm, record)?;
        let key = SigningKey::from_bytes(algorithm, &bytes).map_err(KeysError::damaged)?;
        if record.state == KeyState::Active {
            opened.active = Some(opened.keys.len());
        }
        opened.keys.push(key);
    }
    Ok(opened)
}

fn open_digests(
    master: &MasterKey,
    realm: RealmId,
    records: &[&KeyRecord],
) -> Result<(DigestPair, Vec<DigestPair>), KeysError> {
    let mut current = None;
    let mut older = Vec::new();
    let digests = records
        .iter()
        .filter(|record| record.purpose == KeyPurpose::Digest);
    for record in digests {
        let generation = open_sealed(master, realm, record)?;
        let generation = std::str::from_utf8(&generation).map_err(KeysError::damaged)?;
        let pair = DigestPair {
            tokens: token_digest_key(master, realm, generation)?,
            invitations: DigestKey::derive(master, &label(realm, generation, "invitation"))
                .map_err(KeysError::seal)?,
        };
        if record.state == KeyState::Active {
            current = Some(pair);
        } else {
            older.push(pair);
        }
    }
    let current = current.ok_or(KeysError::Missing(KeyPurpose::Digest.as_str()))?;
    Ok((current, older))
}

/// The digest key of API tokens for a generation of the realm's digest keys.
pub(super) fn token_digest_key(
    master: &MasterKey,
    realm: RealmId,
    generation: &str,
) -> Result<DigestKey, KeysError> {
    DigestKey::derive(master, &label(realm, generation, "api-token")).map_err(KeysError::seal)
}

fn label(realm: RealmId, generation: &str, kind: &str) -> String {
    format!("realm/{}/{generation}/{kind}", realm.0)
}

/// What a stored key is sealed for: it opens in no other realm and for no other use.
pub(super) fn seal_purpose(realm: RealmId, purpose: KeyPurpose, kid: &str) -> String {
    format!("realm/{}/key/{}/{kid}", realm.0, purpose.as_str())
}

fn open_sealed(
    master: &MasterKey,
    realm: RealmId,
    record: &KeyRecord,
) -> Result<impl std::ops::Deref<Target = Vec<u8>> + use<>, KeysError> {
    let purpose = seal_purpose(realm, record.purpose, &record.kid);
    master
        .open(&purpose, &record.sealed)
        .map_err(KeysError::seal)
}
