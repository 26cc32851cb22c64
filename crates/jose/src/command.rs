//! `doorward verify-jws`: a JWK or JWK set and a token in, a verdict out. Not here:
//! standard input and exit codes (`server`).

use crate::json;
use crate::jws::{self, JwsError, UnverifiedJws};
use crate::key::{JwkError, VerifyingKey};
use crate::key_set::{KeySet, KeySetError};
use serde_json::Value;
use std::fmt;

/// The largest input, in bytes.
pub const MAX_INPUT: usize = 1024 * 1024;

/// What became of the token. One line when displayed: `valid`, or `invalid` and the
/// check that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the signature is the key's.
    pub valid: bool,
    /// `valid`, or the stable name of the check that failed.
    pub code: &'static str,
}

impl Verdict {
    const VALID: Self = Self {
        valid: true,
        code: "valid",
    };

    const fn invalid(code: &'static str) -> Self {
        Self { valid: false, code }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.valid {
            f.write_str("valid")
        } else {
            write!(f, "invalid {}", self.code)
        }
    }
}

/// Verifies the token that follows a JWK or a JWK set. The key is one JSON value,
/// which may span lines; white space separates it from the token, and one line ending
/// may follow the token. The payload may be any bytes; no claim is looked at.
#[must_use]
pub fn verify_jws(input: &str) -> Verdict {
    if input.len() > MAX_INPUT {
        return Verdict::invalid("input_too_long");
    }
    let Ok((key, rest)) = json::parse_prefix(input) else {
        return Verdict::invalid("key_malformed");
    };
    let token = rest.trim_start_matches([' ', '\t', '\r', '\n']);
    if token.len() == rest.len() && !rest.is_empty() {
        return Verdict::invalid("key_malformed");
    }
    let token = token.strip_suffix('\n').unwrap_or(token);
    let token = token.strip_suffix('\r').unwrap_or(token);
    let set = match key_set(&key) {
        Ok(set) => set,
        Err(code) => return Verdict::invalid(code),
    };
    match jws::verify_compact(token, &set) {
        Ok(_) => Verdict::VALID,
        Err(error) => Verdict::invalid(cause(&set, token, error)),
    }
}

fn key_set(key: &Value) -> Result<KeySet, &'static str> {
    if key.get("keys").is_some() {
        return KeySet::from_jwks(key).map_err(KeySetError::check);
    }
    let (kid, key) = VerifyingKey::from_jwk(key).map_err(JwkError::check)?;
    Ok(KeySet::single(kid.as_deref(), key))
}

/// Where the token names a key that the set has and we refuse, why we refuse it says
/// more than that the key is unknown.
fn cause(set: &KeySet, token: &str, error: JwsError) -> &'static str {
    if matches!(error, JwsError::KidUnknown | JwsError::Algorithm)
        && let Ok(jws) = UnverifiedJws::parse(token)
        && let Some(kid) = &jws.header().kid
        && let Some(skipped) = set
            .skipped()
            .iter()
            .find(|skipped| skipped.kid.as_ref() == Some(kid))
    {
        return skipped.reason.check();
    }
    error.check()
}

#[cfg(test)]
mod tests;
