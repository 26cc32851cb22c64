//! Lists and ends sessions: one's own, or, with `platform.users.read` and
//! `platform.users.edit`, those of others.

use super::caller::load_standing;
use super::facts::load_owned;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::{ManagementCaller, ManagementPermission};
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change, Session};
use crate::port::{Extent, Read, Tx};
use async_trait::async_trait;
use doorward_base::effect::Effect;
use doorward_base::principal::CredentialId;
use doorward_base::{SessionId, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// A subject's sessions that are not over, newest first, at most 1,000.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_sessions(
    ctx: Context<'_>,
    caller: &Caller,
    subject: SubjectId,
) -> Result<Vec<Session>, Failure<ManageRefusal>> {
    ctx.query(List {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        subject,
    })
    .await
}

/// Ends a session. Ending it again changes nothing and is no error.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn end_session(
    ctx: Context<'_>,
    caller: &Caller,
    session: SessionId,
) -> Result<(), Failure<ManageRefusal>> {
    ctx.commit(End {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        session,
    })
    .await
}

/// Ends every session of the caller's subject but the one it came by, and returns them.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn end_other_sessions(
    ctx: Context<'_>,
    caller: &Caller,
) -> Result<Vec<SessionId>, Failure<ManageRefusal>> {
    ctx.commit(EndOthers {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
    })
    .await
}

struct List {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    subject: SubjectId,
}

#[async_trait]
impl Query for List {
    type Done = Vec<Session>;
    type Refusal = ManageRefusal;
    const EXTENT: Extent = Extent::Listing;

    async fn run(&self, tx: &mut dyn Read) -> Result<Vec<Session>, Stop<ManageRefusal>> {
        let manager = load_standing(tx, &self.realm.settings, &self.caller, self.now).await?;
        manager.demand_session()?;
        if manager.subject() != Some(self.subject) {
            let reach = manager.reach(ManagementPermission::UsersRead)?;
            let member_of = load_owned(tx, self.subject).await?.member_of;
            let known = tx.find_subject(self.subject).await?.is_some();
            if !known || !reach.covers_member(&member_of) {
                return Err(ManageRefusal::NotFound("subject").into());
            }
        }
        let mut sessions = tx.list_sessions(self.subject).await?;
        sessions.retain(|session| session.is_live(self.now));
        Ok(sessions)
    }
}

struct End {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    session: SessionId,
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
            session: Some(self.session),
            ..self.call.event(self.caller.actor(), AuditAction::SignOut)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_standing(tx, &self.realm.settings, &self.caller, self.call.now).await?;
        manager.demand_session()?;
        let session = self.load(tx, &manager).await?;
        event.subject = Some(session.subject);
        event.tenant.clone_from(&session.ceiling.tenant);
        if tx.end_session(session.id, self.call.now).await? {
            tx.append_change(Change::Session(session.id)).await?;
        }
        Ok(())
    }
}

impl End {
    /// The session, if the caller may end it. One out of reach looks like none.
    async fn load(
        &self,
        tx: &mut dyn Tx,
        manager: &ManagementCaller,
    ) -> Result<Session, Stop<ManageRefusal>> {
        let missing = || ManageRefusal::NotFound("session");
        let session = tx.find_session(self.session).await?.ok_or_else(missing)?;
        if manager.subject() == Some(session.subject) {
            return Ok(session);
        }
        let reach = manager
            .reach(ManagementPermission::UsersEdit)
            .map_err(|_| missing())?;
        let owned = load_owned(tx, session.subject).await?;
        if !reach.covers_whole(&owned.belonging()) {
            return Err(missing().into());
        }
        Ok(session)
    }
}

struct EndOthers {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
}

#[async_trait]
impl Work for EndOthers {
    type Done = Vec<SessionId>;
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
    ) -> Result<Vec<SessionId>, Stop<ManageRefusal>> {
        let manager = load_standing(tx, &self.realm.settings, &self.caller, self.call.now).await?;
        manager.demand_session()?;
        let Caller::Subject {
            subject,
            credential: CredentialId::Session(own),
            ..
        } = self.caller
        else {
            return Err(ManageRefusal::SessionNeeded.into());
        };
        let ended = tx.end_other_sessions(subject, own, self.call.now).await?;
        for &session in &ended {
            tx.append_change(Change::Session(session)).await?;
        }
        event.session = Some(own);
        event
            .detail
            .insert("others_ended".to_owned(), json!(ended.len()));
        Ok(ended)
    }
}
