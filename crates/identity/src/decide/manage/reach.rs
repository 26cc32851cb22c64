//! How far a management permission goes, and whose a subject is. Not here: who holds the
//! permission (`manage`).

use crate::model::{Address, Contact, Grant, Granted, Identifier, Mailbox, Metadata, Subject};
use doorward_base::TenantId;

/// How far a management permission goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The whole realm.
    Realm,
    /// These tenants and what belongs to them; never empty.
    Tenants(Vec<TenantId>),
}

/// Whose a subject is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Belonging<'a> {
    /// Its memberships.
    pub member_of: &'a [TenantId],
    /// Whether it holds something realm-wide that not everybody is given.
    pub is_realms: bool,
}

impl<'a> Belonging<'a> {
    /// What memberships and grants make of a subject. What everybody was given when it was
    /// made counts as such also when newcomers are given something else.
    #[must_use]
    pub fn of(member_of: &'a [TenantId], grants: &[Grant]) -> Self {
        let is_realms = grants.iter().any(|grant| {
            let is_default = match &grant.granted {
                Granted::Default(_) => true,
                Granted::Role(_) | Granted::Permission { .. } => false,
            };
            grant.tenant.is_none() && !is_default
        });
        Self {
            member_of,
            is_realms,
        }
    }
}

impl Reach {
    /// Whether it reaches this tenant.
    #[must_use]
    pub fn covers(&self, tenant: &TenantId) -> bool {
        match self {
            Self::Realm => true,
            Self::Tenants(tenants) => tenants.contains(tenant),
        }
    }

    /// Whether it reaches a subject with these memberships: in a tenant's reach is
    /// who is a member there.
    #[must_use]
    pub fn covers_member(&self, member_of: &[TenantId]) -> bool {
        match self {
            Self::Realm => true,
            Self::Tenants(tenants) => member_of.iter().any(|tenant| tenants.contains(tenant)),
        }
    }

    /// What it sees of a subject within reach. A tenant sees who its members are, not what
    /// they and the realm say of them, nor what they do elsewhere. Whatever a subject has
    /// must choose here: this names every member.
    #[must_use]
    pub fn sees(&self, subject: Subject) -> Subject {
        if *self == Self::Realm {
            return subject;
        }
        let Subject {
            id,
            identifier,
            name,
            status,
            user_metadata: _,
            app_metadata: _,
            created_at,
            last_sign_in_at: _,
        } = subject;
        let identifier = match identifier {
            Identifier::User(contact) => {
                let Contact {
                    email,
                    phone: _,
                    anonymous,
                } = contact;
                Identifier::User(Contact {
                    email: email.map(|email| self.sees_mailbox(email)),
                    phone: None,
                    anonymous,
                })
            }
            Identifier::Service { email, home } => Identifier::Service {
                email,
                home: home.filter(|home| self.covers(home)),
            },
            other @ (Identifier::TenantKeys { .. } | Identifier::External { .. }) => other,
        };
        Subject {
            id,
            identifier,
            name,
            status,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
            created_at,
            last_sign_in_at: None,
        }
    }

    /// A tenant out of reach is not named.
    fn sees_mailbox(&self, mailbox: Mailbox) -> Mailbox {
        match mailbox {
            Mailbox::In(home, email) if !self.covers(&home) => Address::said(email).into(),
            other => other,
        }
    }

    /// Whether it reaches all that a subject is: what touches the whole subject must
    /// not be done from one of its tenants.
    #[must_use]
    pub fn covers_whole(&self, belonging: &Belonging<'_>) -> bool {
        match self {
            Self::Realm => true,
            Self::Tenants(tenants) => {
                let inside = |tenant: &TenantId| tenants.contains(tenant);
                let member_of = belonging.member_of;
                !belonging.is_realms && !member_of.is_empty() && member_of.iter().all(inside)
            }
        }
    }

    /// Whether it reaches what a subject has in one tenant. Who holds anything
    /// realm-wide is the realm's, and ended by no tenant.
    #[must_use]
    pub fn covers_in(&self, belonging: &Belonging<'_>, tenant: &TenantId) -> bool {
        match self {
            Self::Realm => true,
            Self::Tenants(_) => {
                !belonging.is_realms
                    && self.covers(tenant)
                    && self.covers_member(belonging.member_of)
            }
        }
    }
}
