//! Organisations and who belongs to them.

use doorward_base::{MembershipId, SubjectId, TenantId, Timestamp};

/// How a tenant began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TenantOrigin {
    /// An operator, or who may make tenants, made it.
    Made,
    /// Who signed up got it for its own; nobody has asked for it.
    SignedUp,
}

/// An organisation inside a realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Its id, chosen by the operator.
    pub id: TenantId,
    /// A display name.
    pub name: Option<String>,
    /// How it began.
    pub origin: TenantOrigin,
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
