//! Begins a session by an API token, for clients that go on by refresh tokens. Such a session
//! carries no more than the token, ends with it, and manages no credentials.

use super::begin_session::NewSession;
use super::look_up::{Presented, find_presented, use_token};
use super::sign::{Unsigned, mint_jti};
use super::sign_in::SignedIn;
use super::work::{Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::audit;
use crate::decide::issue::{Ask, Bearer, Term, hold};
use crate::decide::refusal::UseRefusal;
use crate::model::{Actor, AuditAction, AuditEvent, Change, Subject, UserAgent};
use crate::port::Tx;
use crate::settings::Presentation;
use async_trait::async_trait;
use doorward_base::Words as _;
use doorward_base::{ApiTokenId, Effect, Secret};
use std::sync::Arc;

/// A sign-in by an API token, as its wire brought it.
#[derive(Clone, Debug)]
pub struct SignInByToken {
    /// The API token.
    pub token: Secret,
    /// By what program.
    pub user_agent: Option<UserAgent>,
}

/// Begins a session by an API token whose class is exchanged.
///
/// # Errors
/// [`Failure`] with a [`UseRefusal`].
pub async fn sign_in_by_token(
    ctx: Context<'_>,
    request: SignInByToken,
) -> Result<SignedIn, Failure<UseRefusal>> {
    let tried = ctx.realm.keyring();
    let presented = ctx.present(&request.token);
    let (session, refresh_token) = NewSession::draw(ctx, None, request.user_agent)?;
    let mut outcome = attempt(ctx, presented, &session).await;
    // As in an exchange: it may be stored under a key that came too late.
    if matches!(outcome, Err(Failure::Refused(UseRefusal::Unknown)))
        && let Some(presented) = ctx.present_again(&request.token, &tried).await?
    {
        outcome = attempt(ctx, Ok(presented), &session).await;
    }
    let (unsigned, subject, token) = outcome?;
    let used = ctx.call.use_of(token);
    ctx.identity.last_used.record(ctx.realm.id, used);
    let typ = ctx.realm.settings.tokens.typ.word();
    Ok(SignedIn {
        issued: unsigned.sign(ctx.realm.keyring().access(), typ)?,
        session: session.id,
        refresh_token,
        subject,
    })
}

async fn attempt(
    ctx: Context<'_>,
    presented: Result<Presented, UseRefusal>,
    session: &NewSession,
) -> Result<(Unsigned, Subject, ApiTokenId), Failure<UseRefusal>> {
    ctx.commit(Begin {
        realm: ctx.realm(),
        call: *ctx.call,
        presented,
        session: session.clone(),
        jti: mint_jti(&*ctx.identity.entropy),
    })
    .await
}

struct Begin {
    realm: Arc<Realm>,
    call: Call,
    presented: Result<Presented, UseRefusal>,
    session: NewSession,
    jti: String,
}

#[async_trait]
impl Work for Begin {
    type Done = (Unsigned, Subject, ApiTokenId);
    type Refusal = UseRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        self.call
            .event(Actor::Anonymous, AuditAction::TokenExchange)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<UseRefusal>> {
        let (found, owner) = find_presented(tx, &self.presented).await?;
        let token = &found.token;
        let (settings, now) = (&self.realm.settings, self.call.now);
        let used = use_token(token, &owner, settings, &Presentation::Exchange, now);
        if used.is_ok() || audit::is_at_home(token.ceiling.tenant.as_ref(), &owner.member_of) {
            event.token = Some(token.id);
            event.subject = Some(token.owner);
            event.tenant.clone_from(&token.ceiling.tenant);
            event.actor = Actor::Subject(token.owner);
        }
        used?;
        let session = self.session.begin_by(token, &settings.sessions, &self.call);
        let ask = Ask::plain(settings, now);
        let held = hold(&owner, Bearer::Session(&session), &ask).map_err(UseRefusal::from)?;
        let term = Term::plain(settings, &self.jti);
        let unsigned = Unsigned::of(held, settings, &term, now).map_err(UseRefusal::from)?;
        event.session = Some(session.id);
        tx.insert_session(&session).await?;
        let most = settings.sessions.max_active;
        for ended in tx.end_oldest_sessions(&session, most, now).await? {
            tx.append_change(Change::Session(ended)).await?;
        }
        found.rekey(tx).await?;
        Ok((unsigned, owner.subject, token.id))
    }
}
