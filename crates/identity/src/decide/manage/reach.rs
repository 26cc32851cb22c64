//! How far a management permission goes, and whose a subject is. Not here: who holds the
//! permission (`manage`).

use super::{ManagementCaller, ManagementPermission, Through};
use crate::decide::refusal::ManageRefusal;
use crate::model::{Address, Contact, Grant, Identifier, Mailbox, Metadata, Subject};
use doorward_base::{SubjectId, TenantId};

/// How far a management permission goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The whole realm.
    Realm,
    /// These tenants and what belongs to them; never empty.
    Tenants(Vec<TenantId>),
}

/// Who ends a membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaver {
    /// Whose it is.
    Oneself,
    /// Whoever may.
    Other,
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
        let is_realms = grants
            .iter()
            .any(|grant| grant.tenant.is_none() && !grant.granted.is_default());
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

impl ManagementCaller {
    /// How far any of `names` goes.
    ///
    /// # Errors
    /// [`ManageRefusal::NotPermitted`] when the caller holds none of them anywhere.
    pub fn reach_of_any(
        &self,
        names: &[&str],
        refusal: &'static str,
    ) -> Result<Reach, ManageRefusal> {
        let may = |tenant: Option<&TenantId>| {
            names.iter().any(|name| self.holds_permission(name, tenant))
        };
        if may(None) {
            return Ok(Reach::Realm);
        }
        let tenants: Vec<TenantId> = match self {
            Self::Operator => Vec::new(),
            Self::Subject(manager) => manager
                .member_of
                .iter()
                .filter(|tenant| may(Some(tenant)))
                .cloned()
                .collect(),
        };
        if tenants.is_empty() {
            return Err(ManageRefusal::NotPermitted(refusal));
        }
        Ok(Reach::Tenants(tenants))
    }

    /// How far `what` goes.
    ///
    /// # Errors
    /// [`ManageRefusal::NotPermitted`] when the caller holds it nowhere.
    pub fn reach(&self, what: ManagementPermission) -> Result<Reach, ManageRefusal> {
        self.reach_of_any(&[what.as_str()], what.as_str())
    }

    /// What the caller sees of where it is somebody itself: everything by a sign-in of its own.
    /// A credential that is bound to a tenant tells whoever has it of that one.
    #[must_use]
    pub fn reach_of_oneself(&self) -> Reach {
        let Self::Subject(manager) = self else {
            return Reach::Realm;
        };
        let mut bound = manager
            .ceilings
            .iter()
            .filter_map(|ceiling| ceiling.tenant.clone());
        match (manager.through, bound.next()) {
            (Through::SignIn, _) | (_, None) => Reach::Realm,
            (Through::ApiToken(_) | Through::Other, Some(tenant)) => Reach::Tenants(vec![tenant]),
        }
    }

    /// Checks that the caller may do `what` in the whole realm.
    ///
    /// # Errors
    /// [`ManageRefusal::NotRealmWide`].
    pub fn demand_realm(&self, what: ManagementPermission) -> Result<(), ManageRefusal> {
        match self {
            Self::Subject(manager) if !self.may(what, None) => Err(ManageRefusal::NotRealmWide {
                needed: what.as_str(),
                caller: manager.subject,
            }),
            Self::Operator | Self::Subject(_) => Ok(()),
        }
    }

    /// Checks that the caller may do `what` in a tenant, or realm-wide. A tenant out
    /// of a tenant administrator's reach looks like one that does not exist.
    ///
    /// # Errors
    /// [`ManageRefusal::NotPermitted`] or [`ManageRefusal::NotFound`]; without a tenant
    /// [`ManageRefusal::NotRealmWide`].
    pub fn demand(
        &self,
        what: ManagementPermission,
        tenant: Option<&TenantId>,
    ) -> Result<(), ManageRefusal> {
        let Some(tenant) = tenant else {
            return self.demand_realm(what);
        };
        if self.reach(what)?.covers(tenant) {
            Ok(())
        } else {
            Err(ManageRefusal::NotFound("tenant"))
        }
    }

    /// How far the caller may end memberships, asked of one: its own it ends by a session,
    /// whoever made it a member and whatever it holds, and other people's by the permission.
    ///
    /// # Errors
    /// [`ManageRefusal::SessionNeeded`] or as [`Self::demand`].
    pub fn reach_of_leaving(
        &self,
        by: Leaver,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Reach, ManageRefusal> {
        match by {
            Leaver::Oneself => {
                self.demand_session()?;
                // All of oneself, also of who holds something in the whole realm.
                if self.subject() == Some(subject) {
                    Ok(Reach::Realm)
                } else {
                    Err(ManageRefusal::NotFound("membership"))
                }
            }
            Leaver::Other => {
                self.demand(ManagementPermission::MembershipsEdit, Some(tenant))?;
                self.reach(ManagementPermission::MembershipsEdit)
            }
        }
    }
}
