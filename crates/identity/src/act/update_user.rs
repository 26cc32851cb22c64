//! Changes what a user says about itself. Not here: addresses and passwords.

use super::caller::load_manager;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_metadata;
use crate::decide::metadata::merged;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Identifier, Metadata, Subject};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::Effect;
use std::sync::Arc;

/// Changes members of what the caller says about itself; one that becomes null is removed.
/// Needs a session.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn update_own_metadata(
    ctx: Context<'_>,
    caller: &Caller,
    changes: Metadata,
) -> Result<Subject, Failure<ManageRefusal>> {
    ctx.commit(Update {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        changes,
    })
    .await
}

struct Update {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    changes: Metadata,
}

#[async_trait]
impl Work for Update {
    type Done = Subject;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: self.caller.subject(),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::UserUpdate)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand_session()?;
        let missing = || ManageRefusal::NotFound("subject");
        let id = manager.subject().ok_or_else(missing)?;
        let found = tx.find_subject(id).await?;
        let is_user = |one: &Subject| matches!(one.identifier, Identifier::User(_));
        let subject = found.filter(is_user).ok_or_else(missing)?;
        let metadata = merged(&subject.user_metadata, &self.changes);
        check_metadata("the metadata", &metadata)?;
        tx.set_user_metadata(id, &metadata).await?;
        Ok(Subject {
            user_metadata: metadata,
            ..subject
        })
    }
}
