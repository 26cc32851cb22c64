//! Digests of opaque credentials: keyed, so that a stolen store cannot be searched for
//! guessed or leaked tokens. Not here: password hashing (`identity`).

use crate::seal::{MasterKey, SealError};
use aws_lc_rs::{constant_time, digest, hmac};
use doorward_base::secret::TokenDigest;
use std::fmt::{self, Write as _};

/// The key under which one kind of credential of one realm is digested
/// (HMAC-SHA-256).
#[derive(Clone)]
pub struct DigestKey {
    key: hmac::Key,
    id: [u8; 8],
}

impl DigestKey {
    /// Derives the key for `label`, which names the realm and the kind of credential.
    /// Different labels give unrelated keys.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library fails.
    pub fn derive(master: &MasterKey, label: &str) -> Result<Self, SealError> {
        let secret = master.derive::<32>("digest", label)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()),
            id: *master.derive::<8>("digest id", label)?,
        })
    }

    /// What the store keeps of a credential and finds it by.
    #[must_use]
    pub fn digest(&self, credential: &[u8]) -> TokenDigest {
        TokenDigest::from_bytes(fixed(hmac::sign(&self.key, credential).as_ref()))
    }

    /// Half of a digest, in hexadecimal: proof that a text was made here, which travels
    /// with it.
    #[must_use]
    pub fn seal(&self, text: &[u8]) -> String {
        let digest = self.digest(text);
        let (half, _) = digest.as_bytes().split_at(16);
        half.iter()
            .fold(String::with_capacity(32), |mut seal, byte| {
                let _ = write!(seal, "{byte:02x}");
                seal
            })
    }

    /// Whether `seal` is this text's, in a time that tells nothing.
    #[must_use]
    pub fn is_sealed(&self, text: &[u8], seal: &str) -> bool {
        let right = self.seal(text);
        constant_time::verify_slices_are_equal(right.as_bytes(), seal.as_bytes()).is_ok()
    }

    /// The key's id, 16 hexadecimal digits: stored beside each digest, so that it is
    /// known which key made it. It tells nothing about the key.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016x}", u64::from_be_bytes(self.id))
    }
}

/// Prints the id alone.
impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestKey({})", self.id())
    }
}

/// SHA-256, for what is not secret or has enough entropy of its own.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The 32 bytes that both SHA-256 and HMAC-SHA-256 give.
fn fixed(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::testing::SeededEntropy;

    #[test]
    fn sha256_is_the_standard_one() {
        // FIPS 180-4, the one-block example.
        assert_eq!(
            sha256(b"abc").map(|byte| format!("{byte:02x}")).concat(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_seal_is_one_texts_under_one_key() {
        let master = MasterKey::generate(&SeededEntropy::new(1));
        let one = DigestKey::derive(&master, "one").unwrap();
        let other = DigestKey::derive(&master, "other").unwrap();
        let seal = one.seal(b"text");
        assert_eq!(seal.len(), 32);
        assert!(one.is_sealed(b"text", &seal));
        assert!(!one.is_sealed(b"texT", &seal));
        assert!(!other.is_sealed(b"text", &seal));
        let (_, short) = seal.split_at(1);
        for bad in ["", short, &format!("{seal}0"), &seal.to_uppercase()] {
            assert!(!one.is_sealed(b"text", bad), "{bad}");
        }
    }

    #[test]
    fn another_label_or_another_master_key_gives_another_digest_and_id() {
        let one = MasterKey::generate(&SeededEntropy::new(1));
        let two = MasterKey::generate(&SeededEntropy::new(2));
        let keys = [
            DigestKey::derive(&one, "realm-a/api_token").unwrap(),
            DigestKey::derive(&one, "realm-b/api_token").unwrap(),
            DigestKey::derive(&one, "realm-a/refresh").unwrap(),
            DigestKey::derive(&two, "realm-a/api_token").unwrap(),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(key.id().len(), 16);
            for other in keys.iter().skip(at + 1) {
                assert_ne!(key.digest(b"token"), other.digest(b"token"));
                assert_ne!(key.id(), other.id());
            }
        }
        let printed = format!("{:?}", keys[0]);
        assert_eq!(printed, format!("DigestKey({})", keys[0].id()));
        let again = DigestKey::derive(&one, "realm-a/api_token").unwrap();
        assert_eq!(again.digest(b"token"), keys[0].digest(b"token"));
        assert_eq!(again.id(), keys[0].id());
        assert_ne!(again.digest(b"token"), again.digest(b"tokeN"));
    }
}
