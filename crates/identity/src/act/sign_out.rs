//! Ends the caller's own session.

use super::caller::load_manager;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::refusal::SignInRefusal;
use crate::model::{AuditAction, AuditEvent, Change};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::Effect;
use doorward_base::principal::CredentialId;
use std::sync::Arc;

/// Ends the session the caller came by.
///
/// # Errors
/// [`Failure`] with [`SignInRefusal::SessionOver`] when there is none.
pub async fn sign_out(ctx: Context<'_>, caller: &Caller) -> Result<(), Failure<SignInRefusal>> {
    ctx.commit(End {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
    })
    .await
}

struct End {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
}

#[async_trait]
impl Work for End {
    type Done = ();
    type Refusal = SignInRefusal;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: self.caller.subject(),
            ..self.call.event(self.caller.actor(), AuditAction::SignOut)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<SignInRefusal>> {
        load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(SignInRefusal::SessionOver)?;
        let Caller::Subject {
            credential: CredentialId::Session(session),
            ..
        } = self.caller
        else {
            return Err(SignInRefusal::SessionOver.into());
        };
        event.session = Some(session);
        tx.end_session(session, self.call.now).await?;
        tx.append_change(Change::Session(session)).await?;
        Ok(())
    }
}
