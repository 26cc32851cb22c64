//! Signs a person in by password and begins a session.

use super::begin_session::NewSession;
use super::guesses::{Guess, Origin};
use super::password::PasswordCheck;
use super::sign::{Issued, Unsigned, mint_jti};
use super::work::{Counted, Failure, Query, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::authority::{Authority, Unnamed, tenant_of_session};
use crate::decide::issue::{Ask, Bearer, IssueRefusal, Term, hold};
use crate::decide::refusal::SignInRefusal;
use crate::decide::sign_in::{self as rule, PasswordVerdict};
use crate::model::{
    Actor, AuditAction, AuditEvent, Ceiling, Change, Device, Dossier, HashedPassword, Subject,
    UserAgent,
};
use crate::port::{Extent, Read, Tx};
use async_trait::async_trait;
use doorward_base::Words as _;
use doorward_base::authn::AuthMethod;
use doorward_base::name::parse_scopes;
use doorward_base::{Effect, Email, RoleName, Scope, Secret, SessionId, SubjectId, TenantId};
use std::sync::Arc;

/// A sign-in as its wire brought it.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The address, as typed; what is no address is an unknown one.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The tenant asked for. Who stands in for the address in a tenant signs in by naming it.
    pub tenant: Option<TenantId>,
    /// Where the session acts if none is asked for.
    pub unnamed: Unnamed,
    /// The role asked for.
    pub role: Option<RoleName>,
    /// The scopes asked for, space-separated.
    pub scope: Option<String>,
    /// By what program.
    pub user_agent: Option<UserAgent>,
}

/// A sign-in that went through.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The access token.
    pub issued: Issued,
    /// The session.
    pub session: SessionId,
    /// Its first refresh token, where the realm refreshes sessions.
    pub refresh_token: Option<Secret>,
    /// Who signed in.
    pub subject: Subject,
}

/// Signs in by password. An unknown address costs as much as a known one.
///
/// # Errors
/// [`Failure`] with a [`SignInRefusal`].
pub async fn sign_in(
    ctx: Context<'_>,
    request: SignIn,
) -> Result<SignedIn, Failure<SignInRefusal>> {
    let email = Email::new(&request.email).ok();
    // By what is asked, not by whom that finds, which the limit would tell. One who stands in
    // for an address in a tenant is guessed at by naming a tenant, which leaves alone who
    // signs in without.
    let account = format!(
        "{}{}",
        email.as_ref().map_or("", Email::as_str),
        request.tenant.as_ref().map_or("", |_| " in a tenant"),
    );
    let find = FindByEmail(email, request.tenant.clone());
    let (stored, devices) = ctx.query(find).await?;
    let guess = match take_guess(ctx, &account, &request, &devices).await {
        Ok(guess) => guess,
        Err(retry_after) => {
            let call = *ctx.call;
            return ctx.commit(TooMany { call, retry_after }).await;
        }
    };
    let passwords = &ctx.identity.passwords;
    let hash = stored.as_ref().and_then(|(_, hash)| hash.as_ref());
    let check = passwords.check(&request.password, hash).await;
    if !matches!(check, Ok(PasswordCheck::Wrong)) {
        guess.give_back();
    }
    let check = check?;
    let entropy = &*ctx.identity.entropy;
    let better = match check {
        PasswordCheck::Right { weak: true } => {
            Some(passwords.hash(&request.password, entropy).await?)
        }
        PasswordCheck::Right { weak: false } | PasswordCheck::Wrong => None,
    };
    begin(
        ctx,
        request,
        Proof {
            stored,
            check,
            better,
        },
    )
    .await
}

/// What somebody's password was found to be, before the transaction.
pub(super) struct Proof {
    /// Whose it is, with the hash that it was checked against.
    pub(super) stored: Option<(SubjectId, Option<HashedPassword>)>,
    pub(super) check: PasswordCheck,
    /// A stronger hash of it.
    pub(super) better: Option<HashedPassword>,
}

