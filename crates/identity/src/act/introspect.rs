//! Turns an API token that was presented itself into a principal. A success writes
//! nothing; a refusal of a token that exists is written down. Made-up tokens leave no
//! row, or anybody could fill the log.

use super::look_up::{Found, Presented, use_token};
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::audit;
use crate::decide::issue::{Ask, Bearer, hold};
use crate::decide::refusal::UseRefusal;
use crate::decide::token::ends_at;
use crate::model::{Actor, ApiToken, AuditAction, AuditEvent, Dossier, TokenKind};
use crate::port::{Extent, Read, Tx};
use crate::settings::{DefaultScopes, Presentation, UnknownScope};
use async_trait::async_trait;
use doorward_base::{ClassName, Effect, Principal, Secret, Timestamp};
use std::sync::Arc;

/// What an API token stands for right now.
#[derive(Clone, Debug)]
pub struct Introspected {
    /// The caller it authenticates. Its scopes are all its effective permissions; its
    /// claims are what the realm's template writes.
    pub principal: Principal,
    /// The token's class.
    pub class: ClassName,
    /// The token's kind.
    pub kind: TokenKind,
}

/// Turns a presented API token into a principal.
///
/// # Errors
/// [`Failure`] with a [`UseRefusal`].
pub async fn introspect(
    ctx: Context<'_>,
    secret: &Secret,
    via: &Presentation,
) -> Result<Introspected, Failure<UseRefusal>> {
    let tried = ctx.realm.keyring();
    let presented = ctx.present(secret).map_err(Failure::Refused)?;
    let mut inspected = inspect(ctx, presented, via).await;
    if matches!(inspected, Err(Failure::Refused(UseRefusal::Unknown)))
        && let Some(presented) = ctx.present_again(secret, &tried).await?
    {
        inspected = inspect(ctx, presented, via).await;
    }
    let (found, is_at_home, decision) = inspected?;
    match decision {
        Ok(introspected) => {
            let used = ctx.call.use_of(found.token.id);
            ctx.identity.last_used.record(ctx.realm.id, used);
            if found.rekey.is_some() {
                rekey(ctx, found).await;
            }
            Ok(introspected)
        }
        Err(refusal) => {
            let call = *ctx.call;
            ctx.commit(RefusedUse {
                call,
                token: is_at_home.then_some(found.token),
                refusal,
            })
            .await
        }
    }
}

/// Moves the digest to the current key. The answer does not wait on its success: the
/// next use tries again.
async fn rekey(ctx: Context<'_>, found: Found) {
    let found = Arc::new(found);
    let done = ctx.identity.store.write(ctx.realm.id, move |tx| {
        let found = Arc::clone(&found);
        Box::pin(async move { found.rekey(tx).await })
    });
    if let Err(error) = done.await {
        tracing::warn!(%error, "a token's digest was not moved to the current key");
    }
}

async fn inspect(
    ctx: Context<'_>,
    presented: Presented,
    via: &Presentation,
) -> Result<<Inspect as Query>::Done, Failure<UseRefusal>> {
    ctx.query(Inspect {
        realm: ctx.realm(),
        via: via.clone(),
        presented,
        now: ctx.call.now,
    })
    .await
}

struct Inspect {
    realm: Arc<Realm>,
    via: Presentation,
    presented: Presented,
    now: Timestamp,
}

#[async_trait]
impl Query for Inspect {
    /// With whether it is presented where its owner is.
    type Done = (Found, bool, Result<Introspected, UseRefusal>);
    type Refusal = UseRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<UseRefusal>> {
        let found = self.presented.find_dossier(tx).await?;
        let (found, owner) = found.ok_or(UseRefusal::Unknown)?;
        let decision = self.decide(&found.token, &owner);
        let bound_to = found.token.ceiling.tenant.as_ref();
        let is_at_home = audit::is_at_home(bound_to, &owner.member_of);
        Ok((found, is_at_home, decision))
    }
}

impl Inspect {
    fn decide(&self, token: &ApiToken, owner: &Dossier) -> Result<Introspected, UseRefusal> {
        let settings = &self.realm.settings;
        let class = use_token(token, owner, settings, &self.via, self.now)?;
        let ask = Ask {
            unknown_scope: UnknownScope::Refuse,
            default_scopes: DefaultScopes::All,
            ..Ask::plain(settings, self.now)
        };
        let held = hold(owner, Bearer::Token(token), &ask)?;
        Ok(Introspected {
            principal: held.principal(settings, ends_at(token).unwrap_or(Timestamp::MAX)),
            class,
            kind: token.kind,
        })
    }
}

/// A token that exists and was refused, on its way into the audit log.
struct RefusedUse {
    call: Call,
    /// Unless its owner was sent away from where it is bound: who was writes into no log.
    token: Option<ApiToken>,
    refusal: UseRefusal,
}

#[async_trait]
impl Work for RefusedUse {
    type Done = Introspected;
    type Refusal = UseRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        let mut event = self.call.event(Actor::Anonymous, AuditAction::TokenPresent);
        if let Some(token) = &self.token {
            event.subject = Some(token.owner);
            event.tenant.clone_from(&token.ceiling.tenant);
            event.token = Some(token.id);
        }
        event
    }

    async fn run(
        &self,
        _tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<Introspected, Stop<UseRefusal>> {
        Err(self.refusal.clone().into())
    }
}
