//! Lists and removes second factors. Not here: enrolling and proving them (the dialects'
//! flows), and who may do this (`decide::factor`).

use super::caller::load_manager;
use super::facts::{Owned, load_owned};
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::factor::FactorsOf;
use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Factor};
use crate::port::{Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::authn::AssuranceLevel;
use doorward_base::principal::CredentialId;
use doorward_base::{Effect, FactorId, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// A subject's factors, oldest first. Its own need a session; others'
/// `platform.users.read` over all that the subject is.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_factors(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
) -> Result<Vec<Factor>, Failure<ManageRefusal>> {
    ctx.query(Listing {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        subject,
    })
    .await
}

/// Removes a factor; the last one takes the recovery codes along. An own one that works
/// needs a session that a factor strengthened; others' `platform.users.edit` over all that
/// the subject is.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn delete_factor(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
    factor: FactorId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(Removal {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        factor,
    })
    .await
}

struct Listing {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    subject: SubjectId,
}

#[async_trait]
impl Query for Listing {
    type Done = Vec<Factor>;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let owned = load_owned(tx, self.subject).await?;
        of(&manager, self.subject, &owned).may_list()?;
        if tx.find_subject(self.subject).await?.is_none() {
            return Err(ManageRefusal::NotFound("subject").into());
        }
        Ok(tx.list_factors(self.subject).await?)
    }
}

struct Removal {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    factor: FactorId,
}

#[async_trait]
impl Work for Removal {
    type Done = ();
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::FactorDelete);
        event.subject = Some(self.subject);
        let id = json!(self.factor.to_string());
        event.detail.insert("factor".to_owned(), id);
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let owned = load_owned(tx, self.subject).await?;
        let strength = strength(tx, &self.caller).await?;
        let factors = tx.list_factors(self.subject).await?;
        let gone =
            of(&manager, self.subject, &owned).may_delete(&factors, self.factor, strength)?;
        for factor in gone {
            tx.delete_factor(factor).await?;
        }
        Ok(())
    }
}

fn of<'a>(caller: &'a ManagementCaller, owner: SubjectId, owned: &'a Owned) -> FactorsOf<'a> {
    FactorsOf {
        caller,
        owner,
        belonging: owned.belonging(),
    }
}

/// How strong the caller's own sign-in is; whatever else it asks through proves nothing.
async fn strength(tx: &mut dyn Read, caller: &Caller) -> Result<AssuranceLevel, StoreError> {
    let Caller::Subject {
        credential: CredentialId::Session(id),
        ..
    } = caller
    else {
        return Ok(AssuranceLevel::Aal1);
    };
    let session = tx.find_session(*id).await?;
    Ok(session.map_or(AssuranceLevel::Aal1, |session| session.aal))
}
