//! The key that checks signatures. Not here: reading it from a JWK (`jwk`).

use super::{JwkError, MIN_HMAC_SECRET, ed25519, rsa};
use crate::alg::Algorithm;
use crate::b64;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use aws_lc_rs::{digest, hmac};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// A parsed key that verifies signatures of exactly one algorithm. Cloning is cheap.
#[derive(Clone)]
pub struct VerifyingKey {
    alg: Algorithm,
    material: Arc<Material>,
}

enum Material {
    Hmac(Box<hmac::Key>),
    Public {
        key: ParsedPublicKey,
        public: Public,
    },
}

/// The numbers of a public key, big-endian, as a JWK carries them.
pub(crate) enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { x: Vec<u8>, y: Vec<u8> },
    Okp { x: Vec<u8> },
}

impl VerifyingKey {
    /// An HS256 key from a secret of at least 32 bytes.
    ///
    /// # Errors
    /// [`JwkError::TooSmall`] when it is shorter.
    pub fn hmac(secret: &[u8]) -> Result<Self, JwkError> {
        if secret.len() < MIN_HMAC_SECRET {
            return Err(JwkError::TooSmall);
        }
        Ok(Self {
            alg: Algorithm::HS256,
            material: Arc::new(Material::Hmac(Box::new(hmac::Key::new(
                hmac::HMAC_SHA256,
                secret,
            )))),
        })
    }

    pub(crate) fn from_public(alg: Algorithm, public: Public) -> Result<Self, JwkError> {
        let key = match (&public, alg) {
            (Public::Rsa { n, e }, _) => {
                let params = rsa_parameters(alg).ok_or(JwkError::AlgorithmMismatch)?;
                rsa::check(n, e)?;
                RsaPublicKeyComponents { n, e }
                    .to_parsed_public_key(params)
                    .map_err(|_| JwkError::Malformed)?
            }
            (Public::Ec { x, y }, Algorithm::ES256) => {
                let point = uncompressed(x, y, 32)?;
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .map_err(|_| JwkError::Point)?
            }
            (Public::Ec { x, y }, Algorithm::ES384) => {
                let point = uncompressed(x, y, 48)?;
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                    .map_err(|_| JwkError::Point)?
            }
            (Public::Okp { x }, Algorithm::EdDSA) => {
                let point: &[u8; 32] = x.as_slice().try_into().map_err(|_| JwkError::Malformed)?;
                if !ed25519::is_strong_point(point) {
                    return Err(JwkError::Point);
                }
                ParsedPublicKey::new(&ED25519, point).map_err(|_| JwkError::Point)?
            }
            _ => return Err(JwkError::AlgorithmMismatch),
        };
        Ok(Self {
            alg,
            material: Arc::new(Material::Public { key, public }),
        })
    }

    /// The one algorithm this key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Whether `signature` is this key's over `message`. A comparison of MACs takes
    /// the same time wherever they differ.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &*self.material {
            Material::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public { key, public } => {
                let strong = match public {
                    Public::Okp { .. } => signature
                        .first_chunk()
                        .is_some_and(ed25519::is_strong_point),
                    Public::Rsa { .. } | Public::Ec { .. } => true,
                };
                strong && key.verify_sig(message, signature).is_ok()
            }
        }
    }

    /// The RFC 7638 thumbprint (SHA-256, base64url); none for a symmetric key, whose
    /// thumbprint would be a digest of the secret.
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        let Material::Public { public, .. } = &*self.material else {
            return None;
        };
        // All values are base64url or fixed names: nothing needs escaping.
        let members: Vec<String> = public
            .members(self.alg)
            .iter()
            .map(|(name, value)| format!("\"{name}\":\"{value}\""))
            .collect();
        let text = format!("{{{}}}", members.join(","));
        Some(b64::encode(
            digest::digest(&digest::SHA256, text.as_bytes()).as_ref(),
        ))
    }

    /// The public JWK, with `alg`, `use` and, if given, `kid`. None for a symmetric key.
    #[must_use]
    pub fn jwk(&self, kid: Option<&str>) -> Option<Value> {
        let Material::Public { public, .. } = &*self.material else {
            return None;
        };
        let mut jwk = Map::new();
        for (name, value) in public.members(self.alg) {
            jwk.insert(name.to_owned(), Value::String(value));
        }
        jwk.insert("alg".to_owned(), self.alg.as_str().into());
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(kid) = kid {
            jwk.insert("kid".to_owned(), kid.into());
        }
        Some(Value::Object(jwk))
    }
}

/// Prints the algorithm alone.
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.alg)
    }
}

impl Public {
    /// The required members in lexicographic order (RFC 7638 §3.2, RFC 8037 §2).
    fn members(&self, alg: Algorithm) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa { n, e } => vec![
                ("e", b64::encode(e)),
                ("kty", "RSA".to_owned()),
                ("n", b64::encode(n)),
            ],
            Self::Ec { x, y } => {
                let curve = if alg == Algorithm::ES384 {
                    "P-384"
                } else {
                    "P-256"
                };
                vec![
                    ("crv", curve.to_owned()),
                    ("kty", "EC".to_owned()),
                    ("x", b64::encode(x)),
                    ("y", b64::encode(y)),
                ]
            }
            Self::Okp { x } => vec![
                ("crv", "Ed25519".to_owned()),
                ("kty", "OKP".to_owned()),
                ("x", b64::encode(x)),
            ],
        }
    }
}

fn rsa_parameters(alg: Algorithm) -> Option<&'static RsaParameters> {
    match alg {
        Algorithm::RS256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::HS256 | Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => None,
    }
}

/// The point as SEC 1 §2.3.3 writes it. Coordinates have the curve's full length
/// (RFC 7518 §6.2.1.2).
fn uncompressed(x: &[u8], y: &[u8], length: usize) -> Result<Vec<u8>, JwkError> {
    if x.len() != length || y.len() != length {
        return Err(JwkError::Malformed);
    }
    Ok([&[4], x, y].concat())
}
