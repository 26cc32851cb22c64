//! What an access token is made from, as one thing whatever it is. Not here: what it may
//! (`hold`).

use crate::decide::authority::{AuthorityRefusal, active_tenant};
use crate::decide::token::ends_at;
use crate::model::{ApiToken, Ceiling, Dossier, Session};
use doorward_base::principal::CredentialId;
use doorward_base::{ClientId, Environment, TenantId, Timestamp};

/// What an access token is made from.
#[derive(Clone, Copy, Debug)]
pub enum Bearer<'a> {
    /// One sign-in.
    Session(&'a Session),
    /// An API token, exchanged or presented.
    Token(&'a ApiToken),
    /// A client that acts for nobody else.
    Client {
        id: ClientId,
        /// The most it may carry.
        ceiling: &'a Ceiling,
    },
}

impl<'a> Bearer<'a> {
    /// What a revocation names.
    #[must_use]
    pub const fn credential(self) -> CredentialId {
        match self {
            Self::Session(session) => CredentialId::Session(session.id),
            Self::Token(token) => CredentialId::ApiToken(token.id),
            Self::Client { id, .. } => CredentialId::Client(id),
        }
    }

    /// The session, if it is one.
    #[must_use]
    pub const fn session(self) -> Option<&'a Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Token(_) | Self::Client { .. } => None,
        }
    }

    /// The client a token is issued to.
    #[must_use]
    pub const fn client(self) -> Option<ClientId> {
        match self {
            Self::Client { id, .. } => Some(id),
            Self::Session(session) => session.client,
            Self::Token(_) => None,
        }
    }

    /// The environment of an API token.
    #[must_use]
    pub const fn environment(self) -> Option<&'a Environment> {
        self.ceiling().environment.as_ref()
    }

    pub(super) const fn ceiling(self) -> &'a Ceiling {
        match self {
            Self::Session(session) => &session.ceiling,
            Self::Token(token) => &token.ceiling,
            Self::Client { ceiling, .. } => ceiling,
        }
    }

    /// When it stops by itself.
    pub(super) fn ends_at(self) -> Option<Timestamp> {
        match self {
            Self::Session(session) => Some(session.ends_at()),
            Self::Token(token) => ends_at(token),
            Self::Client { .. } => None,
        }
    }

    pub(super) fn is_live(self, now: Timestamp) -> bool {
        match self {
            Self::Session(session) => session.is_live(now),
            Self::Token(token) => token.is_live(now),
            Self::Client { .. } => true,
        }
    }

    /// Whether a request may name another tenant by it. A session's tenant is where its
    /// person works; what else is bound to one is given away as that tenant's, and so is what
    /// was made from it.
    pub(super) const fn leaves_its_tenant(self) -> bool {
        match self {
            Self::Session(session) if session.made_from.is_none() => true,
            Self::Session(_) | Self::Token(_) | Self::Client { .. } => {
                self.ceiling().tenant.is_none()
            }
        }
    }

    /// The tenant it acts in. It was fixed when the session began or the token was made,
    /// also if it was none: who joins its owner to a tenant later changes nothing about it.
    pub(super) fn tenant(
        self,
        requested: Option<&TenantId>,
        member_of: &[TenantId],
    ) -> Result<Option<TenantId>, AuthorityRefusal> {
        let bound = self.ceiling().tenant.as_ref();
        match self {
            Self::Session(_) | Self::Token(_) if bound.is_none() => match requested {
                Some(_) => Err(AuthorityRefusal::Tenant),
                None => Ok(None),
            },
            Self::Session(_) | Self::Token(_) | Self::Client { .. } => {
                active_tenant(requested, bound, member_of)
            }
        }
    }
}

/// Who acts for the subject, and through what.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    /// Through what.
    pub bearer: Bearer<'a>,
    /// Who, with all that gives it authority.
    pub dossier: &'a Dossier,
}
