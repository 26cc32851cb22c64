//! Deletes a subject for good: what is personal goes, its id stays in the audit log, its
//! addresses are free. Whatever it held is dead at once, because its owner is found by
//! nothing; what is left of it in rows is taken away in pieces (`sweep`). Not here:
//! disabling, which can be undone (`set_status`).

use super::authenticate::forecast;
use super::caller::load_manager;
use super::shown_password::ShownPassword;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::erase::{Proof, may_delete};
use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change};
use crate::port::{StoreError, Tx};
use async_trait::async_trait;
use doorward_base::principal::CredentialId;
use doorward_base::{Effect, Secret, SubjectId};
use std::sync::Arc;

/// How many rows of a subject go with it at once; the rest follow.
pub(super) const SWEEP: u32 = 1000;

/// A subject about to be deleted.
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// Whom.
    pub subject: SubjectId,
    /// Its current password, from a person that deletes itself.
    pub password: Option<Secret>,
}

/// Deletes a subject. A person deletes itself by its session and password (or, having
/// none, by a sign-in of the last minutes); others need `platform.users.edit`, for a
/// service account `platform.users.service-accounts.edit`, realm-wide.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn delete_user(
    ctx: Context<'_>,
    caller: &Caller,
    request: DeleteUser,
) -> Result<(), Failure<ManageRefusal>> {
    let mut shown = ShownPassword::none();
    if caller.subject() == Some(request.subject) {
        // A check costs what many requests cost: who is no session gets none.
        let refused = forecast(ctx, caller, ManagementCaller::demand_session).await?;
        if refused.is_none() {
            let passwords = &ctx.identity.passwords;
            shown = match passwords.turn(caller.subject(), ctx.call.now).await? {
                Ok(_turn) => ShownPassword::check(ctx, request.subject, request.password).await?,
                Err(seconds) => ShownPassword::refused(ManageRefusal::TooManyPasswords(seconds)),
            };
        }
    }
    ctx.commit(Deletion {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject: request.subject,
        shown,
    })
    .await
}

struct Deletion {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    shown: ShownPassword,
}

#[async_trait]
impl Work for Deletion {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: Some(self.subject),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::SubjectDelete)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_manager(tx, &self.realm.settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let subject = tx.find_subject(self.subject).await?;
        let proof = self.proof(tx).await?;
        may_delete(&manager, subject.as_ref(), proof.as_ref(), self.call.now)?;
        // The row stays, and where the person was when it left is personal.
        event.peer = None;
        Ok(erase(tx, self.subject, &self.call).await?)
    }
}

/// Takes a subject away for good. It may hold any number of rows: what is left of them
/// follows, and nothing finds it.
pub(super) async fn erase(tx: &mut dyn Tx, id: SubjectId, call: &Call) -> Result<(), StoreError> {
    tx.bump_epoch(id, None, call.now).await?;
    tx.erase_subject(id, call.now).await?;
    // Its own alone: what others left is no part of what this one costs.
    tx.sweep_subject(id, call.now, SWEEP).await?;
    tx.append_change(Change::Subject(id)).await
}

impl Deletion {
    /// What a person shows that deletes itself.
    async fn proof(&self, tx: &mut dyn Tx) -> Result<Option<Proof>, StoreError> {
        let Caller::Subject {
            subject,
            credential,
            ..
        } = &self.caller
        else {
            return Ok(None);
        };
        if *subject != self.subject {
            return Ok(None);
        }
        let shown = self.shown.confirm(tx, *subject).await?;
        Ok(match (shown, credential) {
            (Some(Ok(())), _) => Some(Proof::Password),
            (Some(Err(refusal)), _) => Some(Proof::Wrong(refusal)),
            (None, CredentialId::Session(id)) => {
                let session = tx.find_session(*id).await?;
                session.map(|session| Proof::SignedIn(session.created_at))
            }
            (None, _) => None,
        })
    }
}
