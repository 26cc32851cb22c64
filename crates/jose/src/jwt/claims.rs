//! The registered claims, read with their types, and what a verified token says.
//! Not here: checks against expectations (`expect`).

use super::JwtError;
use crate::jws::Header;
use doorward_base::Timestamp;
use serde_json::{Map, Value};
use std::fmt;

/// The latest date that is read, in seconds: the end of the year 9999. Beyond it a
/// number is a mistake or an attempt at overflow.
const MAX_SECONDS: i64 = 253_402_300_799;

/// What a token says that passed every check. Only the verifier makes one.
#[derive(Clone)]
pub struct VerifiedClaims {
    kid: Option<String>,
    typ: Option<String>,
    registered: Registered,
    claims: Map<String, Value>,
}

/// The registered claims of RFC 7519 §4.1, with their types.
#[derive(Clone)]
pub(super) struct Registered {
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) aud: Vec<String>,
    pub(super) exp: Option<Timestamp>,
    pub(super) nbf: Option<Timestamp>,
    pub(super) iat: Option<Timestamp>,
    pub(super) jti: Option<String>,
}

impl Registered {
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, JwtError> {
        Ok(Self {
            iss: text(claims, "iss")?,
            sub: text(claims, "sub")?,
            aud: audience(claims)?,
            exp: date(claims, "exp")?,
            nbf: date(claims, "nbf")?,
            iat: date(claims, "iat")?,
            jti: text(claims, "jti")?,
        })
    }
}

impl VerifiedClaims {
    pub(super) fn new(header: &Header, registered: Registered, claims: Map<String, Value>) -> Self {
        Self {
            kid: header.kid.clone(),
            typ: header.typ.clone(),
            registered,
            claims,
        }
    }

    /// Of no token's text: somebody who could read it told them.
    pub(super) const fn told(registered: Registered, claims: Map<String, Value>) -> Self {
        Self {
            kid: None,
            typ: None,
            registered,
            claims,
        }
    }

    /// The issuer.
    #[must_use]
    pub fn iss(&self) -> &str {
        self.registered.iss.as_deref().unwrap_or_default()
    }

    /// The subject, compared byte by byte and never normalised.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        self.registered.sub.as_deref()
    }

    /// All audiences of the token, ours among them.
    #[must_use]
    pub fn aud(&self) -> &[String] {
        &self.registered.aud
    }

    /// When it expires; [`Timestamp::MAX`] where expectations allow none.
    #[must_use]
    pub fn exp(&self) -> Timestamp {
        self.registered.exp.unwrap_or(Timestamp::MAX)
    }

    /// When it was issued.
    #[must_use]
    pub fn iat(&self) -> Option<Timestamp> {
        self.registered.iat
    }

    /// The token's id. Revocation and replay go by it, never by the token's text: an
    /// ECDSA signature has a twin.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.registered.jti.as_deref()
    }

    /// The token's kind, as the header spells it.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The id of the key that signed it, if the header named one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// All claims, taken out.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

/// Prints whose token it is and its id; other claims may be personal.
impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedClaims")
            .field("iss", &self.iss())
            .field("sub", &self.sub())
            .field("jti", &self.jti())
            .finish_non_exhaustive()
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, JwtError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JwtError::ClaimType),
    }
}

/// `aud` is a string or an array of strings (RFC 7519 §4.1.3).
fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, JwtError> {
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(many)) => many
            .iter()
            .map(|one| one.as_str().map(str::to_owned).ok_or(JwtError::ClaimType))
            .collect(),
        Some(_) => Err(JwtError::ClaimType),
    }
}

/// A `NumericDate` (RFC 7519 §2): a JSON number, whole or not, from 1970 to 9999.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, JwtError> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => return Err(JwtError::ClaimType),
    };
    if let Some(seconds) = number.as_i64() {
        return if (0..=MAX_SECONDS).contains(&seconds) {
            Ok(Some(Timestamp::from_seconds(seconds)))
        } else {
            Err(JwtError::ClaimType)
        };
    }
    match number.as_f64() {
        Some(seconds) if (0.0..=MAX_SECONDS as f64).contains(&seconds) => {
            let micros = (seconds * 1e6) as i64;
            Ok(Some(Timestamp::from_micros(micros)))
        }
        _ => Err(JwtError::ClaimType),
    }
}
