//! Who may manage whom. Management authority is read live from the store, inside the
//! transaction it is used in, and narrowed by the credential that asks. Not here: the
//! actions themselves (`act`).

use super::authority::{Held, Holdings, apply_ceilings, held, held_over_others};
use super::refusal::ManageRefusal;
use crate::model::{Ceiling, Grant, Granted, RoleDefinition};
use doorward_base::{ApiTokenId, Audience, Permission, SubjectId, TenantId};

macro_rules! management_permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A permission that Doorward itself tests. The names are stable.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ManagementPermission { $($(#[$doc])* $variant,)* }

        impl ManagementPermission {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

management_permissions! {
    /// See subjects, memberships, grants and tokens.
    UsersRead = "platform.users.read";
    /// Create, disable and enable users; revoke their tokens.
    UsersEdit = "platform.users.edit";
    /// Create, disable and enable service accounts.
    ServiceAccountsEdit = "platform.users.service-accounts.edit";
    /// Create, regenerate and revoke the tokens of service accounts and tenants.
    AccessTokensEdit = "platform.users.service-accounts.access-tokens.edit";
    /// Create tenants and define their roles.
    TenantsEdit = "platform.tenants.edit";
    /// Invite into tenants, create and end memberships.
    MembershipsEdit = "platform.memberships.edit";
    /// Create clients, rotate their secrets and revoke them.
    ClientsEdit = "platform.clients.edit";
    /// Grant and take away roles and permissions that the caller holds itself.
    GrantsEdit = "platform.grants.edit";
    /// Read the audit log.
    AuditRead = "platform.audit.read";
    /// Read denials and their traces.
    DenialsRead = "platform.denials.read";
    /// Rotate keys.
    KeysEdit = "platform.keys.edit";
}

mod reach;

pub use reach::{Belonging, Leaver, Reach};

/// The tenants with the roles each defines for itself.
pub type TenantRoles = Vec<(TenantId, Vec<RoleDefinition>)>;

/// Through what a subject asks to manage something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Through {
    /// A sign-in of its own, whole.
    SignIn,
    /// An API token, or an access token that was exchanged for it.
    ApiToken(ApiTokenId),
    /// A client, another login, or somebody who acts for it.
    Other,
}

/// The live authority of a subject that manages others.
#[derive(Clone, Debug)]
pub struct Manager {
    /// Who.
    pub subject: SubjectId,
    /// Through what it asks.
    pub through: Through,
    /// Its grants.
    pub grants: Vec<Grant>,
    /// Its memberships.
    pub member_of: Vec<TenantId>,
    /// The realm's roles.
    pub roles: Vec<RoleDefinition>,
    /// The roles of the tenants its grants name.
    pub tenant_roles: TenantRoles,
    /// The ceilings of its credential.
    pub ceilings: Vec<Ceiling>,
}

/// A caller whose management authority was read live. Only `act` makes one that is a
/// subject, inside the transaction that acts on it.
#[derive(Clone, Debug)]
pub enum ManagementCaller {
    /// Somebody with access to the store and the master key. Holds everything.
    Operator,
    /// A subject.
    Subject(Box<Manager>),
}

impl Manager {
    /// What it holds over others in a tenant, or realm-wide, through the credential that asks.
    #[must_use]
    pub fn holds_in(&self, tenant: Option<&TenantId>, audience: Option<&Audience>) -> Held {
        self.narrowed(tenant, |whole| held_over_others(whole, tenant, audience))
    }

    /// What it may itself in a tenant, or without one, through the credential that asks.
    #[must_use]
    pub fn acts_in(&self, tenant: Option<&TenantId>) -> Held {
        self.narrowed(tenant, |whole| held(whole, tenant, None))
    }

    /// What its credential leaves of what it holds.
    fn narrowed(&self, tenant: Option<&TenantId>, of: impl FnOnce(&Holdings<'_>) -> Held) -> Held {
        let elsewhere =
            |ceiling: &Ceiling| ceiling.tenant.is_some() && ceiling.tenant.as_ref() != tenant;
        if self.ceilings.iter().any(elsewhere) {
            return Held::default();
        }
        let tenant_roles = self
            .tenant_roles
            .iter()
            .find(|(of, _)| Some(of) == tenant)
            .map_or(&[][..], |(_, roles)| roles);
        let mut held = of(&Holdings {
            grants: &self.grants,
            member_of: &self.member_of,
            roles: &self.roles,
            tenant_roles,
            // It is asked for at the gate alone; here it opens nothing.
            crossing: None,
        });
        apply_ceilings(&mut held, &self.ceilings.iter().collect::<Vec<_>>());
        held
    }

    fn holds_permission(&self, permission: &str, tenant: Option<&TenantId>) -> bool {
        self.holds_in(tenant, None)
            .all_permissions()
            .any(|held| held.as_str() == permission)
    }
}

impl ManagementCaller {
    /// Who, if a subject.
    #[must_use]
    pub fn subject(&self) -> Option<SubjectId> {
        match self {
            Self::Operator => None,
            Self::Subject(manager) => Some(manager.subject),
        }
    }

    /// Checks that the caller came by a sign-in of its own, or is an operator: a
    /// credential never manages its siblings. What machines present, and what was made
    /// from it, lies about in logs and upstreams: whoever finds one must not make a longer
    /// life of it, nor look for others.
    ///
    /// # Errors
    /// [`ManageRefusal::SessionNeeded`].
    pub fn demand_session(&self) -> Result<(), ManageRefusal> {
        match self {
            Self::Operator => Ok(()),
            Self::Subject(manager) if manager.through == Through::SignIn => Ok(()),
            Self::Subject(_) => Err(ManageRefusal::SessionNeeded),
        }
    }

    /// Whether it asks through this very token.
    #[must_use]
    pub fn is_token(&self, token: ApiTokenId) -> bool {
        match self {
            Self::Operator => false,
            Self::Subject(manager) => manager.through == Through::ApiToken(token),
        }
    }

    /// Whether the caller may do `what` in a tenant, or realm-wide.
    #[must_use]
    pub fn may(&self, what: ManagementPermission, tenant: Option<&TenantId>) -> bool {
        self.holds_permission(what.as_str(), tenant)
    }

    /// Whether the caller holds a permission of this name in a tenant, or realm-wide.
    #[must_use]
    pub fn holds_permission(&self, permission: &str, tenant: Option<&TenantId>) -> bool {
        match self {
            Self::Operator => true,
            Self::Subject(manager) => manager.holds_permission(permission, tenant),
        }
    }

    /// Whether its word proves an address: the whole realm's, not one tenant's, and a
    /// person's in a session: a token that was found must not seat anybody by its word.
    #[must_use]
    pub fn vouches(&self) -> bool {
        self.demand_session().is_ok() && self.may(ManagementPermission::UsersEdit, None)
    }

    /// Whether the caller itself holds what it would give: a permission, or a role
    /// with all the permissions the role has.
    #[must_use]
    pub fn holds(&self, granted: &Granted, tenant: Option<&TenantId>) -> bool {
        let Self::Subject(manager) = self else {
            return true;
        };
        match granted {
            Granted::Permission {
                permission,
                audience,
            } => manager
                .holds_in(tenant, audience.as_ref())
                .all_permissions()
                .any(|held| held == permission),
            // Whole, or it is not held.
            Granted::Role(role) | Granted::Default(role) => {
                manager.holds_in(tenant, None).roles.contains_key(role)
            }
        }
    }

    /// Checks a grant about to be made: only operators grant realm-wide, and nobody
    /// grants what it does not hold.
    ///
    /// # Errors
    /// [`ManageRefusal::RealmWide`] or [`ManageRefusal::NotHeld`].
    pub fn may_grant(&self, grant: &Grant) -> Result<(), ManageRefusal> {
        if grant.tenant.is_none() && !matches!(self, Self::Operator) {
            return Err(ManageRefusal::RealmWide);
        }
        self.may_delegate(grant)
    }

    /// Checks a grant to a service account about to be made. Realm-wide it may be what
    /// the caller holds realm-wide itself: a realm without tenants has no other grants,
    /// and its administrators choose their service accounts' permissions.
    ///
    /// # Errors
    /// [`ManageRefusal::NotHeld`].
    pub fn may_delegate(&self, grant: &Grant) -> Result<(), ManageRefusal> {
        if self.holds(&grant.granted, grant.tenant.as_ref()) {
            return Ok(());
        }
        Err(ManageRefusal::NotHeld(match &grant.granted {
            Granted::Role(role) | Granted::Default(role) => role.to_string(),
            Granted::Permission { permission, .. } => permission.to_string(),
        }))
    }

    /// Checks that a credential which carries `carried` in a tenant gives nothing that
    /// the caller does not hold there itself.
    ///
    /// # Errors
    /// [`ManageRefusal::NotHeld`] naming the first that is not.
    pub fn covers(
        &self,
        carried: &Held,
        tenant: Option<&TenantId>,
        audience: Option<&Audience>,
    ) -> Result<(), ManageRefusal> {
        let Self::Subject(manager) = self else {
            return Ok(());
        };
        let own = manager.holds_in(tenant, audience);
        let lacks = |wanted: &Permission| !own.all_permissions().any(|held| held == wanted);
        if let Some(permission) = carried.all_permissions().find(|wanted| lacks(wanted)) {
            return Err(ManageRefusal::NotHeld(permission.to_string()));
        }
        match carried
            .roles
            .keys()
            .find(|role| !own.roles.contains_key(*role))
        {
            Some(role) => Err(ManageRefusal::NotHeld(role.to_string())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
