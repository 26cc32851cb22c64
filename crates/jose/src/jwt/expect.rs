//! What a verifier expects of a token, and the comparison. Not here: where the
//! expectations come from (an issuer's configuration).

use super::JwtError;
use super::claims::Registered;
use doorward_base::{Audience, Timestamp};
use std::time::Duration;

/// How far ahead `iat` may lie, whatever the leeway: the clocks of one issuer's servers
/// differ. RFC 7519 §4.1.6 makes it no reason to refuse; beyond this it is a mistake.
const ISSUED_AHEAD: Duration = Duration::from_secs(60);

/// What a token must be to be accepted. There is no default: each field is a decision.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// `iss`, compared byte by byte.
    pub issuer: &'e str,
    /// One of these must be in `aud`; of none of them nothing is accepted. `None` takes any
    /// recipient, or none: only where something else about the token pins it to us.
    pub audiences: Option<&'e [Audience]>,
    /// The kind of token.
    pub typ: &'e TypRule,
    /// How far the issuer's clock may differ from ours: 0 for our own issuers, at most
    /// 30 s for others.
    pub leeway: Duration,
    /// Whether a token without `exp` is refused. False only for a dialect's legacy
    /// service keys.
    pub require_exp: bool,
    /// How far `exp` may lie after now, or after an `iat` that lies ahead of it, if that
    /// is bounded.
    pub max_lifetime: Option<Duration>,
}

impl Expectations<'_> {
    pub(super) fn check(&self, token: &Registered, now: Timestamp) -> Result<(), JwtError> {
        if token.iss.as_deref() != Some(self.issuer) {
            return Err(JwtError::Issuer);
        }
        if let Some(audiences) = self.audiences {
            let ours = |aud: &String| audiences.iter().any(|audience| audience.as_str() == aud);
            if !token.aud.iter().any(ours) {
                return Err(JwtError::Audience);
            }
        }
        let latest = now.plus(self.leeway);
        if token.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(JwtError::NotBefore);
        }
        if token.iat.is_some_and(|iat| iat > now.plus(ISSUED_AHEAD)) {
            return Err(JwtError::IssuedAt);
        }
        let Some(exp) = token.exp else {
            return if self.require_exp {
                Err(JwtError::ExpiryMissing)
            } else {
                Ok(())
            };
        };
        // Its life began at the issuer's clock, which may be ahead of ours.
        let began = token.iat.map_or(latest, |iat| iat.max(latest));
        if self.max_lifetime.is_some_and(|most| exp > began.plus(most)) {
            return Err(JwtError::Lifetime);
        }
        // "On or after" exp it is refused (RFC 7519 §4.1.4).
        if now >= exp.plus(self.leeway) {
            return Err(JwtError::Expired);
        }
        Ok(())
    }
}

/// Which values of `typ` are accepted. They are media types: compared without regard
/// to case, and `application/` may be left out (RFC 7515 §4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypRule {
    accepted: Vec<String>,
    absent: Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    Refused,
    Accepted,
}

impl TypRule {
    /// One of these; a token without `typ` is refused.
    #[must_use]
    pub fn one_of<'a>(accepted: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            accepted: accepted
                .into_iter()
                .map(|typ| short(typ).to_ascii_lowercase())
                .collect(),
            absent: Absent::Refused,
        }
    }

    /// The same, and a token without `typ` too. For issuers that do not set it.
    #[must_use]
    pub fn or_absent(self) -> Self {
        Self {
            absent: Absent::Accepted,
            ..self
        }
    }

    pub(super) fn accepts(&self, typ: Option<&str>) -> bool {
        match typ {
            None => self.absent == Absent::Accepted,
            Some(typ) => self
                .accepted
                .iter()
                .any(|accepted| accepted.eq_ignore_ascii_case(short(typ))),
        }
    }
}

/// Without `application/`, where nothing but a subtype follows.
fn short(typ: &str) -> &str {
    const PREFIX: usize = "application/".len();
    match typ.split_at_checked(PREFIX) {
        Some((prefix, rest))
            if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') =>
        {
            rest
        }
        _ => typ,
    }
}
