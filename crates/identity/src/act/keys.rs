//! Makes, loads and rotates a realm's keys. They lie in the store sealed under the
//! master key. Not here: opening and using them (`keyring`).

mod rotate;

pub use rotate::{Pace, Rotated, rotate};

use super::keyring::{DigestKind, Keyring, digest_key, seal_purpose};
use super::{Call, Identity};
use crate::model::{Actor, AuditAction, Change, KeyPurpose, KeyRecord, KeyState};
use crate::port::{Extent, StoreError, Tx};
use crate::settings::RealmSettings;
use doorward_base::{ErrorCode, RealmId, Timestamp, entropy};
use doorward_jose::seal::SealError;
use doorward_jose::{Algorithm, SigningKey};
use serde_json::json;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// How long verifiers may keep a JWKS: its `Cache-Control: max-age`. A new key is
/// published that long before it signs, an old one that long after it signed last.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

/// How long a digest key is known to all processes before tokens move to it: twice as
/// long as a process serves without hearing of changes.
pub const DIGEST_LEAD: Duration = Duration::from_secs(10);

const PURPOSES: [KeyPurpose; 3] = [KeyPurpose::Access, KeyPurpose::Internal, KeyPurpose::Digest];
/// Under which name the store keeps what tells a wrong master key.
pub const MASTER_KEY_CHECK: &str = "master_key_check";

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was sealed under another master key.
    #[error("the master key is not the one this store was made with")]
    WrongMasterKey,
    /// A realm has no active key of a purpose.
    #[error("the realm has no active {0} key")]
    Missing(&'static str),
    /// A stored key cannot be opened or read.
    #[error("a stored key is damaged: {0}")]
    Damaged(String),
    /// The cryptographic library failed.
    #[error("{0}")]
    Library(String),
}

impl KeysError {
    /// The public code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Store(StoreError::Unavailable(_)) => ErrorCode::StoreUnavailable,
            _ => ErrorCode::Internal,
        }
    }

    pub(super) fn damaged(cause: impl Display) -> Self {
        Self::Damaged(cause.to_string())
    }

    pub(super) fn seal(cause: SealError) -> Self {
        match cause {
            SealError::WrongKey => Self::WrongMasterKey,
            SealError::Malformed | SealError::Tampered => Self::damaged(cause),
            SealError::Library => Self::Library(cause.to_string()),
        }
    }
}

/// Compares the master key with the one the store was made with; on a new store, this
/// one becomes it.
///
/// # Errors
/// [`KeysError::WrongMasterKey`].
pub async fn check_master(identity: &Identity) -> Result<(), KeysError> {
    let own = identity.master.check_value().map_err(KeysError::seal)?;
    let engine = identity.store.engine();
    let stored = engine
        .init_store_value(MASTER_KEY_CHECK, own.as_bytes())
        .await?;
    if stored == own.as_bytes() {
        Ok(())
    } else {
        Err(KeysError::WrongMasterKey)
    }
}

/// Opens a realm's keys as they are in the store.
///
/// # Errors
/// [`KeysError`].
pub async fn load(
    identity: &Identity,
    realm: RealmId,
    now: Timestamp,
) -> Result<Arc<Keyring>, KeysError> {
    let records = list(identity, realm).await?;
    Keyring::open(&identity.master, realm, &records, now).map(Arc::new)
}

async fn list(identity: &Identity, realm: RealmId) -> Result<Vec<KeyRecord>, StoreError> {
    identity
        .store
        .read_as(realm, Extent::Upkeep, |tx| {
            Box::pin(async move { tx.list_keys().await })
        })
        .await
}

/// Makes the keys that a realm lacks and opens them all. Two processes that do this at
/// once end with the same keys. A realm whose configured algorithm changed gets a new
/// active access key, and the old one retires.
///
/// # Errors
/// [`KeysError`].
pub async fn ensure(
    identity: &Identity,
    realm: RealmId,
    settings: &RealmSettings,
    call: &Call,
) -> Result<Arc<Keyring>, KeysError> {
    let records = list(identity, realm).await?;
    let mut made = Vec::new();
    for purpose in PURPOSES {
        if lacks(&records, purpose, settings) {
            made.push(make(identity, realm, purpose, settings, call.now).await?);
        }
    }
    if !made.is_empty() {
        let (settings, call, made) = (settings.clone(), *call, Arc::<[KeyRecord]>::from(made));
        let done = identity.store.write(realm, move |tx| {
            let (settings, made) = (settings.clone(), Arc::clone(&made));
            Box::pin(async move { insert_missing(tx, &settings, &call, &made).await })
        });
        done.await?;
    }
    load(identity, realm, call.now).await
}

