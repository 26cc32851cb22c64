//! The key that signs. Not here: tokens (`mint`) and rotation (`store`, `identity`).

use super::verifying::Public;
use super::{JwkError, Kid, MAX_KID, MIN_HMAC_SECRET, VerifyingKey, rsa};
use crate::alg::Algorithm;
use crate::b64;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, Pkcs8V2Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
};
use doorward_base::{Entropy, entropy};
use serde_json::Value;
use std::fmt;
use zeroize::Zeroizing;

/// A private key, parsed once, that signs with exactly one algorithm.
pub struct SigningKey {
    alg: Algorithm,
    kid: Kid,
    signer: Signer,
    verifying: VerifyingKey,
}

enum Signer {
    Hmac {
        key: Box<hmac::Key>,
        secret: Zeroizing<Vec<u8>>,
    },
    Rsa {
        pair: RsaKeyPair,
        padding: &'static dyn RsaEncoding,
    },
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why there is no signing key, or why it did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The cryptographic library could not make the key or the signature.
    #[error("the cryptographic library failed")]
    Library,
    /// The bytes are no private key of that algorithm.
    #[error("the bytes are no private key of that algorithm")]
    Malformed,
    /// The key id is not 1 to 128 visible ASCII characters without quote and backslash.
    #[error("a key id is 1 to 128 visible ASCII characters without quote and backslash")]
    Kid,
    /// The public half would be refused by everyone, us included.
    #[error(transparent)]
    Refused(#[from] JwkError),
}

impl SigningKey {
    /// Makes a key. RSA keys have 2048 bits: the smallest that RFC 7518 allows, whose
    /// signatures cost a third of a 3072-bit key's and which every client accepts;
    /// prefer ES256. Making one takes tens of milliseconds, so do it off the runtime.
    ///
    /// Only the HS256 secret, of 256 bits written as text, is drawn from `entropy`. Asymmetric keys, and the nonces
    /// of ECDSA and PSS, come from the library's own generator: `aws-lc-rs` takes no
    /// other, and a nonce that a caller could repeat would give the key away.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn generate(alg: Algorithm, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let bytes: Zeroizing<Vec<u8>> = match alg {
            Algorithm::HS256 => {
                // Text, because other verifiers of the realm's tokens take no other secret.
                let drawn = Zeroizing::new(entropy::bytes::<MIN_HMAC_SECRET>(entropy));
                Zeroizing::new(b64::encode(&*drawn).into_bytes())
            }
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Library)?;
                rsa_pkcs8(&pair)?
            }
            Algorithm::ES256 => ecdsa_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            Algorithm::ES384 => ecdsa_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Library)?;
                ed25519_pkcs8(&pair)?
            }
        };
        Self::from_bytes(alg, &bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote: the raw secret for HS256, else
    /// PKCS#8. The key id is the RFC 7638 thumbprint, or for HS256 half of an HMAC
    /// under the secret, which tells nothing about it.
    ///
    /// # Errors
    /// [`KeyError`] when the bytes are no acceptable key of that algorithm.
    pub fn from_bytes(alg: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let (signer, verifying) = match alg {
            Algorithm::HS256 => hmac_signer(bytes)?,
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256 => {
                rsa_signer(alg, bytes)?
            }
            Algorithm::ES256 => ecdsa_signer(alg, &ECDSA_P256_SHA256_FIXED_SIGNING, bytes)?,
            Algorithm::ES384 => ecdsa_signer(alg, &ECDSA_P384_SHA384_FIXED_SIGNING, bytes)?,
            Algorithm::EdDSA => ed25519_signer(bytes)?,
        };
        let kid = match (&signer, verifying.thumbprint()) {
            (_, Some(thumbprint)) => thumbprint,
            (Signer::Hmac { key, .. }, None) => secret_id(key),
            (_, None) => return Err(KeyError::Malformed),
        };
        Ok(Self {
            alg,
            kid: kid.into(),
            signer,
            verifying,
        })
    }

    /// The same key under an id of the caller's choice, for keys that had one before.
    ///
    /// # Errors
    /// [`KeyError::Kid`] when it is not 1 to 128 visible ASCII characters, or has a
    /// quote or a backslash.
    pub fn with_kid(self, kid: &str) -> Result<Self, KeyError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if !(1..=MAX_KID).contains(&kid.len()) || !kid.bytes().all(plain) {
            return Err(KeyError::Kid);
        }
        Ok(Self {
            kid: kid.into(),
            ..self
        })
    }

    /// The private key in bytes, to be sealed and stored: the raw secret for HS256,
    /// PKCS#8 v2 for EdDSA, PKCS#8 v1 for the others.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library cannot write it.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match &self.signer {
            Signer::Hmac { secret, .. } => Ok(secret.clone()),
            Signer::Rsa { pair, .. } => rsa_pkcs8(pair),
            Signer::Ecdsa(pair) => {
                let document = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
                Ok(Zeroizing::new(document.as_ref().to_vec()))
            }
            Signer::Ed25519(pair) => ed25519_pkcs8(pair),
        }
    }

    /// The one algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Its id, as tokens and the JWKS carry it.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK with `kid`, `alg` and `use`; none for a symmetric key.
    #[must_use]
    pub fn public_jwk(&self) -> Option<Value> {
        self.verifying.jwk(Some(&self.kid))
    }

    /// The key that checks its signatures.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Signs the bytes. ECDSA signatures are r and s side by side (RFC 7518 §3.4).
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.signer {
            Signer::Hmac { key, .. } => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Signer::Rsa { pair, padding } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| KeyError::Library)?;
                Ok(signature)
            }
            Signer::Ecdsa(pair) => {
                let signature = pair
                    .sign(&SystemRandom::new(), message)
                    .map_err(|_| KeyError::Library)?;
                Ok(signature.as_ref().to_vec())
            }
            Signer::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(|_| KeyError::Library)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// Prints algorithm and id, never the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.alg, self.kid)
    }
}

