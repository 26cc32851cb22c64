//! Revokes an API token. Doing it again changes nothing and is no error.

use super::caller::load_manager;
use super::facts::load_owned;
use super::look_up::Presented;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::{ManageRefusal, TokenRefusal, UseRefusal};
use crate::decide::token::{Proof, TokenTarget, class_of, may_make, may_revoke, replaces_itself};
use crate::model::{ApiToken, AuditAction, AuditEvent, Change, TokenState};
use crate::port::{Read, StoreError, Tx};
use crate::settings::TokenClass;
use async_trait::async_trait;
use doorward_base::{ApiTokenId, Effect, Secret, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// A token, as a request names it.
#[derive(Clone, Debug)]
pub enum TokenRef {
    /// By its id.
    Id(ApiTokenId),
    /// By its secret.
    Secret(Secret),
}

/// Revokes an API token, and whatever it replaced that still lives; returns it as it is
/// now.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn revoke_token(
    ctx: Context<'_>,
    caller: &Caller,
    token: TokenRef,
) -> Result<ApiToken, Failure<TokenRefusal>> {
    ctx.commit(Revocation {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        named: Named::of(ctx, &token),
    })
    .await
}

/// What a request named: an id, or a secret as digests.
#[derive(Clone, Debug)]
pub(super) enum Named {
    Id(ApiTokenId),
    Secret(Result<Presented, UseRefusal>),
}

impl Named {
    pub(super) fn of(ctx: Context<'_>, token: &TokenRef) -> Self {
        match token {
            TokenRef::Id(id) => Self::Id(*id),
            TokenRef::Secret(secret) => Self::Secret(ctx.present(secret)),
        }
    }

    /// What naming it so proves.
    pub(super) const fn proof(&self) -> Proof {
        match self {
            Self::Id(_) => Proof::Id,
            Self::Secret(_) => Proof::Secret,
        }
    }

    /// The id, if it was named by it.
    pub(super) const fn id(&self) -> Option<ApiTokenId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Secret(_) => None,
        }
    }

    pub(super) async fn find(&self, tx: &mut dyn Read) -> Result<Option<ApiToken>, StoreError> {
        match self {
            Self::Id(id) => tx.find_api_token(*id).await,
            Self::Secret(Err(_)) => Ok(None),
            Self::Secret(Ok(presented)) => Ok(presented.find(tx).await?.map(|found| found.token)),
        }
    }
}

/// What somebody wants to do to a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Handling {
    Replace,
    Revoke,
}

/// A token that the caller may handle.
pub(super) struct Handled {
    pub(super) token: ApiToken,
    pub(super) class: TokenClass,
    /// Whether the caller replaces the token that it asks through.
    pub(super) by_itself: bool,
}

/// Loads a token that the caller may handle, with its class. A token out of reach
/// looks like one that does not exist.
pub(super) async fn load_handled(
    tx: &mut dyn Tx,
    realm: &Realm,
    manager: &ManagementCaller,
    named: &Named,
    handling: Handling,
) -> Result<Handled, Stop<TokenRefusal>> {
    let missing = || TokenRefusal::from(ManageRefusal::NotFound("token"));
    let token = named.find(tx).await?.ok_or_else(missing)?;
    let owner = tx.find_subject(token.owner).await?.ok_or_else(missing)?;
    let owned = load_owned(tx, token.owner).await?;
    // A token outlives its class's place in the configuration. It works no more, but
    // can still be revoked: whatever class holds its kind now stands in.
    let classes = &realm.settings.classes;
    let class = class_of(classes, &token)
        .or_else(|| {
            classes
                .iter()
                .find(|class| class.kinds.contains(&token.kind))
        })
        .or_else(|| classes.first())
        .ok_or_else(missing)?;
    let target = TokenTarget {
        id: Some(token.id),
        class,
        kind: token.kind,
        owner: &owner,
        belonging: owned.belonging(),
        tenant: token.ceiling.tenant.as_ref(),
    };
    let by_itself = replaces_itself(manager, token.id, named.proof());
    match handling {
        Handling::Replace if by_itself => Ok(()),
        Handling::Replace => may_make(manager, &target),
        Handling::Revoke => may_revoke(manager, &target),
    }
    .map_err(|refusal| match refusal {
        // Somebody else's token is told apart from no token by nobody.
        ManageRefusal::NotFound(_)
        | ManageRefusal::NotPermitted(_)
        | ManageRefusal::NotRealmWide { .. }
        | ManageRefusal::ClassPermission(_)
        | ManageRefusal::OperatorsOnly => missing(),
        other => other.into(),
    })?;
    Ok(Handled {
        class: class.clone(),
        token,
        by_itself,
    })
}

struct Revocation {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    named: Named,
}

#[async_trait]
impl Work for Revocation {
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
                .event(self.caller.actor(), AuditAction::TokenRevoke)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<ApiToken, Stop<TokenRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let Handled { mut token, .. } =
            load_handled(tx, &self.realm, &manager, &self.named, Handling::Revoke).await?;
        event.token = Some(token.id);
        event.subject = Some(token.owner);
        event.tenant.clone_from(&token.ceiling.tenant);
        let ended = end_predecessors(tx, &token, self.call.now).await?;
        note_ended(event, &ended);
        if !matches!(token.state, TokenState::Revoked { .. }) {
            token.state = TokenState::Revoked { at: self.call.now };
            end_token(tx, (token.id, token.owner), self.call.now).await?;
        }
        Ok(token)
    }
}

/// Revokes a token of an owner, and ends the sessions that it began.
pub(super) async fn end_token(
    tx: &mut dyn Tx,
    (id, owner): (ApiTokenId, SubjectId),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.set_api_token_state(id, TokenState::Revoked { at: now })
        .await?;
    tx.append_change(Change::ApiToken(id)).await?;
    for session in tx.end_sessions_made_from(id, owner, now).await? {
        tx.append_change(Change::Session(session)).await?;
    }
    Ok(())
}

/// Revokes what a token replaced, as far back as it still lives out its grace: whoever
/// ends a token, or replaces it again, is done with what came before it.
pub(super) async fn end_predecessors(
    tx: &mut dyn Tx,
    token: &ApiToken,
    now: Timestamp,
) -> Result<Vec<ApiTokenId>, StoreError> {
    let (mut ended, mut before) = (Vec::new(), token.replaces);
    while let Some(id) = before {
        let Some(found) = tx.find_api_token(id).await? else {
            break;
        };
        if !matches!(found.state, TokenState::Retiring { .. }) {
            break;
        }
        end_token(tx, (id, found.owner), now).await?;
        ended.push(id);
        before = found.replaces;
    }
    Ok(ended)
}

/// Writes down which tokens ended with the one the event is about.
pub(super) fn note_ended(event: &mut AuditEvent, ended: &[ApiTokenId]) {
    if !ended.is_empty() {
        let ids: Vec<String> = ended.iter().map(ToString::to_string).collect();
        event.detail.insert("also_revoked".to_owned(), json!(ids));
    }
}
