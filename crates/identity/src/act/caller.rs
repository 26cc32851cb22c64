//! Who calls a use-case, and how its live management authority is loaded. Not here:
//! what that authority allows (`decide::manage`).

use super::facts::load_owned;
use crate::decide::authority::permissions_of;
use crate::decide::manage::{ManagementCaller, Manager};
use crate::model::{Actor, Ceiling, SubjectStatus};
use crate::port::{Read, StoreError};
use crate::settings::RealmSettings;
use doorward_base::principal::CredentialId;
use doorward_base::{Permission, Principal, SubjectId, TenantId, Timestamp};

/// Who calls. It asserts nothing: each use-case loads, in its own transaction, whether
/// the credential still lives and what its subject holds now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Caller {
    /// Somebody with access to the store and the master key, at the command line.
    Operator,
    /// A subject, through a credential.
    Subject {
        /// Who.
        subject: SubjectId,
        /// Through what.
        credential: CredentialId,
        /// What the credential at hand carries at most: the scopes of an access token
        /// that was exchanged. `None` for a sign-in session, which carries everything.
        carries: Option<Vec<Permission>>,
    },
}

impl Caller {
    /// The caller behind a verified principal; `None` if it is no subject of ours.
    #[must_use]
    pub fn from_principal(principal: &Principal) -> Option<Self> {
        let carries = match principal.credential {
            CredentialId::Session(_) => None,
            CredentialId::ApiToken(_) | CredentialId::Foreign => {
                Some(permissions_of(&principal.scopes))
            }
        };
        Some(Self::Subject {
            subject: principal.subject?,
            credential: principal.credential,
            carries,
        })
    }

    /// How the audit log names it.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match self {
            Self::Operator => Actor::Operator,
            Self::Subject { subject, .. } => Actor::Subject(*subject),
        }
    }

    /// The subject, if it is one.
    #[must_use]
    pub const fn subject(&self) -> Option<SubjectId> {
        match self {
            Self::Operator => None,
            Self::Subject { subject, .. } => Some(*subject),
        }
    }
}

/// Loads the caller's live authority; `None` if its credential is dead or its subject
/// disabled or gone.
pub(super) async fn load_manager(
    tx: &mut dyn Read,
    settings: &RealmSettings,
    caller: &Caller,
    now: Timestamp,
) -> Result<Option<ManagementCaller>, StoreError> {
    let Caller::Subject {
        subject,
        credential,
        carries,
    } = caller
    else {
        return Ok(Some(ManagementCaller::Operator));
    };
    match tx.find_subject(*subject).await? {
        Some(found) if found.status == SubjectStatus::Active => {}
        _ => return Ok(None),
    }
    let owned = load_owned(tx, *subject).await?;
    let mut ceilings = match credential {
        CredentialId::Session(id) => match tx.find_session(*id).await? {
            Some(session) if session.subject == *subject && session.is_live(now) => {
                // The active tenant is where a session's requests act, not how far
                // its holder's management goes.
                vec![Ceiling {
                    tenant: None,
                    ..session.ceiling
                }]
            }
            _ => return Ok(None),
        },
        CredentialId::ApiToken(id) => match tx.find_api_token(*id).await? {
            Some(token)
                if token.owner == *subject
                    && token.is_live(now)
                    && is_member(&owned.member_of, token.ceiling.tenant.as_ref()) =>
            {
                vec![token.ceiling]
            }
            _ => return Ok(None),
        },
        CredentialId::Foreign => Vec::new(),
    };
    if let Some(permissions) = carries {
        ceilings.push(Ceiling {
            permissions: Some(permissions.clone()),
            ..Ceiling::default()
        });
    }
    let mut tenant_roles = Vec::with_capacity(owned.member_of.len());
    for tenant in &owned.member_of {
        tenant_roles.push((tenant.clone(), tx.list_tenant_roles(tenant).await?));
    }
    Ok(Some(ManagementCaller::Subject(Box::new(Manager {
        subject: *subject,
        grants: owned.grants,
        member_of: owned.member_of,
        roles: settings.roles.clone(),
        tenant_roles,
        ceilings,
    }))))
}

fn is_member(member_of: &[TenantId], bound: Option<&TenantId>) -> bool {
    bound.is_none_or(|tenant| member_of.contains(tenant))
}
