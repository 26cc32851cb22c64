//! Ends the overlap of an API token and the one that it replaced before its time.

use super::caller::load_manager;
use super::revoke_token::{
    Handled, Handling, Named, TokenRef, end_predecessors, load_handled, note_ended,
};
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::refusal::{ManageRefusal, TokenRefusal};
use crate::model::{ApiToken, AuditAction, AuditEvent, Change, TokenState};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::Effect;
use std::sync::Arc;

/// Ends what a token replaced and that still lives out its overlap; or, where the token that
/// was replaced is named, that one. The one that took over works on. Returns the one that was
/// named, as it is now; where nothing overlaps, nothing changes. Needs what revoking needs.
///
/// # Errors
/// [`Failure`] with a [`TokenRefusal`].
pub async fn end_token_overlap(
    ctx: Context<'_>,
    caller: &Caller,
    token: TokenRef,
) -> Result<ApiToken, Failure<TokenRefusal>> {
    ctx.commit(EndOverlap {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        named: Named::of(ctx, &token),
    })
    .await
}

struct EndOverlap {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    named: Named,
}

#[async_trait]
impl Work for EndOverlap {
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
                .event(self.caller.actor(), AuditAction::TokenEndOverlap)
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
        let Handled { mut token, .. } =
            load_handled(tx, &self.realm, &manager, &self.named, Handling::Revoke).await?;
        event.token = Some(token.id);
        event.subject = Some(token.owner);
        event.tenant.clone_from(&token.ceiling.tenant);
        let ended = end_predecessors(tx, &token, now).await?;
        note_ended(event, &ended);
        if matches!(token.state, TokenState::Retiring { .. }) {
            token.state = TokenState::Revoked { at: now };
            tx.set_api_token_state(token.id, token.state).await?;
            tx.append_change(Change::ApiToken(token.id)).await?;
        }
        Ok(token)
    }
}
