//! JWS in compact form (RFC 7515 §7.1): split, decoded, its header read, its signature
//! checked. The JSON forms, detached payloads and encryption do not exist here. Not
//! here either: what the payload means (`jwt`).

use crate::alg::Algorithm;
use crate::key::{MAX_KID, VerifyingKey};
use crate::key_set::KeySet;
use crate::{b64, json};
use serde_json::{Map, Value};
use std::fmt;

/// The longest token, in bytes; longer ones are refused before anything is read.
pub const MAX_TOKEN: usize = 16 * 1024;

/// A token taken apart; nothing about it is known to be true.
pub struct UnverifiedJws<'t> {
    header: Header,
    signing_input: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The members of a header that are read. `jwk`, `jku`, `x5u`, `x5c` and all unknown
/// ones are ignored: a token never brings or names its own key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm; it must be the key's.
    pub alg: Algorithm,
    /// The key's id, at most 128 bytes; it indexes a map in memory, nothing else.
    pub kid: Option<String>,
    /// The token's kind.
    pub typ: Option<String>,
    /// The payload's media type.
    pub cty: Option<String>,
}

/// Which key may verify a token: exactly one, or one of a set by `kid`.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'k> {
    /// This key, whatever `kid` says.
    One(&'k VerifyingKey),
    /// The key of the set that the header names.
    Set(&'k KeySet),
}

/// Why a JWS is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than 16 KiB.
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// Not three parts separated by dots, or without a signature.
    #[error("the token does not have three parts")]
    NotCompact,
    /// A part is not canonical base64url.
    #[error("a part of the token is not canonical base64url")]
    Encoding,
    /// The header is not a strict JSON object, or a member has a wrong type.
    #[error("the header is malformed")]
    Header,
    /// `crit`, `b64`, `zip` or `enc` is there: an extension that would change what the
    /// token means.
    #[error("the header asks for an extension that is not supported")]
    Extension,
    /// `alg` is missing, unknown, `none`, or not the key's.
    #[error("the algorithm is not the key's")]
    Algorithm,
    /// No key has this `kid`.
    #[error("no key has this id")]
    KidUnknown,
    /// No usable `kid`, and several keys fit.
    #[error("the token names no key and several fit")]
    KidMissing,
    /// The signature is not the key's over this header and payload.
    #[error("the signature does not verify")]
    Signature,
}

impl JwsError {
    /// A stable name for traces and verdicts.
    #[must_use]
    pub const fn check(self) -> &'static str {
        match self {
            Self::TooLong => "length",
            Self::NotCompact => "compact",
            Self::Encoding => "encoding",
            Self::Header => "header",
            Self::Extension => "extension",
            Self::Algorithm => "algorithm",
            Self::KidUnknown => "kid_unknown",
            Self::KidMissing => "kid_missing",
            Self::Signature => "signature",
        }
    }
}

/// Parses and verifies a compact JWS whose payload may be any bytes.
///
/// # Errors
/// [`JwsError`] naming the first check that failed.
pub fn verify_compact<'k>(
    token: &str,
    keys: impl Into<Keys<'k>>,
) -> Result<(Header, Vec<u8>), JwsError> {
    let jws = UnverifiedJws::parse(token)?;
    jws.verify(keys.into())?;
    Ok((jws.header, jws.payload))
}

impl<'t> UnverifiedJws<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`JwsError`] when it is too long, not compact, or its header is not acceptable.
    pub fn parse(token: &'t str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotCompact)?;
        if payload.contains('.') || header.is_empty() || signature.is_empty() {
            return Err(JwsError::NotCompact);
        }
        let header = b64::decode(header).ok_or(JwsError::Encoding)?;
        Ok(Self {
            header: Header::parse(&header)?,
            signing_input,
            payload: b64::decode(payload).ok_or(JwsError::Encoding)?,
            signature: b64::decode(signature).ok_or(JwsError::Encoding)?,
        })
    }

    /// The header, as the token claims it.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, as the token claims it.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Checks algorithm, key and signature, in this order.
    ///
    /// # Errors
    /// [`JwsError`] naming the check that failed.
    pub fn verify(&self, keys: Keys<'_>) -> Result<(), JwsError> {
        let key = match keys {
            Keys::One(key) => key,
            Keys::Set(set) => set.select(self.header.kid.as_deref(), self.header.alg)?,
        };
        // The algorithm belongs to the key; the header may only agree (RFC 8725 §3.1).
        if key.algorithm() != self.header.alg {
            return Err(JwsError::Algorithm);
        }
        if key.verifies(self.signing_input.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(JwsError::Signature)
        }
    }
}

/// Prints the header alone: with the rest the token could be used.
impl fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedJws({:?})", self.header)
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, JwsError> {
        let header = json::parse_object(bytes).map_err(|_| JwsError::Header)?;
        // None of these is implemented, and a critical one must be (RFC 7515 §4.1.11,
        // RFC 7797 §6); `enc` belongs to a JWE.
        if ["crit", "b64", "zip", "enc"]
            .iter()
            .any(|name| header.contains_key(*name))
        {
            return Err(JwsError::Extension);
        }
        let alg = text(&header, "alg")?.ok_or(JwsError::Algorithm)?;
        let kid = text(&header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(JwsError::Header);
        }
        Ok(Self {
            alg: alg.parse().map_err(|_| JwsError::Algorithm)?,
            kid,
            typ: text(&header, "typ")?,
            cty: text(&header, "cty")?,
        })
    }
}

fn text(header: &Map<String, Value>, name: &str) -> Result<Option<String>, JwsError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JwsError::Header),
    }
}

impl<'k> From<&'k VerifyingKey> for Keys<'k> {
    fn from(key: &'k VerifyingKey) -> Self {
        Self::One(key)
    }
}

impl<'k> From<&'k KeySet> for Keys<'k> {
    fn from(set: &'k KeySet) -> Self {
        Self::Set(set)
    }
}

#[cfg(test)]
mod tests;
