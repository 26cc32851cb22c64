//! How values are written: ids as UUIDs, times as RFC 3339, never a secret. Not here: API
//! tokens (`token`), and what one endpoint alone gives.

use doorward_base::{SessionId, Timestamp};
use doorward_identity::model::{
    Address, Grant, Granted, Identifier, LinkedIdentity, Mailbox, Membership, Session, Subject,
    SubjectStatus, Tenant,
};
use serde::Serialize;
use std::fmt::Display;
use utoipa::ToSchema;

/// A page of a listing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// What to pass as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

impl<T> Listing<T> {
    /// A page of rows in the order of their keys: a full one may have a successor.
    pub(crate) fn by_key<'a, R, K: Display>(
        rows: &'a [R],
        limit: u32,
        key: impl Fn(&R) -> K,
        view: impl Fn(&'a R) -> T,
    ) -> Self {
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= limit);
        Self {
            next: rows.last().filter(|_| full).map(|row| key(row).to_string()),
            items: rows.iter().map(view).collect(),
        }
    }

    /// Rows that are all there are.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// A user, service account or external subject.
#[derive(Serialize, ToSchema)]
#[schema(as = Subject)]
pub struct SubjectView {
    /// Its id.
    pub(crate) id: String,
    /// `user`, `service` or `external`.
    pub(crate) kind: String,
    /// Its address.
    pub(crate) email: Option<String>,
    /// The tenant in which alone its address counts; without one it counts in the whole
    /// realm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) home: Option<String>,
    /// Whether a user's e-mail address is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email_proven: Option<bool>,
    /// Since when it passes for the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email_confirmed_at: Option<String>,
    /// A user's phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
    /// Whether it is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone_proven: Option<bool>,
    /// Since when it passes for the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone_confirmed_at: Option<String>,
    /// Whether a user came without saying who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) anonymous: Option<bool>,
    /// The tenant whose API keys it owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys_of: Option<String>,
    /// An external subject's issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    /// An external subject's name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<String>,
    /// A display name.
    pub(crate) name: Option<String>,
    /// `active`, `banned` (until `banned_until`) or `disabled`.
    pub(crate) status: &'static str,
    /// When it was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disabled_at: Option<String>,
    /// When its ban is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) banned_until: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_sign_in_at: Option<String>,
}

impl From<&Subject> for SubjectView {
    fn from(subject: &Subject) -> Self {
        let (mut keys_of, mut external) = (None, None);
        match &subject.identifier {
            Identifier::User(_) | Identifier::Service { .. } => {}
            Identifier::TenantKeys { tenant } => keys_of = Some(tenant.to_string()),
            Identifier::External { issuer, sub } => external = Some((issuer, sub)),
        }
        let (status, disabled_at, banned_until) = match subject.status {
            SubjectStatus::Active => ("active", None, None),
            SubjectStatus::Banned { until } => ("banned", None, Some(until.to_string())),
            SubjectStatus::Disabled { at } => ("disabled", Some(at.to_string()), None),
        };
        let contact = subject.identifier.contact();
        let email = contact.and_then(|contact| contact.email.as_ref());
        let wide = email.and_then(Mailbox::wide);
        let phone = contact.and_then(|contact| contact.phone.as_ref());
        let text = |at: Timestamp| at.to_string();
        Self {
            id: subject.id.to_string(),
            kind: subject.identifier.kind().to_string(),
            email: subject.identifier.email().map(ToString::to_string),
            home: subject.identifier.home().map(ToString::to_string),
            email_proven: email.map(Mailbox::is_proven),
            email_confirmed_at: wide.and_then(|own| own.confirmed_at).map(text),
            phone: phone.map(|own| own.value.to_string()),
            phone_proven: phone.map(Address::is_proven),
            phone_confirmed_at: phone.and_then(|own| own.confirmed_at).map(text),
            anonymous: contact.map(|contact| contact.anonymous),
            keys_of,
            issuer: external.map(|(issuer, _)| issuer.to_string()),
            sub: external.map(|(_, sub)| sub.to_string()),
            name: subject.name.clone(),
            status,
            disabled_at,
            banned_until,
            created_at: subject.created_at.to_string(),
            last_sign_in_at: subject.last_sign_in_at.map(text),
        }
    }
}

