//! Signs what a use-case decided to issue, after its commit. Not here: the claims
//! (`decide::issue`).

use super::work::Failure;
use crate::decide::exchange::Life;
use crate::decide::issue::{Decided, Held, IssueRefusal, Term};
use crate::decide::refusal::Reason;
use crate::settings::RealmSettings;
use doorward_base::{Entropy, RoleName, Scope, Secret, SubjectId, TenantId, Timestamp, entropy};
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
    /// The roles that may be selected with it, sorted.
    pub roles: Vec<RoleName>,
    /// The role in force.
    pub role: Option<RoleName>,
    /// Whose it is.
    pub subject: SubjectId,
    /// The active tenant.
    pub tenant: Option<TenantId>,
    /// All it says.
    pub claims: Map<String, Value>,
}

/// A JWT that was decided and not yet signed.
#[derive(Clone, Debug)]
pub(super) struct Unsigned {
    decided: Decided,
    scopes: Vec<Scope>,
    roles: Vec<RoleName>,
    role: Option<RoleName>,
    subject: SubjectId,
    tenant: Option<TenantId>,
}

impl Unsigned {
    /// The access token that carries what is held.
    pub(super) fn of(
        held: Held<'_>,
        settings: &RealmSettings,
        term: &Term<'_>,
        now: Timestamp,
    ) -> Result<Self, IssueRefusal> {
        let decided = held.decide(settings, term, now)?;
        Ok(Self {
            decided,
            subject: held.dossier.subject.id,
            scopes: held.authority.scopes().to_vec(),
            roles: held.authority.roles().to_vec(),
            role: held.authority.role().cloned(),
            tenant: held.tenant,
        })
    }

    /// How long it lives.
    pub(super) const fn life(&self) -> Life {
        self.decided.life
    }

    pub(super) fn sign<R: Reason>(self, key: &SigningKey, typ: &str) -> Result<Issued, Failure<R>> {
        let jwt = key
            .sign_jwt(typ, &self.decided.claims)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(Issued {
            jwt: Secret::new(jwt),
            issued_at: self.decided.life.issued_at,
            expires_at: self.decided.life.expires_at,
            expires_in: self.decided.life.seconds,
            scopes: self.scopes,
            roles: self.roles,
            role: self.role,
            subject: self.subject,
            tenant: self.tenant,
            claims: self.decided.claims,
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
