//! Makes an API token. Its secret exists only in the answer.

mod owner;

pub(super) use owner::find_owner;

use super::caller::load_manager;
use super::detail::{note, note_terms};
use super::facts::load_tenant_roles;
use super::keyring::DigestKind;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementCaller;
use crate::decide::notice;
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::decide::token::{self, CreateInput, TokenTarget, check_rate};
use crate::model::{
    ApiToken, AuditAction, AuditEvent, Ceiling, Change, NewApiToken, TokenKind, TokenState,
};
use crate::port::{TokenGroup, Tx};
use crate::settings::TokenClass;
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, Effect, Email, MembershipId, Secret, SubjectId, TenantId, Timestamp,
};
use owner::Owner;
use serde_json::json;
use std::sync::Arc;

/// Who owns a token, as a request names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OwnerRef {
    /// A subject.
    Subject(SubjectId),
    /// The user or service account of an address: for a token of one kind the one that may
    /// own it, in the tenant the token is bound to if that is named.
    Email(Email),
    /// A tenant, through its service subject.
    Tenant(TenantId),
}

/// A token about to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateToken {
    /// Its kind.
    pub kind: TokenKind,
    /// Its owner.
    pub owner: OwnerRef,
    /// What it is called.
    pub name: Option<String>,
    /// The most it may carry. A tenant's key is bound to the tenant, and without
    /// permissions here carries none.
    pub ceiling: Ceiling,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Clone, Debug)]
pub struct MintedToken {
    /// The token.
    pub token: ApiToken,
    /// Its secret; shown once.
    pub secret: Secret,
}

/// Makes an API token. A person makes its own personal ones; those of service accounts
/// and tenants need the class's permission, or an operator where it has none.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn create_token(
    ctx: Context<'_>,
    caller: &Caller,
    request: CreateToken,
) -> Result<MintedToken, Failure<TokenRefusal>> {
    let (new, secret) = NewToken::draw(ctx, caller, request);
    let token = ctx.commit(new).await?;
    let secret = secret.ok_or(Failure::Refused(TokenRefusal::KindUnknown))?;
    Ok(MintedToken { token, secret })
}

/// How a token is made: what a request asks for, and what was drawn for it before the
/// transaction.
#[derive(Clone)]
pub(super) struct NewToken {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    request: CreateToken,
    class: Option<TokenClass>,
    digest: Option<(TokenDigest, String)>,
    id: ApiTokenId,
    key_subject: SubjectId,
    key_membership: MembershipId,
}

#[async_trait]
impl Work for NewToken {
    type Done = ApiToken;
    type Refusal = TokenRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::TokenCreate);
        event.tenant.clone_from(&self.request.ceiling.tenant);
        let class = self.class.as_ref().map(|class| class.name.as_str());
        note(&mut event, "kind", Some(json!(self.request.kind.as_str())));
        note(&mut event, "class", class.map(|name| json!(name)));
        note_terms(&mut event, &self.request.ceiling, self.request.expires_at);
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<ApiToken, Stop<TokenRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        self.make(tx, &manager, event).await
    }
}

impl NewToken {
    /// Draws its id and, where a class holds its kind, its secret. Without a class there is
    /// nothing to mint, but the refusal is still written down.
    pub(super) fn draw(
        ctx: Context<'_>,
        caller: &Caller,
        request: CreateToken,
    ) -> (Self, Option<Secret>) {
        let entropy = &*ctx.identity.entropy;
        let classes = &ctx.realm.settings.classes;
        let class = classes
            .iter()
            .find(|class| class.kinds.contains(&request.kind));
        let minted = class.map(|class| {
            let secret = class
                .format
                .mint(request.ceiling.environment.as_ref(), entropy);
            let digest = ctx.realm.keyring().digest(DigestKind::ApiToken, &secret);
            (secret, digest)
        });
        let (secret, digest) = minted.unzip();
        let new = Self {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            request,
            class: class.cloned(),
            digest,
            id: ApiTokenId::mint(entropy, ctx.call.now),
            key_subject: SubjectId::mint(entropy, ctx.call.now),
            key_membership: MembershipId::mint(entropy, ctx.call.now),
        };
        (new, secret)
    }

    /// What is asked for.
    pub(super) const fn request(&self) -> &CreateToken {
        &self.request
    }

    /// The class that holds its kind.
    pub(super) const fn class(&self) -> Option<&TokenClass> {
        self.class.as_ref()
    }