/// A subject's name at a login elsewhere.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityView {
    /// Its id.
    pub(crate) id: String,
    /// The login.
    pub(crate) provider: String,
    /// Its name there.
    pub(crate) sub: String,
    /// When it was linked.
    pub(crate) created_at: String,
    /// When somebody last came in by it.
    pub(crate) last_used_at: Option<String>,
}

impl From<&LinkedIdentity> for IdentityView {
    fn from(identity: &LinkedIdentity) -> Self {
        Self {
            id: identity.id.to_string(),
            provider: identity.provider.to_string(),
            sub: identity.sub.to_string(),
            created_at: identity.created_at.to_string(),
            last_used_at: identity.last_used_at.map(|at| at.to_string()),
        }
    }
}

/// An organisation.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantView {
    /// Its id.
    pub(crate) id: String,
    /// A display name.
    pub(crate) name: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            created_at: tenant.created_at.to_string(),
        }
    }
}

/// A subject's membership of a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
pub struct MembershipView {
    /// Its id.
    pub(crate) id: String,
    /// Who.
    pub(crate) subject: String,
    /// Where.
    pub(crate) tenant: String,
    /// Since when.
    pub(crate) created_at: String,
}

impl From<&Membership> for MembershipView {
    fn from(membership: &Membership) -> Self {
        Self {
            id: membership.id.to_string(),
            subject: membership.subject.to_string(),
            tenant: membership.tenant.to_string(),
            created_at: membership.created_at.to_string(),
        }
    }
}

/// A role or a permission that a subject holds.
#[derive(Serialize, ToSchema)]
#[schema(as = Grant)]
pub struct GrantView {
    /// The tenant it holds in; null is realm-wide.
    pub(crate) tenant: Option<String>,
    /// The role, for a grant of a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// The permission, for a grant of a permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permission: Option<String>,
    /// The API the permission is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
}

impl From<&Grant> for GrantView {
    fn from(grant: &Grant) -> Self {
        let (role, permission, audience) = match &grant.granted {
            Granted::Role(role) | Granted::Default(role) => (Some(role.to_string()), None, None),
            Granted::Permission {
                permission,
                audience,
            } => (
                None,
                Some(permission.to_string()),
                audience.as_ref().map(ToString::to_string),
            ),
        };
        Self {
            tenant: grant.tenant.as_ref().map(ToString::to_string),
            role,
            permission,
            audience,
        }
    }
}

/// A sign-in that is not over.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Its id: the `sid` claim.
    pub(crate) id: String,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
    /// The tenant it acts in.
    pub(crate) tenant: Option<String>,
    /// When it began.
    pub(crate) created_at: String,
    /// When it was last refreshed.
    pub(crate) refreshed_at: Option<String>,
    /// When it ends by itself, if nothing carries it on.
    pub(crate) ends_at: String,
    /// How sure it is who signed in: `aal1` or `aal2`.
    pub(crate) aal: &'static str,
    /// By what they signed in.
    pub(crate) amr: Vec<&'static str>,
    /// From where it began.
    pub(crate) address: Option<String>,
    /// By what program, as it said itself.
    pub(crate) user_agent: Option<String>,
}

impl SessionView {
    /// The session, as `current` sees it.
    #[must_use]
    pub fn of(session: &Session, current: Option<SessionId>) -> Self {
        let steps = session.steps.iter();
        Self {
            id: session.id.to_string(),
            current: current == Some(session.id),
            tenant: session.ceiling.tenant.as_ref().map(ToString::to_string),
            created_at: session.created_at.to_string(),
            refreshed_at: session.refreshed_at.as_ref().map(ToString::to_string),
            ends_at: session.ends_at().to_string(),
            aal: session.aal.as_str(),
            amr: steps.map(|step| step.method.as_str()).collect(),
            address: session.address.as_ref().map(ToString::to_string),
            user_agent: session.user_agent.as_ref().map(ToString::to_string),
        }
    }
}
