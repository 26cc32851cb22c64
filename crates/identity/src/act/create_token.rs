//! Makes an API token. Its secret exists only in the answer.

use super::addressed::{Addressed, find_addressed};
use super::caller::load_manager;
use super::detail::{note, note_terms};
use super::facts::{Owned, load_owned, load_tenant_roles};
use super::keyring::DigestKind;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::{ManagementCaller, Reach};
use crate::decide::proof::check_meant;
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::decide::token::{self, CreateInput, TokenTarget, check_rate, granted_to_key};
use crate::model::{
    ApiToken, AuditAction, AuditEvent, Ceiling, Change, Grant, Identifier, Membership, Metadata,
    NewApiToken, Subject, SubjectStatus, TokenKind, TokenState,
};
use crate::port::{Read, StoreError, TokenGroup, Tx};
use crate::settings::TokenClass;
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, Effect, Email, MembershipId, Secret, SubjectId, SubjectKind, TenantId, Timestamp,
};
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
    let entropy = &*ctx.identity.entropy;
    let classes = &ctx.realm.settings.classes;
    let class = classes
        .iter()
        .find(|class| class.kinds.contains(&request.kind));
    // Without a class there is nothing to mint, but the refusal is still written down.
    let minted = class.map(|class| {
        let secret = class
            .format
            .mint(request.ceiling.environment.as_ref(), entropy);
        let digest = ctx.realm.keyring().digest(DigestKind::ApiToken, &secret);
        (secret, digest)
    });
    let (secret, digest) = minted.unzip();
    let token = ctx
        .commit(NewToken {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            request,
            class: class.cloned(),
            digest,
            id: ApiTokenId::mint(entropy, ctx.call.now),
            key_subject: SubjectId::mint(entropy, ctx.call.now),
            key_membership: MembershipId::mint(entropy, ctx.call.now),
        })
        .await?;
    let secret = secret.ok_or(Failure::Refused(TokenRefusal::KindUnknown))?;
    Ok(MintedToken { token, secret })
}

struct NewToken {
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
        let (Some(class), Some((digest, digest_key))) = (&self.class, &self.digest) else {
            return Err(TokenRefusal::KindUnknown.into());
        };
        let mut owner = self.load_owner(tx, &manager, class).await?;
        let ceiling = self.ceiling(&owner);
        // Who reads the log is told of nobody who is out of the caller's reach.
        self.check_reach(&manager, class, &owner, &ceiling)?;
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
            caller: &manager,
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
        check_rate(&manager, nth_newest, self.call.now)?;
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
}

struct Owner {
    subject: Subject,
    owned: Owned,
    /// A tenant's first key makes the subject that owns it.
    is_new: bool,
}

impl NewToken {
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
            ceiling,
            name: self.request.name.clone(),
            state: TokenState::Active,
            created_at: self.call.now,
            created_by: self.caller.subject(),
            expires_at,
            replaces: None,
            last_used_at: None,
        }
    }

    async fn load_owner(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
        class: &TokenClass,
    ) -> Result<Owner, Stop<TokenRefusal>> {
        let existing = match &self.request.owner {
            OwnerRef::Subject(id) => tx.find_subject(*id).await?,
            OwnerRef::Email(email) => {
                let kind = match self.request.kind {
                    TokenKind::Personal => Some(SubjectKind::User),
                    TokenKind::Service => Some(SubjectKind::Service),
                    TokenKind::Key => None,
                };
                let asked = Addressed {
                    email,
                    kind,
                    tenant: self.request.ceiling.tenant.as_ref(),
                };
                let reach = token::making_reach(manager, class).ok();
                let found = find_addressed(tx, manager, reach.as_ref(), asked).await;
                let found = found.map_err(Stop::widen)?;
                if let Some(one) = found
                    .as_ref()
                    .filter(|one| manager.subject() != Some(one.id))
                {
                    check_meant(one)?;
                }
                found
            }
            OwnerRef::Tenant(tenant) => {
                if tx.find_tenant(tenant).await?.is_none() {
                    return Err(missing_owner(manager, self.request.kind, class).into());
                }
                let found = tx.find_tenant_keys_subject(tenant).await?;
                if found.is_none() {
                    return Ok(self.new_key_owner(tenant));
                }
                found
            }
        };
        let subject = existing.ok_or_else(|| missing_owner(manager, self.request.kind, class))?;
        let owned = load_owned(tx, subject.id).await?;
        Ok(Owner {
            subject,
            owned,
            is_new: false,
        })
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

    fn new_key_owner(&self, tenant: &TenantId) -> Owner {
        Owner {
            subject: Subject {
                id: self.key_subject,
                identifier: Identifier::TenantKeys {
                    tenant: tenant.clone(),
                },
                name: None,
                status: SubjectStatus::Active,
                user_metadata: Metadata::new(),
                app_metadata: Metadata::new(),
                created_at: self.call.now,
                last_sign_in_at: None,
            },
            owned: Owned {
                member_of: vec![tenant.clone()],
                ..Owned::default()
            },
            is_new: true,
        }
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

    /// A tenant's key subject is made with the first key, and holds what its keys
    /// name. That takes nothing from the others, so its epoch stays: each key's
    /// ceiling keeps it to its own.
    async fn write_owner(
        &self,
        tx: &mut dyn Tx,
        owner: &Owner,
        ceiling: &Ceiling,
    ) -> Result<(), StoreError> {
        let (TokenKind::Key, Some(tenant)) = (self.request.kind, &ceiling.tenant) else {
            return Ok(());
        };
        if owner.is_new {
            tx.insert_subject(&owner.subject).await?;
            tx.insert_membership(&Membership {
                id: self.key_membership,
                subject: owner.subject.id,
                tenant: tenant.clone(),
                created_at: self.call.now,
            })
            .await?;
        }
        for granted in granted_to_key(ceiling) {
            let grant = Grant {
                tenant: Some(tenant.clone()),
                granted,
            };
            tx.insert_grant(owner.subject.id, &grant, self.call.now)
                .await?;
        }
        Ok(())
    }
}

fn sort<T: Ord>(names: &mut Vec<T>) {
    names.sort_unstable();
    names.dedup();
}

/// The answer is the same whether the owner does not exist or may not be seen.
fn missing_owner(manager: &ManagementCaller, kind: TokenKind, class: &TokenClass) -> TokenRefusal {
    if kind == TokenKind::Personal {
        return ManageRefusal::NotFound("owner").into();
    }
    match token::making_reach(manager, class) {
        Ok(_) => ManageRefusal::NotFound("owner").into(),
        Err(refusal) => refusal.into(),
    }
}

/// The subject a request names as an owner to who reaches so far.
pub(super) async fn find_owner(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    reach: Option<&Reach>,
    owner: &OwnerRef,
) -> Result<Option<Subject>, Stop<ManageRefusal>> {
    Ok(match owner {
        OwnerRef::Subject(id) => tx.find_subject(*id).await?,
        OwnerRef::Email(email) => {
            let asked = Addressed {
                email,
                kind: None,
                tenant: None,
            };
            find_addressed(tx, manager, reach, asked).await?
        }
        OwnerRef::Tenant(tenant) => tx.find_tenant_keys_subject(tenant).await?,
    })
}
