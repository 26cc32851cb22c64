//! A session about to begin, whatever its subject proved itself by. What is drawn at random
//! is drawn before the transaction. Not here: who may begin one (`sign_in`).

use super::refresh_token::RefreshToken;
use super::work::Failure;
use super::{Call, Context};
use crate::decide::refusal::Reason;
use crate::model::{Ceiling, RefreshFamily, Session, UserAgent};
use crate::settings::{RefreshMode, SessionSettings};
use doorward_base::authn::{AuthMethod, AuthStep};
use doorward_base::{Secret, SessionId, SubjectId, TenantId};

/// A session about to begin.
#[derive(Clone, Debug)]
pub(super) struct NewSession {
    pub(super) id: SessionId,
    method: AuthMethod,
    user_agent: Option<UserAgent>,
    family: Option<RefreshFamily>,
}

impl NewSession {
    /// Draws its id and, where the realm refreshes sessions, its first refresh token.
    pub(super) fn draw<R: Reason>(
        ctx: Context<'_>,
        method: AuthMethod,
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
        Session {
            idle_until: settings.idle_ttl.map(|idle| call.now.plus(idle)),
            steps: vec![AuthStep {
                method: self.method,
                at: call.now,
            }],
            address: call.peer,
            user_agent: self.user_agent.clone(),
            refresh: self.family.clone(),
            ..Session::begin(self.id, subject, ceiling, call.now, expires_at)
        }
    }
}
