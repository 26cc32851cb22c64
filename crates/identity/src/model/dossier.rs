//! Everything the decisions about one subject need, loaded at once: an engine reads it
//! in one statement.

use super::{ApiToken, Grant, RoleDefinition, Subject};
use doorward_base::principal::Epoch;
use doorward_base::{SubjectId, TenantId};

/// A subject with all that gives it authority.
#[derive(Clone, PartialEq, Debug)]
pub struct Dossier {
    /// The subject.
    pub subject: Subject,
    /// Its grants in every tenant and realm-wide, sorted.
    pub grants: Vec<Grant>,
    /// The tenants it is a member of, the oldest membership first.
    pub member_of: Vec<TenantId>,
    /// The roles that these tenants defined for themselves, by tenant and name.
    pub tenant_roles: Vec<(TenantId, RoleDefinition)>,
    /// Its epochs that are not 0; `None` is the realm-wide one.
    pub epochs: Vec<(Option<TenantId>, Epoch)>,
}

impl Dossier {
    /// The roles a tenant defined. Only for tenants the subject is a member of.
    #[must_use]
    pub fn roles_of(&self, tenant: Option<&TenantId>) -> Vec<RoleDefinition> {
        self.tenant_roles
            .iter()
            .filter(|(of, _)| Some(of) == tenant)
            .map(|(_, role)| role.clone())
            .collect()
    }

    /// The epoch of the subject realm-wide (`None`) or in a tenant.
    #[must_use]
    pub fn epoch(&self, tenant: Option<&TenantId>) -> Epoch {
        self.epochs
            .iter()
            .find(|(of, _)| of.as_ref() == tenant)
            .map_or(Epoch(0), |(_, epoch)| *epoch)
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> SubjectId {
        self.subject.id
    }
}

/// An API token with its owner's dossier.
#[derive(Clone, PartialEq, Debug)]
pub struct TokenDossier {
    /// The token.
    pub token: ApiToken,
    /// The id of the digest key its stored digest was made with.
    pub digest_key: String,
    /// Who owns it.
    pub owner: Dossier,
}
