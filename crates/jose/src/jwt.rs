//! JWT: an [`UnverifiedJwt`] becomes [`VerifiedClaims`] by passing every check, and no
//! other way. Not here: revocation, epochs and caching of verdicts (`gate`), and what
//! the claims allow (`base::claims`, `identity`).

mod claims;
mod expect;

pub use claims::VerifiedClaims;
pub use expect::{Expectations, TypRule};

use crate::json;
use crate::jws::{Header, JwsError, Keys, UnverifiedJws};
use claims::Registered;
use doorward_base::{ErrorCode, Timestamp};
use serde_json::{Map, Value};
use std::fmt;

/// A token taken apart; nothing about it is known to be true.
pub struct UnverifiedJwt<'t> {
    jws: UnverifiedJws<'t>,
    claims: Map<String, Value>,
}

/// Why a JWT is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The JWS around it is refused.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// `cty` is there: a nested token or another format, neither of which is read.
    #[error("the token's content type is not supported")]
    Nested,
    /// The payload is not a strict JSON object.
    #[error("the claims are not a strict JSON object")]
    Claims,
    /// A registered claim has the wrong type or an impossible value. That is never the
    /// same as being absent.
    #[error("a registered claim has the wrong type")]
    ClaimType,
    /// Not a token of the kind that is expected here.
    #[error("the token is of another kind")]
    Typ,
    /// `iss` is not the expected issuer, byte by byte.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud` names none of the accepted audiences.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` is missing and needed.
    #[error("the token has no expiry")]
    ExpiryMissing,
    /// `exp` lies further ahead than the issuer may grant.
    #[error("the token lives longer than its issuer may grant")]
    Lifetime,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotBefore,
    /// `iat` lies ahead.
    #[error("the token was issued in the future")]
    IssuedAt,
    /// `exp` has passed. Everything else about the token is in order.
    #[error("the token has expired")]
    Expired,
}

impl JwtError {
    /// A stable name of the check that failed, for traces.
    #[must_use]
    pub const fn check(self) -> &'static str {
        match self {
            Self::Jws(error) => error.check(),
            Self::Nested => "content_type",
            Self::Claims => "claims",
            Self::ClaimType => "claim_type",
            Self::Typ => "typ",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::ExpiryMissing => "expiry_missing",
            Self::Lifetime => "lifetime",
            Self::NotBefore => "not_before",
            Self::IssuedAt => "issued_at",
            Self::Expired => "expired",
        }
    }

    /// What the client is told. All causes but expiry look the same from outside.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::TokenExpired,
            _ => ErrorCode::TokenInvalid,
        }
    }
}

impl<'t> UnverifiedJwt<'t> {
    /// Takes a token apart and reads its header and claims.
    ///
    /// # Errors
    /// [`JwtError`] when it is no JWT of the accepted form.
    pub fn parse(token: &'t str) -> Result<Self, JwtError> {
        let jws = UnverifiedJws::parse(token)?;
        if jws.header().cty.is_some() {
            return Err(JwtError::Nested);
        }
        let claims = json::parse_object(jws.payload()).map_err(|_| JwtError::Claims)?;
        Ok(Self { jws, claims })
    }

    /// The header, as the token claims it.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.jws.header()
    }

    /// The issuer, as the token claims it: good for choosing whose keys and
    /// expectations to verify it with, and for nothing else.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// A claim, as the token claims it: for saying why it was refused, and for nothing else.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// Checks the token: algorithm, key, signature, kind, types of the registered
    /// claims, issuer, audience, not-before, issued-at, and expiry last, so that
    /// [`JwtError::Expired`] is said only of a token that was good.
    ///
    /// # Errors
    /// [`JwtError`] naming the first check that failed.
    pub fn verify<'k>(
        self,
        keys: impl Into<Keys<'k>>,
        expected: &Expectations<'_>,
        now: Timestamp,
    ) -> Result<VerifiedClaims, JwtError> {
        self.jws.verify(keys.into())?;
        let header = self.jws.header();
        if !expected.typ.accepts(header.typ.as_deref()) {
            return Err(JwtError::Typ);
        }
        let registered = Registered::read(&self.claims)?;
        expected.check(&registered, now)?;
        Ok(VerifiedClaims::new(header, registered, self.claims))
    }
}

impl VerifiedClaims {
    /// What an issuer itself said of a token, asked over a connection that proves who answers
    /// (RFC 7662 §2.2). There is no signature and no `typ`; the rest is checked as of a token.
    /// It need not say its own name, and where it does it must be the expected one.
    ///
    /// # Errors
    /// [`JwtError`] naming the first check that failed.
    pub fn vouched(
        mut claims: Map<String, Value>,
        expected: &Expectations<'_>,
        now: Timestamp,
    ) -> Result<Self, JwtError> {
        claims
            .entry("iss")
            .or_insert_with(|| expected.issuer.into());
        let registered = Registered::read(&claims)?;
        expected.check(&registered, now)?;
        Ok(Self::told(registered, claims))
    }
}

/// Prints the header alone: with the rest the token could be used.
impl fmt::Debug for UnverifiedJwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedJwt({:?})", self.header())
    }
}

#[cfg(test)]
mod tests;
