//! Keys as the store keeps them: sealed under the master key.

use doorward_base::Timestamp;

/// What a key is for. A key never serves two purposes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyPurpose {
    /// Signs access tokens; its public half is in the JWKS.
    Access,
    /// Signs JWTs for upstreams; refused inbound.
    Internal,
    /// Makes the digests of opaque tokens.
    Digest,
}

impl KeyPurpose {
    /// `access`, `internal` or `digest`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Internal => "internal",
            Self::Digest => "digest",
        }
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyState {
    /// Published, not yet used, so that verifiers can learn it first.
    Next,
    /// In use. One key of a purpose is active.
    Active,
    /// Still verified, no longer used.
    Retiring {
        /// When it is forgotten.
        until: Timestamp,
    },
}

/// A sealed key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    /// Its id: the JWK thumbprint (RFC 7638) of a signing key, the digest key's id.
    pub kid: String,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// The JWS algorithm of a signing key; `HMAC-SHA-256` for a digest key.
    pub algorithm: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// The key, sealed by `jose::seal`.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}
