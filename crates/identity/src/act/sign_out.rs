//! Ends the caller's own session, or that of whoever has its refresh token.

use super::caller::load_standing;
use super::refresh_token::RefreshToken;
use super::work::{Counted, Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::refusal::{ManageRefusal, RefreshRefusal};
use crate::model::{Actor, AuditAction, AuditEvent, Change};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::principal::CredentialId;
use doorward_base::secret::TokenDigest;
use doorward_base::{Effect, Secret};
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

/// Ends the session of a refresh token, of whatever number: whoever shows one that is used
/// up would end it as well.
///
/// # Errors
/// [`Failure`] with [`RefreshRefusal::Malformed`] or [`RefreshRefusal::Unknown`].
pub async fn sign_out_by_refresh_token(
    ctx: Context<'_>,
    token: &Secret,
) -> Result<(), Failure<RefreshRefusal>> {
    let mut keyring = ctx.realm.keyring();
    let mut opened = RefreshToken::open(token, &keyring);
    if opened.is_none()
        && let Some(news) = ctx.realm.news.get()
    {
        news.catch_up().await?;
        keyring = ctx.realm.keyring();
        opened = RefreshToken::open(token, &keyring);
    }
    let opened = opened.ok_or(Failure::Refused(RefreshRefusal::Malformed))?;
    let digests = opened.digests(&keyring);
    ctx.commit(EndOf {
        call: *ctx.call,
        digests: digests.into_iter().map(|(digest, _)| digest).collect(),
    })
    .await
}

/// A session about to be ended by its refresh token.
struct EndOf {
    call: Call,
    digests: Vec<TokenDigest>,
}

#[async_trait]
impl Work for EndOf {
    type Done = ();
    type Refusal = RefreshRefusal;
    const COUNTED: Counted = Counted::Further;

    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        self.call.event(Actor::Anonymous, AuditAction::SignOut)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<(), Stop<RefreshRefusal>> {
        let found = tx.find_session_dossier(&self.digests).await?;
        let (session, _) = found.ok_or(RefreshRefusal::Unknown)?;
        event.session = Some(session.id);
        event.subject = Some(session.subject);
        event.tenant.clone_from(&session.ceiling.tenant);
        event.actor = Actor::Subject(session.subject);
        if tx.end_session(session.id, self.call.now).await? {
            tx.append_change(Change::Session(session.id)).await?;
        }
        Ok(())
    }
}
