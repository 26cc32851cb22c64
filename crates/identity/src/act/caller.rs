//! Who calls a use-case, and how its live management authority is loaded. Not here:
//! what that authority allows (`decide::manage`).

use super::work::Stop;
use crate::decide::authority::permissions_of;
use crate::decide::manage::{ManagementCaller, Manager, Through};
use crate::decide::refusal::ManageRefusal;
use crate::decide::standing::{acting, going_on};
use crate::model::{Actor, Ceiling, Dossier, Invitation, MadeThrough};
use crate::port::{Read, StoreError};
use crate::settings::RealmSettings;
use doorward_base::principal::CredentialId;
use doorward_base::{ApiTokenId, Permission, Principal, SessionId, SubjectId, TenantId, Timestamp};

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
        /// that was exchanged, or issued to a client; the permissions of the role that a
        /// request selects; nothing where somebody acts for the subject. `None` for a
        /// sign-in of its own, which carries everything.
        carries: Option<Vec<Permission>>,
    },
}

impl Caller {
    /// The caller behind a verified principal; `None` if it is no subject of ours.
    #[must_use]
    pub fn from_principal(principal: &Principal) -> Option<Self> {
        let own_sign_in =
            matches!(principal.credential, CredentialId::Session(_)) && principal.client.is_none();
        let carries = if !principal.actors.is_empty() {
            Some(Vec::new())
        } else if own_sign_in && principal.is_narrowed() {
            Some(principal.permissions.clone())
        } else if own_sign_in {
            None
        } else {
            Some(permissions_of(&principal.scopes))
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

    /// The session that it comes by, if it is one.
    pub(super) const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Subject {
                credential: CredentialId::Session(id),
                ..
            } => Some(*id),
            Self::Operator | Self::Subject { .. } => None,
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
    match load_standing(tx, settings, caller, now).await {
        Ok(manager) => Ok(Some(manager)),
        Err(Stop::Refused(_)) => Ok(None),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// As [`load_manager`], for who is told why there is none.
pub(super) async fn load_standing(
    tx: &mut dyn Read,
    settings: &RealmSettings,
    caller: &Caller,
    now: Timestamp,
) -> Result<ManagementCaller, Stop<ManageRefusal>> {
    let Caller::Subject {
        subject,
        credential,
        carries,
    } = caller
    else {
        return Ok(ManagementCaller::Operator);
    };
    let found = tx.find_dossier(*subject).await?;
    acting(found.as_ref().map(|found| &found.subject), now)?;
    let dossier = found.ok_or(ManageRefusal::CallerGone)?;
    let bound = load_bound(tx, *subject, *credential, &dossier.member_of, now).await?;
    let mut ceilings = vec![bound.ceiling];
    if let Some(permissions) = carries {
        ceilings.push(Ceiling {
            permissions: Some(permissions.clone()),
            ..Ceiling::default()
        });
    }
    let through = match (credential, carries) {
        // One that an API token began is no better than the token.
        (CredentialId::Session(_), None) if bound.made_from.is_none() => Through::SignIn,
        (CredentialId::ApiToken(token), _) => Through::ApiToken(*token),
        _ => Through::Other,
    };
    Ok(manager(dossier, settings, through, ceilings))
}

/// What whoever made an invitation may give by it now: an operator anything; a subject what
/// it holds, through what it was made through. `None` if it is disabled or gone, or was
/// made through an API token that is dead.
pub(super) async fn load_maker(
    tx: &mut dyn Read,
    settings: &RealmSettings,
    invitation: &Invitation,
    now: Timestamp,
) -> Result<Option<ManagementCaller>, StoreError> {
    let Some(subject) = invitation.made_by else {
        return Ok(Some(ManagementCaller::Operator));
    };
    let dossier = match tx.find_dossier(subject).await? {
        Some(found) if found.subject.status.allows(now) => found,
        _ => return Ok(None),
    };
    let mut ceilings = invitation.through.ceilings.clone();
    // Nobody vouches but by a sign-in of its own.
    let mut through = if invitation.through.vouched {
        Through::SignIn
    } else {
        Through::Other
    };
    if let Some(token) = invitation.through.token {
        let credential = CredentialId::ApiToken(token);
        match load_bound(tx, subject, credential, &dossier.member_of, now).await {
            Ok(bound) => ceilings.push(bound.ceiling),
            Err(Stop::Refused(_)) => return Ok(None),
            Err(Stop::Store(error)) => return Err(error),
        }
        through = Through::ApiToken(token);
    }
    Ok(Some(manager(dossier, settings, through, ceilings)))
}

/// Through what a caller makes what is used later; [`load_maker`] reads it back. The ceiling
/// of an API token is its own row's: it is not written down again.
pub(super) fn made_through(manager: &ManagementCaller) -> MadeThrough {
    let vouched = manager.vouches();
    let ManagementCaller::Subject(manager) = manager else {
        return MadeThrough {
            vouched,
            ..MadeThrough::default()
        };
    };
    let (token, own) = match manager.through {
        Through::ApiToken(token) => (Some(token), 1),
        Through::SignIn | Through::Other => (None, 0),
    };
    let narrows = |ceiling: &&Ceiling| {
        let Ceiling {
            tenant,
            roles,
            permissions,
            ..
        } = ceiling;
        tenant.is_some() || roles.is_some() || permissions.is_some()
    };
    let ceilings = manager.ceilings.iter().skip(own).filter(narrows);
    MadeThrough {
        token,
        ceilings: ceilings.cloned().collect(),
        vouched,
    }
}

fn manager(
    dossier: Dossier,
    settings: &RealmSettings,
    through: Through,
    ceilings: Vec<Ceiling>,
) -> ManagementCaller {
    let roles_of = |tenant: &TenantId| (tenant.clone(), dossier.roles_of(Some(tenant)));
    let tenant_roles = dossier.member_of.iter().map(roles_of).collect();
    ManagementCaller::Subject(Box::new(Manager {
        subject: dossier.subject.id,
        through,
        grants: dossier.grants,
        member_of: dossier.member_of,
        roles: settings.roles.clone(),
        tenant_roles,
        ceilings,
    }))
}

/// What binds whoever comes by a credential.
struct Bound {
    ceiling: Ceiling,
    /// The API token that began the session.
    made_from: Option<ApiTokenId>,
}

impl From<Ceiling> for Bound {
    fn from(ceiling: Ceiling) -> Self {
        Self {
            ceiling,
            made_from: None,
        }
    }
}

/// What binds whoever comes by a credential that still lives.
async fn load_bound(
    tx: &mut dyn Read,
    subject: SubjectId,
    credential: CredentialId,
    member_of: &[TenantId],
    now: Timestamp,
) -> Result<Bound, Stop<ManageRefusal>> {
    match credential {
        CredentialId::Session(id) => {
            let session = going_on(tx.find_session(id).await?, subject, now)?;
            // The active tenant is where a session's requests act, not how far its
            // holder's management goes. An API token's is both.
            let tenant = session.ceiling.tenant;
            Ok(Bound {
                ceiling: Ceiling {
                    tenant: tenant.filter(|_| session.made_from.is_some()),
                    ..session.ceiling
                },
                made_from: session.made_from,
            })
        }
        CredentialId::ApiToken(id) => {
            let token = tx.find_api_token(id).await?;
            let live = token.filter(|one| one.owner == subject && one.is_live(now));
            let bound = live.map(|token| token.ceiling);
            let held = bound.filter(|ceiling| {
                let tenant = ceiling.tenant.as_ref();
                tenant.is_none_or(|tenant| member_of.contains(tenant))
            });
            Ok(held.ok_or(ManageRefusal::CallerDead)?.into())
        }
        // A client has an account of its own to act for itself by; management takes a
        // sign-in or a token of one.
        CredentialId::Client(_) => Err(ManageRefusal::CallerDead.into()),
        // Its issuer's to end; what it carries bounds it.
        CredentialId::Foreign => Ok(Ceiling::default().into()),
    }
}

#[cfg(test)]
mod tests;
