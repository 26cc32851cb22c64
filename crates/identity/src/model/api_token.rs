//! The stored, opaque, long-lived credential. Its secret exists only in the answer
//! that creates it.

use super::Ceiling;
use doorward_base::fault::{self, Fault};
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClassName, SubjectId, Timestamp};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Whose a token is, and so how long it lives on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKind {
    /// A person's (PAT): it follows the person's current authority.
    Personal,
    /// A service account's.
    Service,
    /// A tenant's (API key): it survives the employee who made it.
    Key,
}

impl TokenKind {
    /// `personal`, `service` or `key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Service => "service",
            Self::Key => "key",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "personal" => Ok(Self::Personal),
            "service" => Ok(Self::Service),
            "key" => Ok(Self::Key),
            other => Err(format!(
                "unknown kind {other:?}; known: personal, service, key"
            )),
        }
    }
}

/// Where a token is in its life. Expiry is not a state: it is read off the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenState {
    /// It works until it expires.
    Active,
    /// It was regenerated and works for the class's grace period. It does not count
    /// against `max_active`.
    Retiring {
        /// When it stops.
        until: Timestamp,
    },
    /// It never works again.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

/// An API token as the store keeps it: everything but the secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiToken {
    /// Its id, which logs and revocations name.
    pub id: ApiTokenId,
    /// Its class in the realm's configuration.
    pub class: ClassName,
    /// Its kind.
    pub kind: TokenKind,
    /// Who owns it.
    pub owner: SubjectId,
    /// The most it may carry.
    pub ceiling: Ceiling,
    /// What its maker called it, at most 200 characters.
    pub name: Option<String>,
    /// Where it is in its life.
    pub state: TokenState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it; `None` is an operator at the command line.
    pub created_by: Option<SubjectId>,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// The token it replaced when it was regenerated.
    pub replaces: Option<ApiTokenId>,
    /// When it was last used, to the flush interval.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_used_from: Option<IpAddr>,
    /// When somebody is told next that it will stop by itself.
    pub notice_at: Option<Timestamp>,
}

/// One use of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenUse {
    /// Which.
    pub token: ApiTokenId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub from: Option<IpAddr>,
}

/// What a token's own state and expiry make of it at a moment. The owner, the tenant and
/// the class have their own say (`decide::token`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenLife {
    /// It works.
    Active,
    /// It was replaced and works for a while yet.
    Retiring,
    /// It ran out.
    Expired,
    /// It was ended, or the token that replaced it took over.
    Revoked,
}

impl TokenLife {
    /// The word for it, everywhere it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl ApiToken {
    /// Where it is in its life at `now`. What was revoked stays revoked when it runs out
    /// too.
    #[must_use]
    pub fn life(&self, now: Timestamp) -> TokenLife {
        match self.state {
            TokenState::Revoked { .. } => TokenLife::Revoked,
            TokenState::Retiring { until } if until <= now => TokenLife::Revoked,
            _ if self.expires_at.is_some_and(|end| end <= now) => TokenLife::Expired,
            TokenState::Retiring { .. } => TokenLife::Retiring,
            TokenState::Active => TokenLife::Active,
        }
    }

    /// Whether that lets it work.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        match self.life(now) {
            TokenLife::Active | TokenLife::Retiring => true,
            TokenLife::Expired => false,
            TokenLife::Revoked => fault::is_planted(Fault::SkipRevocation),
        }
    }
}

/// A token about to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewApiToken {
    /// The token.
    pub token: ApiToken,
    /// The keyed digest of its secret.
    pub digest: TokenDigest,
    /// Which digest key made the digest.
    pub digest_key: String,
}
