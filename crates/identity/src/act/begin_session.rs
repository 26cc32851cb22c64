//! A session about to begin, whatever its subject proved itself by. What is drawn at random
//! is drawn before the transaction. Not here: who may begin one (`sign_in`).

use super::refresh_token::RefreshToken;
use super::work::Failure;
use super::{Call, Context};
use crate::decide::refusal::Reason;
use crate::decide::token::ends_at;
use crate::model::{ApiToken, Ceiling, RefreshFamily, Session, UserAgent};
use crate::settings::{RefreshMode, SessionSettings};
use doorward_base::authn::{AuthMethod, AuthStep};
use doorward_base::{Secret, SessionId, SubjectId, TenantId, Timestamp};

/// A session about to begin.
#[derive(Clone, Debug)]
pub(super) struct NewSession {
    pub(super) id: SessionId,
    /// None where an API token begins it.
    method: Option<AuthMethod>,
    user_agent: Option<UserAgent>,
    family: Option<RefreshFamily>,
}

impl NewSession {
    /// Draws its id and, where the realm refreshes sessions, its first refresh token.
    pub(super) fn draw<R: Reason>(
        ctx: Context<'_>,
        method: Option<AuthMethod>,
        user_agent: Option<UserAgent>,
    ) -> Result<(Self, Option<Secret>), Failure<R>> {
        let entropy = &*ctx.identity.entropy;
        let mut drawn = Self {
            id: SessionId::mint(entropy, ctx.call.now),
            method,
            user_agent,
            family: None,
        };
        if ctx.realm.settings.sessions.refresh == RefreshMode::Off {
            return Ok((drawn, None));
        }
        let keyring = ctx.realm.keyring();
        let token =
            RefreshToken::mint(entropy).map_err(|error| Failure::Internal(error.to_string()))?;
        let (digest, digest_key) = token.digest(&keyring);
        drawn.family = Some(RefreshFamily {
            digest,
            digest_key,
            number: token.number,
        });
        Ok((drawn, Some(token.seal(&keyring))))
    }

    /// The session, as it begins.
    pub(super) fn begin(
        &self,
        subject: SubjectId,
        tenant: Option<TenantId>,
        settings: &SessionSettings,
        call: &Call,
    ) -> Session {
        let ceiling = Ceiling {
            tenant,
            ..Ceiling::default()
        };
        let expires_at = call.now.plus(settings.absolute_ttl);
        let step = |method| AuthStep {
            method,
            at: call.now,
        };
        Session {
            idle_until: settings.idle_ttl.map(|idle| call.now.plus(idle)),
            steps: self.method.map(step).into_iter().collect(),
            address: call.peer,
            user_agent: self.user_agent.clone(),
            refresh: self.family.clone(),
            ..Session::begin(self.id, subject, ceiling, call.now, expires_at)
        }
    }

    /// The session that an API token begins: it carries no more, and ends no later.
    pub(super) fn begin_by(
        &self,
        token: &ApiToken,
        settings: &SessionSettings,
        call: &Call,
    ) -> Session {
        let begun = self.begin(token.owner, None, settings, call);
        let ends = ends_at(token).unwrap_or(Timestamp::MAX);
        Session {
            ceiling: token.ceiling.clone(),
            made_from: Some(token.id),
            expires_at: begun.expires_at.min(ends),
            ..begun
        }
    }
}
