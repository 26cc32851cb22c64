//! Signs what a use-case decided to issue, after its commit. Not here: the claims
//! (`decide::claims`).

use super::work::Failure;
use crate::decide::exchange::Life;
use crate::decide::refusal::Refusal;
use doorward_base::{Entropy, Scope, Secret, SubjectId, TenantId, Timestamp, entropy};
use doorward_jose::SigningKey;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The `typ` of JWTs for upstreams. They are refused inbound.
pub const INTERNAL_TYP: &str = "internal+jwt";

/// A JWT that was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The JWT in compact form. A credential: never logged.
    pub jwt: Secret,
    /// Its `iat`.
    pub issued_at: Timestamp,
    /// Its `exp`.
    pub expires_at: Timestamp,
    /// The whole seconds between.
    pub expires_in: u64,
    /// The scopes it carries, sorted.
    pub scopes: Vec<Scope>,
    /// Whose it is.
    pub subject: SubjectId,
    /// The active tenant.
    pub tenant: Option<TenantId>,
}

/// A JWT that was decided and not yet signed.
#[derive(Clone, Debug)]
pub(super) struct Unsigned {
    pub(super) claims: Map<String, Value>,
    pub(super) life: Life,
    pub(super) scopes: Vec<Scope>,
    pub(super) subject: SubjectId,
    pub(super) tenant: Option<TenantId>,
}

impl Unsigned {
    pub(super) fn sign<R: Refusal>(
        self,
        key: &SigningKey,
        typ: &str,
    ) -> Result<Issued, Failure<R>> {
        let jwt = key
            .sign_jwt(typ, &self.claims)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(Issued {
            jwt: Secret::new(jwt),
            issued_at: self.life.issued_at,
            expires_at: self.life.expires_at,
            expires_in: self.life.seconds,
            scopes: self.scopes,
            subject: self.subject,
            tenant: self.tenant,
        })
    }
}

/// A fresh `jti`: 128 random bits in hexadecimal.
pub(super) fn mint_jti(entropy: &dyn Entropy) -> String {
    let mut text = String::with_capacity(32);
    for byte in entropy::bytes::<16>(entropy) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
