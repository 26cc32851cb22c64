//! What makes up authority. How the parts combine is `decide::authority`.

use doorward_base::{Audience, Environment, Permission, RoleName, TenantId};
use doorward_jose::digest::sha256;
use std::fmt::Write as _;

/// What a grant gives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Granted {
    /// A role, with whatever permissions it has at the time of asking.
    Role(RoleName),
    /// A role that everybody was given who was made while it was a default role. It gives
    /// what the role gives, and makes nobody the realm's. No caller grants it.
    Default(RoleName),
    /// A permission, on one API or on all.
    Permission {
        /// The permission.
        permission: Permission,
        /// The API it is limited to; `None` is every API of the realm.
        audience: Option<Audience>,
    },
}

impl Granted {
    /// Whether everybody was given it.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        match self {
            Self::Default(_) => true,
            Self::Role(_) | Self::Permission { .. } => false,
        }
    }
}

/// A role or permission a subject holds, in one tenant or realm-wide. Only operators
/// grant realm-wide.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Grant {
    /// The tenant it holds in; `None` is realm-wide.
    pub tenant: Option<TenantId>,
    /// What it gives.
    pub granted: Granted,
}

/// A named set of permissions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleDefinition {
    /// The name.
    pub role: RoleName,
    /// What it includes, sorted.
    pub permissions: Vec<Permission>,
}

impl RoleDefinition {
    /// A short digest of the name and what it includes: a role that includes something
    /// else has another. Not a secret.
    #[must_use]
    pub fn mark(&self) -> String {
        let mut text = self.role.to_string();
        for permission in &self.permissions {
            // No name has a space.
            text.push(' ');
            text.push_str(permission.as_str());
        }
        let digest = sha256(text.as_bytes());
        let mut mark = String::with_capacity(12);
        for byte in digest.iter().take(6) {
            let _ = write!(mark, "{byte:02x}");
        }
        mark
    }
}

/// The most a client, credential or session may carry, whatever its owner holds.
/// `None` limits nothing; an empty list allows nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ceiling {
    /// The tenant it is bound to.
    pub tenant: Option<TenantId>,
    /// Roles, sorted.
    pub roles: Option<Vec<RoleName>>,
    /// Permissions (and so scopes), sorted.
    pub permissions: Option<Vec<Permission>>,
    /// Audiences, sorted.
    pub audiences: Option<Vec<Audience>>,
    /// The environment.
    pub environment: Option<Environment>,
}
