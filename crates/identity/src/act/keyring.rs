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
    digest: DigestKeys,
    /// What was made under them is moved to the current one when next presented.
    older_digests: Vec<DigestKeys>,
    inbound: Arc<KeySet>,
    jwks: Value,
    next_change: Option<Timestamp>,
}

/// What a digest is of. Equal secrets of two kinds have unrelated digests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DigestKind {
    /// An API token.
    ApiToken,
    /// The secret that the refresh tokens of a session share.
    Refresh,
    /// What proves that a refresh token was made here; in the token, never in the store.
    RefreshSeal,
    /// A challenge, of whatever kind.
    Challenge,
    /// A client's secret.
    ClientSecret,
}

impl DigestKind {
    /// The last part of the derivation's label; changing one loses what was made under it.
    const fn label(self) -> &'static str {
        match self {
            Self::ApiToken => "api-token",
            Self::Refresh => "refresh",
            Self::RefreshSeal => "refresh-seal",
            Self::Challenge => "challenge",
            Self::ClientSecret => "client-secret",
        }
    }
}

/// The digest keys made from one stored key, one for each kind.
struct DigestKeys {
    tokens: DigestKey,
    refresh: DigestKey,
    refresh_seal: DigestKey,
    challenges: DigestKey,
    client_secrets: DigestKey,
}

impl DigestKeys {
    fn derive(master: &MasterKey, realm: RealmId, generation: &str) -> Result<Self, KeysError> {
        let key = |kind| digest_key(master, realm, generation, kind);
        Ok(Self {
            tokens: key(DigestKind::ApiToken)?,
            refresh: key(DigestKind::Refresh)?,
            refresh_seal: key(DigestKind::RefreshSeal)?,
            challenges: key(DigestKind::Challenge)?,
            client_secrets: key(DigestKind::ClientSecret)?,
        })
    }

    const fn of(&self, kind: DigestKind) -> &DigestKey {
        match kind {
            DigestKind::ApiToken => &self.tokens,
            DigestKind::Refresh => &self.refresh,
            DigestKind::RefreshSeal => &self.refresh_seal,
            DigestKind::Challenge => &self.challenges,
            DigestKind::ClientSecret => &self.client_secrets,
        }
    }
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

    /// When the first of the keys is over: until then, or until somebody changes them,
    /// they need not be read again.
    #[must_use]
    pub const fn next_change(&self) -> Option<Timestamp> {
        self.next_change
    }

    /// The digest a secret of this kind is stored under, and its key's id.
    pub(super) fn digest(&self, kind: DigestKind, secret: &Secret) -> (TokenDigest, String) {
        digest_of(self.digest.of(kind), secret)
    }

    /// The digests a secret of this kind may be stored under, the current one first.
    pub(super) fn digests(&self, kind: DigestKind, secret: &Secret) -> Vec<(TokenDigest, String)> {
        let keys = std::iter::once(&self.digest).chain(&self.older_digests);
        keys.map(|keys| digest_of(keys.of(kind), secret)).collect()
    }

    /// Proof that a refresh token's text was made here.
    pub(super) fn seal(&self, text: &str) -> String {
        self.digest
            .of(DigestKind::RefreshSeal)
            .seal(text.as_bytes())
    }

    /// Whether the text was sealed here, by any of the digest keys.
    pub(super) fn is_sealed(&self, text: &str, seal: &str) -> bool {
        let mut keys = std::iter::once(&self.digest).chain(&self.older_digests);
        keys.any(|keys| {
            let key = keys.of(DigestKind::RefreshSeal);
            key.is_sealed(text.as_bytes(), seal)
        })
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
        let ends = live.iter().filter_map(|record| match record.state {
            KeyState::Retiring { until } => Some(until),
            KeyState::Next | KeyState::Active => None,
        });
        Ok(Self {
            next_change: ends.min(),
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
) -> Result<(DigestKeys, Vec<DigestKeys>), KeysError> {
    let mut current = None;
    let mut older = Vec::new();
    let digests = records
        .iter()
        .filter(|record| record.purpose == KeyPurpose::Digest);
    for record in digests {
        let generation = open_sealed(master, realm, record)?;
        let generation = std::str::from_utf8(&generation).map_err(KeysError::damaged)?;
        let keys = DigestKeys::derive(master, realm, generation)?;
        if record.state == KeyState::Active {
            current = Some(keys);
        } else {
            older.push(keys);
        }
    }
    let current = current.ok_or(KeysError::Missing(KeyPurpose::Digest.as_str()))?;
    Ok((current, older))
}

/// The digest key of a kind for a generation of the realm's digest keys.
pub(super) fn digest_key(
    master: &MasterKey,
    realm: RealmId,
    generation: &str,
    kind: DigestKind,
) -> Result<DigestKey, KeysError> {
    let label = format!("realm/{}/{generation}/{}", realm.0, kind.label());
    DigestKey::derive(master, &label).map_err(KeysError::seal)
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