fn lacks(records: &[KeyRecord], purpose: KeyPurpose, settings: &RealmSettings) -> bool {
    !records.iter().any(|record| {
        record.purpose == purpose
            && record.state == KeyState::Active
            && (purpose != KeyPurpose::Access
                || record.algorithm == settings.tokens.algorithm.as_str())
    })
}

async fn insert_missing(
    tx: &mut dyn Tx,
    settings: &RealmSettings,
    call: &Call,
    made: &[KeyRecord],
) -> Result<(), StoreError> {
    // Looked at again: another process may have been first.
    let records = tx.list_keys().await?;
    for key in made
        .iter()
        .filter(|key| lacks(&records, key.purpose, settings))
    {
        retire_active(tx, &records, key.purpose, retirement(settings, call.now)).await?;
        tx.insert_key(key).await?;
        let mut event = call.event(Actor::System, AuditAction::KeyCreate);
        event.detail.insert("kid".to_owned(), json!(key.kid));
        event
            .detail
            .insert("purpose".to_owned(), json!(key.purpose.as_str()));
        tx.append_audit(&event).await?;
        tx.append_change(Change::Keys).await?;
    }
    Ok(())
}

async fn retire_active(
    tx: &mut dyn Tx,
    records: &[KeyRecord],
    purpose: KeyPurpose,
    until: Timestamp,
) -> Result<(), StoreError> {
    let active = records
        .iter()
        .filter(|record| record.purpose == purpose && record.state == KeyState::Active);
    for record in active {
        // Tokens are found by an old digest key until each was presented again.
        let until = if purpose == KeyPurpose::Digest {
            Timestamp::MAX
        } else {
            until
        };
        tx.set_key_state(&record.kid, KeyState::Retiring { until })
            .await?;
    }
    Ok(())
}

/// Until when a key that stops signing now is still verified.
fn retirement(settings: &RealmSettings, now: Timestamp) -> Timestamp {
    now.plus(settings.tokens.max_ttl.max(settings.tokens.access_ttl))
        .plus(JWKS_MAX_AGE)
}

/// Makes a key, sealed; its state is active until said otherwise.
async fn make(
    identity: &Identity,
    realm: RealmId,
    purpose: KeyPurpose,
    settings: &RealmSettings,
    now: Timestamp,
) -> Result<KeyRecord, KeysError> {
    let entropy = &identity.entropy;
    let (kid, algorithm, plain) = match purpose {
        KeyPurpose::Digest => {
            let random = entropy::bytes::<16>(&**entropy);
            let generation = format!("{:032x}", u128::from_be_bytes(random));
            let kind = DigestKind::ApiToken;
            let key = digest_key(&identity.master, realm, &generation, kind)?;
            let plain = generation.into_bytes();
            (key.id(), "HMAC-SHA-256".to_owned(), plain)
        }
        KeyPurpose::Access | KeyPurpose::Internal => {
            let algorithm = match purpose {
                // Upstreams verify with the published key, so it must have two halves.
                KeyPurpose::Internal => Algorithm::ES256,
                _ => settings.tokens.algorithm,
            };
            let source = Arc::clone(entropy);
            // An RSA key takes tens of milliseconds.
            let key =
                tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, &*source))
                    .await
                    .map_err(|error| KeysError::Library(error.to_string()))?
                    .map_err(|error| KeysError::Library(error.to_string()))?;
            let bytes = key
                .to_bytes()
                .map_err(|error| KeysError::Library(error.to_string()))?;
            (
                key.kid().to_owned(),
                algorithm.as_str().to_owned(),
                bytes.to_vec(),
            )
        }
    };
    let sealed = identity
        .master
        .seal(&seal_purpose(realm, purpose, &kid), &plain, &**entropy)
        .map_err(KeysError::seal)?;
    Ok(KeyRecord {
        kid,
        purpose,
        algorithm,
        state: KeyState::Active,
        sealed,
        created_at: now,
    })
}
