//! A second factor of a subject: what proves a sign-in beyond its password. Not here:
//! the proving (the dialects' flows).

use super::Metadata;
use doorward_base::{FactorId, SubjectId, Timestamp};
use std::str::FromStr;

/// What a factor is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FactorKind {
    /// Time-based one-time passwords (RFC 6238).
    Totp,
    /// A passkey (WebAuthn).
    Passkey,
    /// A set of recovery codes.
    RecoveryCodes,
    /// Codes sent to a phone.
    Phone,
}

impl FactorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Totp, Self::Passkey, Self::RecoveryCodes, Self::Phone];

    /// `totp`, `passkey`, `recovery_codes` or `phone`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::RecoveryCodes => "recovery_codes",
            Self::Phone => "phone",
        }
    }

    /// Whether it strengthens a sign-in by itself. Recovery codes stand in for another
    /// factor and are nothing without one.
    #[must_use]
    pub const fn stands_alone(self) -> bool {
        !matches!(self, Self::RecoveryCodes)
    }
}

impl FromStr for FactorKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or("no such kind of factor")
    }
}

/// Where a factor is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactorState {
    /// Enrolled, and not yet shown to work: it proves nothing.
    Unverified,
    /// Shown to work.
    Verified {
        /// Since when.
        at: Timestamp,
    },
}

/// What the store keeps of a factor.
#[derive(Clone, PartialEq, Debug)]
pub enum FactorData {
    /// A secret, sealed for this factor alone (`jose::seal`).
    Sealed(Vec<u8>),
    /// What is no secret: a public key, a phone number, digests of recovery codes; at
    /// most 16 KiB as JSON.
    Public(Metadata),
}

/// A factor of a subject.
#[derive(Clone, PartialEq, Debug)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// Whose.
    pub subject: SubjectId,
    /// What it is.
    pub kind: FactorKind,
    /// Where it is in its life.
    pub state: FactorState,
    /// What its owner called it, at most 200 characters.
    pub name: Option<String>,
    /// What it is checked with.
    pub data: FactorData,
    /// The last counter of a passkey, or the last time step of a TOTP, that was used: it
    /// only grows, so that nothing is used twice.
    pub counter: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last proved a sign-in.
    pub last_used_at: Option<Timestamp>,
}

impl Factor {
    /// Whether it was shown to work.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self.state, FactorState::Verified { .. })
    }
}
