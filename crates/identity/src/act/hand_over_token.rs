//! Makes a tenant's key that takes over from a token of somebody who leaves. The key has a
//! secret of its own: whoever knows the old one is left with nothing when his token ends.

use super::caller::load_manager;
use super::create_token::{CreateToken, MintedToken, NewToken, OwnerRef};
use super::facts::{load_owned, load_tenant_roles};
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::decide::token::{hand_over, making_reach};
use crate::model::{ApiToken, AuditAction, AuditEvent, Ceiling, TokenKind};
use crate::port::{Read, Tx};
use crate::settings::{ExpiryRule, TokenClass};
use async_trait::async_trait;
use doorward_base::{ApiTokenId, Effect, Environment, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// A token about to be handed over to the tenant it acts in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandOver {
    /// Which.
    pub token: ApiTokenId,
    /// What the key is called; without, what the token is.
    pub name: Option<String>,
    /// When the key stops by itself; without, when the token does.
    pub expires_at: Option<Timestamp>,
    /// The key's environment; without, the token's.
    pub environment: Option<Environment>,
}

/// Makes a key of the tenant that carries what the token opens now. The token itself goes on
/// until it or its owner's membership ends. Needs what making such a key needs:
/// nobody hands over more than he holds himself.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn hand_over_token(
    ctx: Context<'_>,
    caller: &Caller,
    request: HandOver,
) -> Result<MintedToken, Failure<TokenRefusal>> {
    let missing = || Failure::Refused(ManageRefusal::NotFound("token").into());
    let old = ctx.query(FindToken(request.token)).await?;
    let bound = old.map(|old| old.ceiling).ok_or_else(missing)?;
    let tenant = bound.tenant.ok_or_else(missing)?;
    let classes = &ctx.realm.settings.classes;
    let class = classes
        .iter()
        .find(|class| class.kinds.contains(&TokenKind::Key));
    let knows =
        |one: &Environment| class.is_some_and(|class| class.format.environments().contains(one));
    let environment = request.environment.clone();
    let environment = environment.or_else(|| bound.environment.filter(knows));
    // The secret is of the environment; all else is decided in the transaction.
    let draft = CreateToken {
        kind: TokenKind::Key,
        owner: OwnerRef::Tenant(tenant),
        name: request.name,
        ceiling: Ceiling {
            environment,
            ..Ceiling::default()
        },
        expires_at: request.expires_at,
    };
    let (draft, secret) = NewToken::draw(ctx, caller, draft);
    let token = ctx
        .commit(Handing {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            token: request.token,
            draft,
        })
        .await?;
    let secret = secret.ok_or(Failure::Refused(TokenRefusal::KindUnknown))?;
    Ok(MintedToken { token, secret })
}

struct FindToken(ApiTokenId);

#[async_trait]
impl Query for FindToken {
    type Done = Option<ApiToken>;
    type Refusal = TokenRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<TokenRefusal>> {
        Ok(tx.find_api_token(self.0).await?)
    }
}

struct Handing {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    token: ApiTokenId,
    draft: NewToken,
}

#[async_trait]
impl Work for Handing {
    type Done = ApiToken;
    type Refusal = TokenRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            token: Some(self.token),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::TokenHandOver)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<ApiToken, Stop<TokenRefusal>> {
        let (settings, now) = (&self.realm.settings, self.call.now);
        let manager = load_manager(tx, settings, &self.caller, now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand_session().map_err(TokenRefusal::from)?;
        let class = self.draft.class().ok_or(TokenRefusal::KindUnknown)?;
        let old = load_handed(tx, &manager, class, self.token).await?;
        let mut owned = load_owned(tx, old.owner).await?;
        owned.tenant_roles = load_tenant_roles(tx, old.ceiling.tenant.as_ref()).await?;
        let draft = self.draft.request();
        let environment = draft.ceiling.environment.as_ref();
        let ceiling = hand_over(&old, &owned.holdings(settings), environment, now)?;
        let until = old
            .expires_at
            .filter(|_| !matches!(class.expiry, ExpiryRule::Policy(_)));
        let new = self.draft.asking(CreateToken {
            name: draft.name.clone().or(old.name),
            ceiling,
            expires_at: draft.expires_at.or(until),
            ..draft.clone()
        });
        let key = new.make(tx, &manager, event).await?;
        let from = json!(old.id.to_string());
        event.detail.insert("takes_over_from".to_owned(), from);
        Ok(key)
    }
}

/// A token in a tenant for which the caller may make keys. Any other looks like none.
async fn load_handed(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    class: &TokenClass,
    id: ApiTokenId,
) -> Result<ApiToken, Stop<TokenRefusal>> {
    let missing = || TokenRefusal::from(ManageRefusal::NotFound("token"));
    let reach = making_reach(manager, class).map_err(|_| missing())?;
    let token = tx.find_api_token(id).await?.ok_or_else(missing)?;
    let tenant = token.ceiling.tenant.as_ref();
    if tenant.is_some_and(|tenant| reach.covers(tenant)) {
        Ok(token)
    } else {
        Err(missing().into())
    }
}
