//! Converts a presented API token into a short-lived JWT for one upstream, so that the
//! upstream never sees the token. Such a JWT has its own key, `typ` and audience, and
//! is refused inbound.

use super::look_up::use_token;
use super::sign::{INTERNAL_TYP, Issued, Unsigned, mint_jti};
use super::work::{Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::issue::{Ask, Bearer, Term, hold};
use crate::decide::refusal::UseRefusal;
use crate::decide::token::ends_at;
use crate::model::{Actor, AuditAction, AuditEvent, TokenDossier};
use crate::port::{Extent, TokenKey, Tx};
use crate::settings::{DefaultScopes, Presentation, UnknownScope};
use async_trait::async_trait;
use doorward_base::{ApiTokenId, Audience, Effect, Principal, Scope, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A JWT for an upstream about to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InternalRequest {
    /// The API token that was presented.
    pub token: ApiTokenId,
    /// How it was presented.
    pub via: Presentation,
    /// The upstream.
    pub audience: Audience,
    /// The scopes of the module it was presented to; the owner gets those it holds.
    pub scopes: Vec<Scope>,
    /// How long it shall live; shortened to what is left of the API token.
    pub ttl: Duration,
}

/// A JWT for an upstream, and the caller that it speaks of.
#[derive(Clone, Debug)]
pub struct Internal {
    /// The JWT.
    pub issued: Issued,
    /// Who presented the API token, with what the JWT says and no more.
    pub principal: Principal,
}

/// Mints a JWT for an upstream. Each mint is written to the audit log, so callers keep
/// the result for its life.
///
/// # Errors
/// [`Failure`] with a [`UseRefusal`].
pub async fn mint_internal(
    ctx: Context<'_>,
    request: InternalRequest,
) -> Result<Internal, Failure<UseRefusal>> {
    let (unsigned, principal) = ctx
        .commit(Conversion {
            realm: ctx.realm(),
            call: *ctx.call,
            jti: mint_jti(&*ctx.identity.entropy),
            request,
        })
        .await?;
    let issued = unsigned.sign(ctx.realm.keyring().internal(), INTERNAL_TYP)?;
    Ok(Internal { issued, principal })
}

struct Conversion {
    realm: Arc<Realm>,
    call: Call,
    jti: String,
    request: InternalRequest,
}

#[async_trait]
impl Work for Conversion {
    type Done = (Unsigned, Principal);
    type Refusal = UseRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            token: Some(self.request.token),
            ..self.call.event(Actor::Anonymous, AuditAction::TokenPresent)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<UseRefusal>> {
        let request = &self.request;
        let found = tx.find_token_dossier(&TokenKey::Id(request.token)).await?;
        let TokenDossier { token, owner, .. } = found.ok_or(UseRefusal::Unknown)?;
        event.subject = Some(token.owner);
        event.actor = Actor::Subject(token.owner);
        event.tenant.clone_from(&token.ceiling.tenant);
        event
            .detail
            .insert("upstream".to_owned(), json!(request.audience.as_str()));
        let settings = &self.realm.settings;
        use_token(&token, &owner, settings, &request.via, self.call.now)?;
        let ask = Ask {
            scopes: Some(&request.scopes),
            unknown_scope: UnknownScope::Narrow,
            default_scopes: DefaultScopes::None,
            ..Ask::plain(settings, self.call.now)
        };
        let held = hold(&owner, Bearer::Token(&token), &ask).map_err(UseRefusal::from)?;
        event.tenant.clone_from(&held.tenant);
        let term = Term {
            asked: None,
            ttl: request.ttl,
            max_ttl: request.ttl,
            written_for: Some(&request.audience),
            jti: &self.jti,
        };
        let principal = held.principal(settings, ends_at(&token).unwrap_or(Timestamp::MAX));
        let unsigned =
            Unsigned::of(held, settings, &term, self.call.now).map_err(UseRefusal::from)?;
        Ok((unsigned, principal))
    }
}
