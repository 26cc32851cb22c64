//! Sets a password. A person shows the current one, or has signed in lately where that will
//! do; an operator needs neither, and nobody else sets somebody's password.

use super::authenticate::forecast;
use super::caller::load_standing;
use super::password::MAX_BYTES;
use super::shown_password::{ShownPassword, is_current};
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::manage::ManagementCaller;
use crate::decide::password::{Renewal, Shown, check, least, may_change};
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, AuditEvent, Change, HashedPassword, Identifier};
use crate::port::{StoreError, Tx};
use crate::settings::{PasswordChange, SessionSettings};
use async_trait::async_trait;
use doorward_base::address::composed;
use doorward_base::principal::CredentialId;
use doorward_base::{Effect, Secret, SessionId, SubjectId, Timestamp};
use std::sync::Arc;

/// A password about to be set.
#[derive(Clone, Debug)]
pub struct SetPassword {
    /// Whose.
    pub subject: SubjectId,
    /// The new one.
    pub new: Secret,
    /// The current one; an operator needs none, and a person where the realm says so.
    pub current: Option<Secret>,
}

/// Sets a password and ends the subject's sessions.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn set_password(
    ctx: Context<'_>,
    caller: &Caller,
    request: SetPassword,
) -> Result<(), Failure<ManageRefusal>> {
    set(ctx, caller, request, Ending::All).await
}

/// As [`set_password`], for a person's own from a session: that one goes on.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn set_password_and_stay(
    ctx: Context<'_>,
    caller: &Caller,
    request: SetPassword,
) -> Result<(), Failure<ManageRefusal>> {
    set(ctx, caller, request, Ending::Others).await
}

/// Which of the subject's sessions end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    All,
    /// All but the one that the caller came by.
    Others,
}

async fn set(
    ctx: Context<'_>,
    caller: &Caller,
    request: SetPassword,
    ending: Ending,
) -> Result<(), Failure<ManageRefusal>> {
    let settings = &ctx.realm.settings.sessions;
    check_new(&request.new, settings).map_err(Failure::Refused)?;
    let passwords = &ctx.identity.passwords;
    let mut shown = ShownPassword::none();
    let mut is_shown = request.current.is_some();
    let mut is_same = false;
    let by_sign_in = settings.password_change == PasswordChange::RecentSignIn && !is_shown;
    let is_operator = *caller == Caller::Operator;
    let refused = forecast(ctx, caller, |manager| may_set(manager, request.subject)).await?;
    let mut turn = None;
    if !is_operator && refused.is_none() {
        match passwords.turn(caller.subject(), ctx.call.now).await? {
            Ok(taken) => {
                turn = Some(taken);
                is_same = match &request.current {
                    Some(current) => composed(current.expose()) == composed(request.new.expose()),
                    None if by_sign_in => is_current(ctx, request.subject, &request.new).await?,
                    None => false,
                };
                shown = ShownPassword::check(ctx, request.subject, request.current).await?;
            }
            Err(seconds) => {
                is_shown = true;
                shown = ShownPassword::refused(ManageRefusal::TooManyPasswords(seconds));
            }
        }
    }
    let mut hash = None;
    if is_operator || (!is_same && (shown.matched() || by_sign_in)) {
        hash = Some(passwords.hash(&request.new, &*ctx.identity.entropy).await?);
    }
    drop(turn);
    ctx.commit(NewPassword {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject: request.subject,
        ending,
        is_shown,
        shown,
        is_same,
        hash,
    })
    .await
}

/// Refuses a password that the realm does not take.
pub(super) fn check_new(
    password: &Secret,
    settings: &SessionSettings,
) -> Result<(), ManageRefusal> {
    // As it is hashed.
    let text = composed(password.expose());
    if text.len() > MAX_BYTES {
        return Err(ManageRefusal::PasswordLength(least(settings)));
    }
    check(&text, settings)
}

/// A person sets its own, from a session; an operator anybody's.
fn may_set(manager: &ManagementCaller, subject: SubjectId) -> Result<(), ManageRefusal> {
    manager.demand_session()?;
    match manager.subject() {
        Some(caller) if caller != subject => Err(ManageRefusal::NotFound("subject")),
        Some(_) | None => Ok(()),
    }
}

struct NewPassword {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    subject: SubjectId,
    ending: Ending,
    /// Whether the current password was shown, or why it was not looked at.
    is_shown: bool,
    /// The current password.
    shown: ShownPassword,
    /// Whether the new one is the current one, if that was right.
    is_same: bool,
    /// None for whoever was refused before it was made.
    hash: Option<HashedPassword>,
}

#[async_trait]
impl Work for NewPassword {
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
                .event(self.caller.actor(), AuditAction::PasswordSet)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<(), Stop<ManageRefusal>> {
        let manager = load_standing(tx, &self.realm.settings, &self.caller, self.call.now).await?;
        may_set(&manager, self.subject)?;
        if manager.subject().is_some() {
            may_change(&Renewal {
                rule: self.realm.settings.sessions.password_change,
                shown: self.shown(tx).await?,
                is_same: self.is_same,
                proven_at: self.proven_at(tx).await?,
                now: self.call.now,
            })?;
        }
        match tx.find_subject(self.subject).await? {
            Some(subject) if matches!(subject.identifier, Identifier::User(_)) => {}
            _ => return Err(ManageRefusal::NotFound("subject").into()),
        }
        let hash = self.hash.as_ref().ok_or(ManageRefusal::PasswordWrong)?;
        tx.set_password(self.subject, hash).await?;
        let ended = self.end(tx).await?;
        for session in ended {
            tx.append_change(Change::Session(session)).await?;
        }
        Ok(())
    }
}

impl NewPassword {
    async fn shown(&self, tx: &mut dyn Tx) -> Result<Shown, StoreError> {
        if !self.is_shown {
            return Ok(Shown::Nothing);
        }
        Ok(match self.shown.confirm(tx, self.subject).await? {
            Some(Ok(())) => Shown::Right,
            Some(Err(refusal)) => Shown::Not(refusal),
            None => Shown::Not(ManageRefusal::PasswordWrong),
        })
    }

    /// When the caller last proved who it is, in the session it came by.
    async fn proven_at(&self, tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
        let Caller::Subject {
            credential: CredentialId::Session(own),
            ..
        } = self.caller
        else {
            return Ok(None);
        };
        let session = tx.find_session(own).await?;
        Ok(session.map(|session| session.proven_at()))
    }

    async fn end(&self, tx: &mut dyn Tx) -> Result<Vec<SessionId>, StoreError> {
        match (self.ending, &self.caller) {
            (
                Ending::Others,
                Caller::Subject {
                    credential: CredentialId::Session(own),
                    ..
                },
            ) => {
                tx.end_other_sessions(self.subject, *own, self.call.now)
                    .await
            }
            _ => tx.end_sessions_of(self.subject, None, self.call.now).await,
        }
    }
}
