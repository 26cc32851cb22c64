//! Ends the caller's own session.

use super::caller::load_standing;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::Effect;
use doorward_base::principal::CredentialId;
use std::sync::Arc;

/// Ends the session the caller came by.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`] that says why there is none.
pub async fn sign_out(ctx: Context<'_>, caller: &Caller) -> Result<(), Failure<ManageRefusal>> {
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
    type Refusal = ManageRefusal;

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
    ) -> Result<(), Stop<ManageRefusal>> {
        load_standing(tx, &self.realm.settings, &self.caller, self.call.now).await?;
        let Caller::Subject {
            credential: CredentialId::Session(session),
            ..
        } = self.caller
        else {
            return Err(ManageRefusal::SessionEnded.into());
        };
        event.session = Some(session);
        tx.end_session(session, self.call.now).await?;
        tx.append_change(Change::Session(session)).await?;
        Ok(())
    }
}
