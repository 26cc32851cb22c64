//! JWK read into a key, with every refusal (RFC 7517, RFC 7518 §6, RFC 8037 §2).
//! Not here: key sets (`key_set`).

use super::verifying::Public;
use super::{MAX_KID, VerifyingKey};
use crate::alg::Algorithm;
use crate::b64;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A key's id as a token's header names it.
pub(crate) type Kid = Box<str>;

/// Why a JWK is no key for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not an object, or a needed member is missing, of the wrong type, or not
    /// canonical base64url of the right length.
    #[error("the JWK is malformed")]
    Malformed,
    /// `kid` is not a string of 1 to 128 bytes.
    #[error("the JWK's kid is not a string of 1 to 128 bytes")]
    Kid,
    /// `kty` or `crv` is none of ours.
    #[error("the JWK's key type or curve is not supported")]
    TypeUnsupported,
    /// `alg` is none of ours.
    #[error("the JWK's algorithm is not supported")]
    AlgorithmUnsupported,
    /// `alg` does not fit `kty` or `crv`.
    #[error("the JWK's algorithm does not fit its key type or curve")]
    AlgorithmMismatch,
    /// `use` is there and not `sig`.
    #[error("the JWK is not for signatures")]
    Use,
    /// `key_ops` is there and does not allow verification, or names one twice.
    #[error("the JWK's key_ops do not allow verification")]
    KeyOps,
    /// A private member in what should be a public key.
    #[error("the JWK carries a private key")]
    Private,
    /// An RSA modulus below 2048 bits, or an HMAC secret shorter than the digest.
    #[error("the key is too small")]
    TooSmall,
    /// An RSA modulus above 8192 bits.
    #[error("the key is too large")]
    TooLarge,
    /// An RSA exponent that is 1, even, or above 32 bits.
    #[error("the RSA exponent is not acceptable")]
    Exponent,
    /// An RSA modulus of the broken generator (CVE-2017-15361).
    #[error("the RSA key is of the ROCA family")]
    Roca,
    /// A point off its curve, of small order, or not canonical.
    #[error("the point is not an acceptable one on its curve")]
    Point,
}

impl JwkError {
    /// A stable name for traces and verdicts.
    #[must_use]
    pub const fn check(self) -> &'static str {
        match self {
            Self::Malformed => "key_malformed",
            Self::Kid => "key_kid",
            Self::TypeUnsupported => "key_type_unsupported",
            Self::AlgorithmUnsupported => "key_algorithm_unsupported",
            Self::AlgorithmMismatch => "key_algorithm_mismatch",
            Self::Use => "key_use",
            Self::KeyOps => "key_ops",
            Self::Private => "key_private",
            Self::TooSmall => "key_too_small",
            Self::TooLarge => "key_too_large",
            Self::Exponent => "key_exponent",
            Self::Roca => "key_roca",
            Self::Point => "key_point",
        }
    }

    /// Whether the key was meant for signatures of ours and is bad, rather than for
    /// something else.
    pub(crate) const fn concerns_us(self) -> bool {
        !matches!(
            self,
            Self::TypeUnsupported | Self::AlgorithmUnsupported | Self::Use | Self::KeyOps
        )
    }
}

impl VerifyingKey {
    /// Reads a JWK. A private key is refused; a symmetric one is accepted, because a
    /// static configuration may name one. Where `alg` is absent the key type decides:
    /// RSA is RS256, a curve is its one algorithm, a secret is HS256.
    ///
    /// # Errors
    /// [`JwkError`] naming the first check that failed.
    pub fn from_jwk(jwk: &Value) -> Result<(Option<String>, Self), JwkError> {
        let jwk = jwk.as_object().ok_or(JwkError::Malformed)?;
        let kid = kid(jwk)?;
        check_use(jwk)?;
        let kty = text(jwk, "kty")?;
        if kty != "oct" && has_private_member(jwk) {
            return Err(JwkError::Private);
        }
        let key = match kty {
            "oct" => {
                algorithm(jwk, Algorithm::HS256, Algorithm::is_symmetric)?;
                Self::hmac(&Zeroizing::new(octets(jwk, "k")?))?
            }
            "RSA" => {
                let alg = algorithm(jwk, Algorithm::RS256, Algorithm::is_rsa)?;
                let (n, e) = (octets(jwk, "n")?, octets(jwk, "e")?);
                Self::from_public(alg, Public::Rsa { n, e })?
            }
            "EC" => {
                let of_curve = match text(jwk, "crv")? {
                    "P-256" => Algorithm::ES256,
                    "P-384" => Algorithm::ES384,
                    _ => return Err(JwkError::TypeUnsupported),
                };
                let alg = algorithm(jwk, of_curve, |alg| alg == of_curve)?;
                let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
                Self::from_public(alg, Public::Ec { x, y })?
            }
            "OKP" => {
                if text(jwk, "crv")? != "Ed25519" {
                    return Err(JwkError::TypeUnsupported);
                }
                let alg = algorithm(jwk, Algorithm::EdDSA, |alg| alg == Algorithm::EdDSA)?;
                Self::from_public(
                    alg,
                    Public::Okp {
                        x: octets(jwk, "x")?,
                    },
                )?
            }
            _ => return Err(JwkError::TypeUnsupported),
        };
        Ok((kid, key))
    }
}

/// Whether the JWK says it is for something that is not verifying signatures
/// (RFC 7517 §4.2, §4.3).
fn check_use(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err(JwkError::Use);
    }
    let Some(operations) = jwk.get("key_ops") else {
        return Ok(());
    };
    let operations = operations.as_array().ok_or(JwkError::KeyOps)?;
    let twice = operations.iter().enumerate().any(|(at, operation)| {
        operations
            .iter()
            .skip(at + 1)
            .any(|other| other == operation)
    });
    if twice || !operations.iter().any(|operation| operation == "verify") {
        return Err(JwkError::KeyOps);
    }
    Ok(())
}

fn has_private_member(jwk: &Map<String, Value>) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
        .iter()
        .any(|name| jwk.contains_key(*name))
}

fn algorithm(
    jwk: &Map<String, Value>,
    default: Algorithm,
    fits: impl Fn(Algorithm) -> bool,
) -> Result<Algorithm, JwkError> {
    let Some(name) = jwk.get("alg") else {
        return Ok(default);
    };
    let alg: Algorithm = name
        .as_str()
        .ok_or(JwkError::Malformed)?
        .parse()
        .map_err(|_| JwkError::AlgorithmUnsupported)?;
    if fits(alg) {
        Ok(alg)
    } else {
        Err(JwkError::AlgorithmMismatch)
    }
}

fn kid(jwk: &Map<String, Value>) -> Result<Option<String>, JwkError> {
    match jwk.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) if (1..=MAX_KID).contains(&kid.len()) => Ok(Some(kid.clone())),
        Some(_) => Err(JwkError::Kid),
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<&'a str, JwkError> {
    jwk.get(name)
        .and_then(Value::as_str)
        .ok_or(JwkError::Malformed)
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JwkError> {
    b64::decode(text(jwk, name)?).ok_or(JwkError::Malformed)
}