/// Begins a session, if the proof still holds and its subject may act.
pub(super) async fn begin(
    ctx: Context<'_>,
    request: SignIn,
    proof: Proof,
) -> Result<SignedIn, Failure<SignInRefusal>> {
    let user_agent = request.user_agent.clone();
    let (session, refresh_token) = NewSession::draw(ctx, Some(AuthMethod::Password), user_agent)?;
    let id = session.id;
    let (unsigned, subject) = ctx
        .commit(Begin {
            realm: ctx.realm(),
            call: *ctx.call,
            proof,
            session,
            jti: mint_jti(&*ctx.identity.entropy),
            request,
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

/// Takes one guess at the account, if there is one left for where this one comes from; else
/// in how many seconds there is.
async fn take_guess<'c>(
    ctx: Context<'c>,
    account: &str,
    request: &SignIn,
    devices: &[Device],
) -> Result<Guess<'c>, u64> {
    let device = Device {
        address: ctx.call.peer,
        user_agent: request.user_agent.clone(),
    };
    let is_same = |known: &Device| rule::is_same_device(known, &device);
    let from = Origin::Outside {
        is_known: devices.iter().any(is_same),
        device: &device,
    };
    let guesses = &ctx.identity.guesses;
    guesses
        .take(ctx.realm.id, account, from, ctx.call.now)
        .await
}

/// A guess that is not looked at.
struct TooMany {
    call: Call,
    retry_after: u64,
}

#[async_trait]
impl Work for TooMany {
    type Done = SignedIn;
    type Refusal = SignInRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    fn effect(&self) -> Effect {
        Effect::Nothing
    }

    fn event(&self) -> AuditEvent {
        self.call.event(Actor::Anonymous, AuditAction::SignIn)
    }

    async fn run(
        &self,
        _tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<SignedIn, Stop<SignInRefusal>> {
        Err(SignInRefusal::TooManyGuesses(self.retry_after).into())
    }
}

/// The user of an address, in the tenant that is asked for, with its password and where it
/// signed in from.
struct FindByEmail(Option<Email>, Option<TenantId>);

/// Whom an unknown address is looked up as, so that it costs what a known one does.
pub(super) const NOBODY: SubjectId = SubjectId::from_bytes([0; 16]);

#[async_trait]
impl Query for FindByEmail {
    type Done = (Option<(SubjectId, Option<HashedPassword>)>, Vec<Device>);
    type Refusal = SignInRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<SignInRefusal>> {
        let found = match &self.0 {
            Some(email) => tx.find_user_by_email(email, self.1.as_ref()).await?,
            None => None,
        };
        let id = found.map(|user| user.id);
        let password = tx.find_password(id.unwrap_or(NOBODY)).await?;
        let devices = tx.list_devices(id.unwrap_or(NOBODY)).await?;
        Ok((id.map(|id| (id, password)), devices))
    }
}

struct Begin {
    realm: Arc<Realm>,
    call: Call,
    proof: Proof,
    session: NewSession,
    jti: String,
    request: SignIn,
}

#[async_trait]
impl Work for Begin {
    type Done = (Unsigned, Subject);
    type Refusal = SignInRefusal;
    const COUNTED: Counted = Counted::Further;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: self.proof.stored.as_ref().map(|(id, _)| *id),
            ..self.call.event(Actor::Anonymous, AuditAction::SignIn)
        }
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<SignInRefusal>> {
        let dossier = self.load_dossier(tx).await?;
        let known = dossier.as_ref().map(|dossier| &dossier.subject);
        let verdict = self.verdict(tx).await?;
        let subject = rule::sign_in(known, verdict, self.call.now)?.clone();
        let settings = &self.realm.settings;
        let dossier = dossier.ok_or(SignInRefusal::Credentials("unknown address"))?;
        let requested = self.request.tenant.as_ref();
        let tenant = tenant_of_session(requested, self.request.unnamed, &dossier.member_of)
            .map_err(IssueRefusal::from)
            .map_err(SignInRefusal::from)?;
        let mut session = self
            .session
            .begin(subject.id, tenant, &settings.sessions, &self.call);
        let scopes = self.scopes()?;
        let ask = Ask {
            role: self.request.role.as_ref(),
            scopes: scopes.as_deref(),
            ..Ask::plain(settings, self.call.now)
        };
        let held = hold(&dossier, Bearer::Session(&session), &ask).map_err(SignInRefusal::from)?;
        let narrowed = self.narrowed(&held.authority);
        event.tenant.clone_from(&held.tenant);
        let term = Term::plain(settings, &self.jti);
        let unsigned =
            Unsigned::of(held, settings, &term, self.call.now).map_err(SignInRefusal::from)?;
        session.ceiling = Ceiling {
            tenant: session.ceiling.tenant,
            ..narrowed
        };
        event.actor = Actor::Subject(subject.id);
        event.session = Some(session.id);
        tx.insert_session(&session).await?;
        let most = settings.sessions.max_active;
        let now = self.call.now;
        for ended in tx.end_oldest_sessions(&session, most, now).await? {
            tx.append_change(Change::Session(ended)).await?;
        }
        tx.touch_sign_in(subject.id, self.call.now).await?;
        if let Some(better) = &self.proof.better {
            tx.set_password(subject.id, better).await?;
        }
        Ok((unsigned, subject))
    }
}

impl Begin {
    /// What a session that was narrowed when it began carries at most ever after.
    fn narrowed(&self, authority: &Authority) -> Ceiling {
        let narrowed = self.request.role.is_some() || self.request.scope.is_some();
        Ceiling {
            roles: self.request.role.clone().map(|role| vec![role]),
            permissions: narrowed.then(|| authority.permissions().to_vec()),
            ..Ceiling::default()
        }
    }

    async fn load_dossier(&self, tx: &mut dyn Tx) -> Result<Option<Dossier>, Stop<SignInRefusal>> {
        Ok(match &self.proof.stored {
            Some((id, _)) => tx.find_dossier(*id).await?,
            None => None,
        })
    }

    /// The check ran before the transaction: it counts only for the hash it ran on.
    async fn verdict(&self, tx: &mut dyn Tx) -> Result<PasswordVerdict, Stop<SignInRefusal>> {
        let (PasswordCheck::Right { .. }, Some((id, hash))) =
            (self.proof.check, &self.proof.stored)
        else {
            return Ok(PasswordVerdict::Wrong);
        };
        if tx.find_password(*id).await? == *hash {
            Ok(PasswordVerdict::Right)
        } else {
            Ok(PasswordVerdict::Wrong)
        }
    }

    fn scopes(&self) -> Result<Option<Vec<Scope>>, SignInRefusal> {
        let scope = self.request.scope.as_deref();
        scope
            .map(parse_scopes)
            .transpose()
            .map_err(|_| SignInRefusal::InvalidScope)
    }
}
