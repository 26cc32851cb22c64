//! Changes what a user says about itself. Not here: addresses and passwords.

use super::caller::load_standing;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_metadata;
use crate::decide::metadata::merged;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Identifier, Metadata, Subject};
use crate::port::{Read, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, Timestamp};
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
        asked: asked(ctx, caller, changes),
        call: *ctx.call,
    })
    .await
}

/// Checks that [`update_own_metadata`] would do it, where something else changes before and
/// nothing is to be half done.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn check_own_metadata(
    ctx: Context<'_>,
    caller: &Caller,
    changes: Metadata,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.query(Forecast(asked(ctx, caller, changes))).await
}

fn asked(ctx: Context<'_>, caller: &Caller, changes: Metadata) -> Asked {
    Asked {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        changes,
    }
}

/// What changes of whom.
struct Asked {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    changes: Metadata,
}

impl Asked {
    /// The caller as it is afterwards.
    async fn change(&self, tx: &mut dyn Read) -> Result<Subject, Stop<ManageRefusal>> {
        let manager = load_standing(tx, &self.realm.settings, &self.caller, self.now).await?;
        manager.demand_session()?;
        let missing = || ManageRefusal::NotFound("subject");
        let id = manager.subject().ok_or_else(missing)?;
        let found = tx.find_subject(id).await?;
        let is_user = |one: &Subject| matches!(one.identifier, Identifier::User(_));
        let subject = found.filter(is_user).ok_or_else(missing)?;
        let user_metadata = merged(&subject.user_metadata, &self.changes);
        check_metadata("the metadata", &user_metadata)?;
        Ok(Subject {
            user_metadata,
            ..subject
        })
    }
}

struct Forecast(Asked);

#[async_trait]
impl Query for Forecast {
    type Done = ();
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<(), Stop<ManageRefusal>> {
        self.0.change(tx).await.map(drop)
    }
}

struct Update {
    asked: Asked,
    call: Call,
}

#[async_trait]
impl Work for Update {
    type Done = Subject;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        let caller = &self.asked.caller;
        AuditEvent {
            subject: caller.subject(),
            ..self.call.event(caller.actor(), AuditAction::UserUpdate)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        let after = self.asked.change(tx).await?;
        tx.set_user_metadata(after.id, &after.user_metadata).await?;
        Ok(after)
    }
}
