//! Sealing of what the store must keep and nobody may read: AES-256-GCM under keys
//! derived from the master key by HKDF (RFC 5869), one per purpose. Not here: where
//! the master key's file lies (`server`), and which rows are sealed (`store`).

use crate::b64;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use doorward_base::{Entropy, Secret, entropy};
use std::fmt;
use zeroize::Zeroizing;

/// The form of a sealed value: this byte, the master key's id, the nonce, the
/// ciphertext with its tag.
const VERSION: u8 = 1;
const ID_LEN: usize = 8;

/// The key under which everything secret in the store is sealed.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The text is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a master key is 32 bytes in 64 hexadecimal digits or 43 characters of base64url, not all alike"
)]
pub struct MasterKeyError;

/// Why a value was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The bytes are no sealed value.
    #[error("this is not a sealed value")]
    Malformed,
    /// It was sealed under another master key.
    #[error("this was sealed under another master key")]
    WrongKey,
    /// It was changed, or sealed for another purpose.
    #[error("this sealed value was changed, or belongs elsewhere")]
    Tampered,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

impl MasterKey {
    /// Makes one.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(entropy::bytes(entropy)))
    }

    /// Reads a key file's contents; white space around the text does not count.
    ///
    /// # Errors
    /// [`MasterKeyError`] when it is not 32 bytes in hexadecimal or base64url, or all
    /// its bytes are alike.
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim_ascii();
        let bytes = match text.len() {
            64 => hexadecimal(text),
            _ => b64::decode(text),
        };
        let bytes = Zeroizing::new(bytes.ok_or(MasterKeyError)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| MasterKeyError)?;
        // A placeholder, not a key.
        if key.iter().all(|byte| Some(byte) == key.first()) {
            return Err(MasterKeyError);
        }
        Ok(Self(Zeroizing::new(key)))
    }

    /// What to write into a key file.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(b64::encode(self.0.as_ref()))
    }

    /// A value to store in clear and compare at the next start, so that a wrong master
    /// key is noticed before it is used. It tells nothing about the key.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library fails.
    pub fn check_value(&self) -> Result<String, SealError> {
        Ok(b64::encode(self.derive::<16>("check", "")?.as_ref()))
    }

    /// Seals `plain` for `purpose`, which names the row and column it belongs to; it
    /// opens for no other.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library fails.
    pub fn seal(
        &self,
        purpose: &str,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes(entropy);
        let id = self.derive::<ID_LEN>("id", "")?;
        let mut sealed = [&[VERSION], id.as_slice(), &nonce].concat();
        let mut text = Zeroizing::new(plain.to_vec());
        let tag = self
            .key_for(purpose)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut text,
            )
            .map_err(|_| SealError::Library)?;
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// [`seal`](Self::seal) as base64url text.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library fails.
    pub fn seal_text(
        &self,
        purpose: &str,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<String, SealError> {
        Ok(b64::encode(&self.seal(purpose, plain, entropy)?))
    }

    /// Opens what [`seal_text`](Self::seal_text) made for the same purpose.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_text(&self, purpose: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.open(purpose, &b64::decode(text).ok_or(SealError::Malformed)?)
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose.
    ///
    /// # Errors
    /// [`SealError`]; a wrong master key is told apart from a changed value.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Malformed)?;
        let (id, rest) = rest.split_at_checked(ID_LEN).ok_or(SealError::Malformed)?;
        let (nonce, text) = rest.split_first_chunk().ok_or(SealError::Malformed)?;
        if version != VERSION || text.len() < AES_256_GCM.tag_len() {
            return Err(SealError::Malformed);
        }
        if id != self.derive::<ID_LEN>("id", "")?.as_slice() {
            return Err(SealError::WrongKey);
        }
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .key_for(purpose)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose.as_bytes()),
                &mut text,
            )
            .map_err(|_| SealError::Tampered)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    /// 32 secret bytes for one purpose, the same wherever the master key is: what
    /// several processes must hash alike.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library fails.
    pub fn seed(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
        self.derive("seed", purpose)
    }

    /// `N` bytes for one use (`kind`) and one `label` within it.
    pub(crate) fn derive<const N: usize>(
        &self,
        kind: &str,
        label: &str,
    ) -> Result<Zeroizing<[u8; N]>, SealError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"doorward").extract(self.0.as_ref());
        // The zero byte keeps ("a", "bc") and ("ab", "c") apart; kinds have none.
        let info = [kind.as_bytes(), &[0], label.as_bytes()];
        let mut out = Zeroizing::new([0; N]);
        root.expand(&info, Length(N))
            .and_then(|key| key.fill(out.as_mut()))
            .map_err(|_| SealError::Library)?;
        Ok(out)
    }

    fn key_for(&self, purpose: &str) -> Result<LessSafeKey, SealError> {
        let key = self.derive::<32>("seal", purpose)?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).map_err(|_| SealError::Library)?;
        Ok(LessSafeKey::new(key))
    }
}

/// Prints the type's name only.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// How many bytes HKDF shall give.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = Zeroizing::new(digits?);
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