    /// The same, of another request for the same kind and environment.
    pub(super) fn asking(&self, request: CreateToken) -> Self {
        Self {
            request,
            ..self.clone()
        }
    }

    /// Makes it for a caller whose authority was loaded in this transaction.
    pub(super) async fn make(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
        event: &mut AuditEvent,
    ) -> Result<ApiToken, Stop<TokenRefusal>> {
        let (Some(class), Some((digest, digest_key))) = (&self.class, &self.digest) else {
            return Err(TokenRefusal::KindUnknown.into());
        };
        let mut owner = self.load_owner(tx, manager, class).await?;
        let ceiling = self.ceiling(&owner);
        // Who reads the log is told of nobody who is out of the caller's reach.
        self.check_reach(manager, class, &owner, &ceiling)?;
        event.subject = Some(owner.subject.id);
        event.tenant.clone_from(&ceiling.tenant);
        owner.owned.tenant_roles = load_tenant_roles(tx, ceiling.tenant.as_ref()).await?;
        let group = TokenGroup {
            owner: owner.subject.id,
            class: &class.name,
            tenant: ceiling.tenant.as_ref(),
        };
        let active = tx
            .count_active_tokens(group, self.call.now, class.max_active)
            .await?;
        let nth_newest = tx.find_nth_newest_token(group, class.max_hourly).await?;
        let made = token::create(&CreateInput {
            caller: manager,
            class,
            kind: self.request.kind,
            owner: &owner.subject,
            holdings: owner.owned.holdings(&self.realm.settings),
            ceiling: &ceiling,
            name: self.request.name.as_deref(),
            expires_at: self.request.expires_at,
            active,
            audiences: &self.realm.settings.tokens.audiences,
            unknown_scope: self.realm.settings.exchange.unknown_scope,
            now: self.call.now,
        })?;
        check_rate(manager, nth_newest, self.call.now)?;
        note_terms(event, &made.ceiling, made.expires_at);
        self.write_owner(tx, &owner, &made.ceiling).await?;
        let token = self.token(class, owner.subject.id, made.ceiling, made.expires_at);
        event.token = Some(token.id);
        tx.insert_api_token(&NewApiToken {
            token: token.clone(),
            digest: *digest,
            digest_key: digest_key.clone(),
        })
        .await?;
        tx.append_change(Change::ApiToken(token.id)).await?;
        Ok(token)
    }

    fn token(
        &self,
        class: &TokenClass,
        owner: SubjectId,
        ceiling: Ceiling,
        expires_at: Option<Timestamp>,
    ) -> ApiToken {
        ApiToken {
            id: self.id,
            class: class.name.clone(),
            kind: self.request.kind,
            owner,
            name: self.request.name.clone(),
            state: TokenState::Active,
            created_at: self.call.now,
            created_by: self.caller.subject(),
            notice_at: notice::first(
                self.request.kind,
                ceiling.tenant.as_ref(),
                expires_at,
                self.call.now,
            ),
            ceiling,
            expires_at,
            replaces: None,
            last_used_at: None,
            last_used_from: None,
        }
    }

    fn check_reach(
        &self,
        manager: &ManagementCaller,
        class: &TokenClass,
        owner: &Owner,
        ceiling: &Ceiling,
    ) -> Result<(), ManageRefusal> {
        let target = TokenTarget {
            id: None,
            class,
            kind: self.request.kind,
            owner: &owner.subject,
            belonging: owner.owned.belonging(),
            tenant: ceiling.tenant.as_ref(),
        };
        token::may_make(manager, &target)
    }

    /// The ceiling as stored: a token whose owner is of one tenant is bound to it, and a key
    /// carries only what was named for it.
    fn ceiling(&self, owner: &Owner) -> Ceiling {
        let mut ceiling = self.request.ceiling.clone();
        if ceiling.tenant.is_none()
            && let [only] = &owner.owned.member_of[..]
        {
            ceiling.tenant = Some(only.clone());
        }
        if self.request.kind == TokenKind::Key {
            ceiling.permissions.get_or_insert_default();
            ceiling.roles.get_or_insert_default();
        }
        ceiling.permissions.iter_mut().for_each(sort);
        ceiling.roles.iter_mut().for_each(sort);
        ceiling
    }
}

fn sort<T: Ord>(names: &mut Vec<T>) {
    names.sort_unstable();
    names.dedup();
}
