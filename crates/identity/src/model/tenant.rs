//! Organisations and who belongs to them.

use doorward_base::secret::TokenDigest;
use doorward_base::{Email, MembershipId, RoleName, SubjectId, TenantId, Timestamp};

/// An organisation inside a realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Its id, chosen by the operator.
    pub id: TenantId,
    /// A display name.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A subject's membership of a tenant. Ending it ends what is bound to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// Who.
    pub subject: SubjectId,
    /// Where.
    pub tenant: TenantId,
    /// Since when.
    pub created_at: Timestamp,
}

/// An invitation of an address into a tenant. Its secret proves the address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// The digest of its secret.
    pub digest: TokenDigest,
    /// Who is invited.
    pub email: Email,
    /// Into which tenant.
    pub tenant: TenantId,
    /// The roles granted in the tenant when it is taken.
    pub roles: Vec<RoleName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}