fn hmac_signer(secret: &[u8]) -> Result<(Signer, VerifyingKey), KeyError> {
    let verifying = VerifyingKey::hmac(secret)?;
    let signer = Signer::Hmac {
        key: Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)),
        secret: Zeroizing::new(secret.to_vec()),
    };
    Ok((signer, verifying))
}

fn rsa_signer(alg: Algorithm, pkcs8: &[u8]) -> Result<(Signer, VerifyingKey), KeyError> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Malformed)?;
    let padding: &'static dyn RsaEncoding = match alg {
        Algorithm::RS384 => &RSA_PKCS1_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_SHA512,
        Algorithm::PS256 => &RSA_PSS_SHA256,
        _ => &RSA_PKCS1_SHA256,
    };
    let (n, e) = rsa::components(pair.public_key().as_ref()).ok_or(KeyError::Malformed)?;
    let verifying = VerifyingKey::from_public(alg, Public::Rsa { n, e })?;
    Ok((Signer::Rsa { pair, padding }, verifying))
}

fn ecdsa_signer(
    alg: Algorithm,
    curve: &'static EcdsaSigningAlgorithm,
    pkcs8: &[u8],
) -> Result<(Signer, VerifyingKey), KeyError> {
    let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8).map_err(|_| KeyError::Malformed)?;
    let (_, point) = pair
        .public_key()
        .as_ref()
        .split_first()
        .ok_or(KeyError::Malformed)?;
    let (x, y) = point
        .split_at_checked(point.len() / 2)
        .ok_or(KeyError::Malformed)?;
    let public = Public::Ec {
        x: x.to_vec(),
        y: y.to_vec(),
    };
    let verifying = VerifyingKey::from_public(alg, public)?;
    Ok((Signer::Ecdsa(pair), verifying))
}

fn ed25519_signer(pkcs8: &[u8]) -> Result<(Signer, VerifyingKey), KeyError> {
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Malformed)?;
    let x = pair.public_key().as_ref().to_vec();
    let verifying = VerifyingKey::from_public(Algorithm::EdDSA, Public::Okp { x })?;
    Ok((Signer::Ed25519(pair), verifying))
}

/// An id for a symmetric key that does not give it away.
fn secret_id(key: &hmac::Key) -> String {
    let tag = hmac::sign(key, b"doorward key id");
    let half: Vec<u8> = tag.as_ref().iter().copied().take(16).collect();
    b64::encode(&half)
}

fn rsa_pkcs8(pair: &RsaKeyPair) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Library)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn ecdsa_pkcs8(curve: &'static EcdsaSigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pair = EcdsaKeyPair::generate(curve).map_err(|_| KeyError::Library)?;
    let document = pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

fn ed25519_pkcs8(pair: &Ed25519KeyPair) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der: Pkcs8V2Der<'_> = pair.as_der().map_err(|_| KeyError::Library)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}
