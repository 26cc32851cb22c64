//! Lets a person with a session act in another of its tenants: by a session of its own, which
//! lasts no longer, proves no more and carries no more than the one that asks. That one goes on
//! in its tenant.

use super::begin_session::NewSession;
use super::sign::{Unsigned, mint_jti};
use super::sign_in::SignedIn;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::authority::active_tenant;
use crate::decide::issue::{Ask, Bearer, IssueRefusal, Term, hold};
use crate::decide::refusal::SignInRefusal;
use crate::decide::standing::{acting, going_on};
use crate::model::{AuditAction, AuditEvent, Ceiling, Change, Session, Subject, UserAgent};
use crate::port::Tx;
use async_trait::async_trait;
use doorward_base::Words as _;
use doorward_base::authn::AuthMethod;
use doorward_base::principal::CredentialId;
use doorward_base::{Effect, SubjectId, TenantId};
use serde_json::json;
use std::sync::Arc;

/// Begins a session in another tenant of the caller's. Only a sign-in of one's own is carried
/// over so.
///
/// # Errors
/// [`Failure`] with a [`SignInRefusal`].
pub async fn switch_tenant(
    ctx: Context<'_>,
    caller: &Caller,
    tenant: TenantId,
    user_agent: Option<UserAgent>,
) -> Result<SignedIn, Failure<SignInRefusal>> {
    // By what its subject proved itself, the session that asks says.
    let (session, refresh_token) = NewSession::draw(ctx, Some(AuthMethod::Password), user_agent)?;
    let id = session.id;
    let (unsigned, subject) = ctx
        .commit(Switch {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            tenant,
            session,
            jti: mint_jti(&*ctx.identity.entropy),
        })
        .await?;
    let typ = ctx.realm.settings.tokens.typ.word();
    let issued = unsigned.sign(ctx.realm.keyring().access(), typ)?;
    Ok(SignedIn {
        issued,
        session: id,
        refresh_token,
        subject,
    })
}

struct Switch {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    tenant: TenantId,
    session: NewSession,
    jti: String,
}

#[async_trait]
impl Work for Switch {
    type Done = (Unsigned, Subject);
    type Refusal = SignInRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: self.caller.subject(),
            tenant: Some(self.tenant.clone()),
            ..self
                .call
                .event(self.caller.actor(), AuditAction::SessionSwitch)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<SignInRefusal>> {
        let Caller::Subject {
            subject,
            credential: CredentialId::Session(own),
            carries: None,
        } = self.caller
        else {
            return Err(SignInRefusal::SessionOver.into());
        };
        let over = |_| SignInRefusal::SessionOver;
        let (settings, now) = (&self.realm.settings, self.call.now);
        let dossier = tx.find_dossier(subject).await?;
        acting(dossier.as_ref().map(|found| &found.subject), now).map_err(over)?;
        let dossier = dossier.ok_or(SignInRefusal::SessionOver)?;
        let asking = going_on(tx.find_session(own).await?, subject, now).map_err(over)?;
        if asking.made_from.is_some() {
            // What an API token began stays in the token's tenant.
            return Err(SignInRefusal::TenantForbidden.into());
        }
        let tenant = active_tenant(Some(&self.tenant), None, &dossier.member_of)
            .map_err(IssueRefusal::from)
            .map_err(SignInRefusal::from)?;
        let session = self.carried_over(asking, subject, tenant);
        let ask = Ask::plain(settings, now);
        let held = hold(&dossier, Bearer::Session(&session), &ask).map_err(SignInRefusal::from)?;
        let term = Term::plain(settings, &self.jti);
        let unsigned = Unsigned::of(held, settings, &term, now).map_err(SignInRefusal::from)?;
        event.session = Some(session.id);
        event
            .detail
            .insert("from".to_owned(), json!(own.to_string()));
        tx.insert_session(&session).await?;
        let most = settings.sessions.max_active;
        let ended = tx.end_oldest_sessions(&session, most, now).await?;
        for ended in ended {
            tx.append_change(Change::Session(ended)).await?;
        }
        Ok((unsigned, dossier.subject))
    }
}

impl Switch {
    /// The session in the other tenant.
    fn carried_over(
        &self,
        asking: Session,
        subject: SubjectId,
        tenant: Option<TenantId>,
    ) -> Session {
        let settings = &self.realm.settings.sessions;
        let begun = self.session.begin(subject, tenant, settings, &self.call);
        Session {
            ceiling: Ceiling {
                tenant: begun.ceiling.tenant,
                ..asking.ceiling
            },
            expires_at: begun.expires_at.min(asking.expires_at),
            steps: asking.steps,
            aal: asking.aal,
            factor: asking.factor,
            client: asking.client,
            ..begun
        }
    }
}
