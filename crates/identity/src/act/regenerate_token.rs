//! Replaces an API token by one with a new secret.

use super::caller::load_manager;
use super::create_token::MintedToken;
use super::facts::{load_owned, load_tenant_roles};
use super::keyring::DigestKind;
use super::revoke_token::{
    Handled, Handling, Named, TokenRef, end_predecessors, end_token, load_handled, note_ended,
};
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementCaller;
use crate::decide::notice;
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::decide::token::{Carry, carried, check_rate, class_of, regenerate};
use crate::model::{
    ApiToken, AuditAction, AuditEvent, Ceiling, Change, NewApiToken, TokenKind, TokenState,
};
use crate::port::{Read, StoreError, TokenGroup, Tx};
use crate::settings::TokenClass;
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, Effect, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A token about to be replaced.
#[derive(Clone, Debug)]
pub struct RegenerateToken {
    /// Which.
    pub token: TokenRef,
    /// When the new one stops, where the class does not keep the old one's expiry.
    pub expires_at: Option<Timestamp>,
    /// How long the old one goes on working, at most the class's grace; without, so long.
    pub overlap: Option<Duration>,
}

/// Replaces an API token: the new one has the old one's owner, name and ceiling; the
/// old one dies at once, or after the overlap; what the old one itself replaced dies
/// now, so that at most two live. Needs what creating it needs.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn regenerate_token(
    ctx: Context<'_>,
    caller: &Caller,
    request: RegenerateToken,
) -> Result<MintedToken, Failure<TokenRefusal>> {
    let named = Arc::new(Named::of(ctx, &request.token));
    let entropy = &*ctx.identity.entropy;
    // The format is the class's, so the token is looked at first. What is minted for
    // it here does not outlive a refusal.
    let old = ctx.query(FindNamed(Arc::clone(&named))).await?;
    let minted = old.and_then(|old| {
        let class = class_of(&ctx.realm.settings.classes, &old)?;
        let environment = old.ceiling.environment.as_ref();
        Some(class.format.mint(environment, entropy))
    });
    let keyring = ctx.realm.keyring();
    let digest = minted
        .as_ref()
        .map(|secret| keyring.digest(DigestKind::ApiToken, secret));
    let token = ctx
        .commit(Replacement {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            named,
            digest,
            id: ApiTokenId::mint(entropy, ctx.call.now),
            expires_at: request.expires_at,
            overlap: request.overlap,
        })
        .await?;
    let missing = || Failure::Refused(ManageRefusal::NotFound("token").into());
    let secret = minted.ok_or_else(missing)?;
    Ok(MintedToken { token, secret })
}

struct FindNamed(Arc<Named>);

#[async_trait]
impl Query for FindNamed {
    type Done = Option<ApiToken>;
    type Refusal = TokenRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<TokenRefusal>> {
        Ok(self.0.find(tx).await?)
    }
}

struct Replacement {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    named: Arc<Named>,
    digest: Option<(TokenDigest, String)>,
    id: ApiTokenId,
    expires_at: Option<Timestamp>,
    overlap: Option<Duration>,
}

#[async_trait]
impl Work for Replacement {
    type Done = ApiToken;
    type Refusal = TokenRefusal;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            token: self.named.id(),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::TokenRegenerate)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<ApiToken, Stop<TokenRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let Handled {
            token: old,
            mut class,
            by_itself,
        } = load_handled(tx, &self.realm, &manager, &self.named, Handling::Replace).await?;
        event.token = Some(old.id);
        event.subject = Some(old.owner);
        event.tenant.clone_from(&old.ceiling.tenant);
        let mut ceiling = old.ceiling.clone();
        if by_itself {
            // It gets another secret, not another life.
            class.regenerate_keeps_expiry = true;
        } else {
            ceiling = self.carried(tx, &manager, &old).await?;
        }
        let decided = regenerate(&old, &class, self.expires_at, self.overlap, self.call.now)?;
        self.check_rate(tx, &manager, &class, &old).await?;
        let (digest, digest_key) = self
            .digest
            .as_ref()
            .ok_or(TokenRefusal::from(ManageRefusal::NotFound("token")))?;
        let token = ApiToken {
            id: self.id,
            state: TokenState::Active,
            created_at: self.call.now,
            created_by: self.caller.subject(),
            expires_at: decided.expires_at,
            replaces: Some(old.id),
            last_used_at: None,
            last_used_from: None,
            notice_at: self.notice_at(&ceiling, old.kind, decided.expires_at),
            ceiling,
            ..old.clone()
        };
        event
            .detail
            .insert("replaced_by".to_owned(), json!(token.id.to_string()));
        let ended = end_predecessors(tx, &old, self.call.now).await?;
        note_ended(event, &ended);
        retire(tx, &old, decided.old).await?;
        tx.insert_api_token(&NewApiToken {
            token: token.clone(),
            digest: *digest,
            digest_key: digest_key.clone(),
        })
        .await?;
        tx.append_change(Change::ApiToken(token.id)).await?;
        Ok(token)
    }
}

/// Puts the old one into the state that was decided for it.
async fn retire(tx: &mut dyn Tx, old: &ApiToken, to: TokenState) -> Result<(), StoreError> {
    if let TokenState::Revoked { at } = to {
        return end_token(tx, (old.id, old.owner), at).await;
    }
    tx.set_api_token_state(old.id, to).await?;
    tx.append_change(Change::ApiToken(old.id)).await
}

impl Replacement {
    fn notice_at(
        &self,
        ceiling: &Ceiling,
        kind: TokenKind,
        end: Option<Timestamp>,
    ) -> Option<Timestamp> {
        notice::first(kind, ceiling.tenant.as_ref(), end, self.call.now)
    }

    async fn check_rate(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
        class: &TokenClass,
        old: &ApiToken,
    ) -> Result<(), Stop<TokenRefusal>> {
        let group = TokenGroup {
            owner: old.owner,
            class: &class.name,
            tenant: old.ceiling.tenant.as_ref(),
        };
        let nth_newest = tx.find_nth_newest_token(group, class.max_hourly).await?;
        Ok(check_rate(manager, nth_newest, self.call.now)?)
    }

    async fn carried(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
        old: &ApiToken,
    ) -> Result<Ceiling, Stop<TokenRefusal>> {
        let settings = &self.realm.settings;
        let mut owned = load_owned(tx, old.owner).await?;
        owned.tenant_roles = load_tenant_roles(tx, old.ceiling.tenant.as_ref()).await?;
        Ok(carried(&Carry {
            caller: manager,
            kind: old.kind,
            owner: old.owner,
            holdings: owned.holdings(settings),
            ceiling: &old.ceiling,
            audiences: &settings.tokens.audiences,
        })?)
    }
}
