//! Exchanges an API token for a short-lived access token.

use super::look_up::{Presented, find_presented, use_token};
use super::sign::{Issued, Unsigned, mint_jti};
use super::work::{Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::audit;
use crate::decide::issue::{Ask, Bearer, Term, hold};
use crate::decide::refusal::UseRefusal;
use crate::model::{Actor, AuditAction, AuditEvent};
use crate::port::{Extent, Tx};
use crate::settings::Presentation;
use async_trait::async_trait;
use doorward_base::Words as _;
use doorward_base::name::parse_scopes;
use doorward_base::{ApiTokenId, Audience, Effect, RoleName, Scope, Secret, TenantId};
use serde_json::{Value, json};
use std::sync::Arc;

/// An exchange as its wire brought it. What can be refused is parsed here, so that the
/// refusal is written down.
#[derive(Clone, Debug)]
pub struct ExchangeRequest {
    /// The API token.
    pub secret: Secret,
    /// The life asked for: a JSON number of whole seconds.
    pub duration: Option<Value>,
    /// The scopes asked for, space-separated (RFC 6749 §3.3). Empty text asks for none.
    pub scope: Option<String>,
    /// The tenant asked for.
    pub tenant: Option<TenantId>,
    /// The role asked for.
    pub role: Option<RoleName>,
    /// The audience asked for.
    pub audience: Option<Audience>,
}

/// Exchanges an API token for an access token.
///
/// # Errors
/// [`Failure`] with a [`UseRefusal`].
pub async fn exchange(
    ctx: Context<'_>,
    request: ExchangeRequest,
) -> Result<Issued, Failure<UseRefusal>> {
    let tried = ctx.realm.keyring();
    let presented = ctx.present(&request.secret);
    let request = Arc::new(request);
    let mut outcome = attempt(ctx, presented, &request).await;
    // Refused and written down; if it was for a key that came too late, the second
    // attempt is written down as well.
    if matches!(outcome, Err(Failure::Refused(UseRefusal::Unknown)))
        && let Some(presented) = ctx.present_again(&request.secret, &tried).await?
    {
        outcome = attempt(ctx, Ok(presented), &request).await;
    }
    let (unsigned, token) = outcome?;
    let used = ctx.call.use_of(token);
    ctx.identity.last_used.record(ctx.realm.id, used);
    let typ = ctx.realm.settings.tokens.typ.word();
    unsigned.sign(ctx.realm.keyring().access(), typ)
}

async fn attempt(
    ctx: Context<'_>,
    presented: Result<Presented, UseRefusal>,
    request: &Arc<ExchangeRequest>,
) -> Result<(Unsigned, ApiTokenId), Failure<UseRefusal>> {
    ctx.commit(Exchange {
        realm: ctx.realm(),
        call: *ctx.call,
        presented,
        jti: mint_jti(&*ctx.identity.entropy),
        request: Arc::clone(request),
    })
    .await
}

struct Exchange {
    realm: Arc<Realm>,
    call: Call,
    presented: Result<Presented, UseRefusal>,
    jti: String,
    request: Arc<ExchangeRequest>,
}

#[async_trait]
impl Work for Exchange {
    type Done = (Unsigned, ApiTokenId);
    type Refusal = UseRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        self.call
            .event(Actor::Anonymous, AuditAction::TokenExchange)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<UseRefusal>> {
        let (found, owner) = find_presented(tx, &self.presented).await?;
        let token = &found.token;
        let settings = &self.realm.settings;
        let (request, now) = (&self.request, self.call.now);
        let used = use_token(token, &owner, settings, &Presentation::Exchange, now);
        if used.is_ok() || audit::is_at_home(token.ceiling.tenant.as_ref(), &owner.member_of) {
            event.token = Some(token.id);
            event.subject = Some(token.owner);
            event.tenant.clone_from(&token.ceiling.tenant);
            event.actor = Actor::Subject(token.owner);
        }
        used?;
        let scopes = self.scopes()?;
        let ask = Ask {
            tenant: request.tenant.as_ref(),
            role: request.role.as_ref(),
            audience: request.audience.as_ref(),
            scopes: scopes.as_deref(),
            ..Ask::plain(settings, now)
        };
        let held = hold(&owner, Bearer::Token(token), &ask).map_err(UseRefusal::from)?;
        event.tenant.clone_from(&held.tenant);
        let names: Vec<&str> = held.authority.scopes().iter().map(Scope::as_str).collect();
        let scope = json!(names.join(" "));
        let term = Term {
            asked: request.duration.as_ref(),
            ..Term::plain(settings, &self.jti)
        };
        let unsigned = Unsigned::of(held, settings, &term, now).map_err(UseRefusal::from)?;
        let seconds = json!(unsigned.life().seconds);
        event.detail.insert("scope".to_owned(), scope);
        event.detail.insert("seconds".to_owned(), seconds);
        found.rekey(tx).await?;
        Ok((unsigned, token.id))
    }
}

impl Exchange {
    fn scopes(&self) -> Result<Option<Vec<Scope>>, UseRefusal> {
        let scope = self.request.scope.as_deref();
        scope
            .map(parse_scopes)
            .transpose()
            .map_err(|_| UseRefusal::InvalidScope)
    }
}
