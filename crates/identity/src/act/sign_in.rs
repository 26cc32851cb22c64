//! Signs a person in by password and begins a session.

use super::facts::{Owned, epoch_in};
use super::password::PasswordCheck;
use super::sign::{Issued, Unsigned, mint_jti};
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::authority::{
    Authority, AuthorityInput, AuthorityRefusal, active_tenant, effective, narrow,
};
use crate::decide::claims::{Bearer, ClaimsInput, build};
use crate::decide::exchange::{Bounds, life};
use crate::decide::refusal::SignInRefusal;
use crate::decide::sign_in::{self as rule, PasswordVerdict};
use crate::model::{
    Actor, AuditAction, AuditEvent, Ceiling, Dossier, HashedPassword, Identifier, Session,
    SessionState, Subject,
};
use crate::port::{Extent, Read, Tx};
use async_trait::async_trait;
use doorward_base::name::parse_scopes;
use doorward_base::principal::Epoch;
use doorward_base::{Email, RoleName, Scope, Secret, SessionId, SubjectId, TenantId};
use std::sync::Arc;

/// A sign-in as its wire brought it.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The address, as typed; what is no address is an unknown one.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The tenant asked for; without one, the only one there is.
    pub tenant: Option<TenantId>,
    /// The role asked for.
    pub role: Option<RoleName>,
    /// The scopes asked for, space-separated.
    pub scope: Option<String>,
}

/// A sign-in that went through.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The access token.
    pub issued: Issued,
    /// The session.
    pub session: SessionId,
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
    let account = email.as_ref().map_or("", Email::as_str).to_owned();
    let guesses = &ctx.identity.guesses;
    let Some(guess) = guesses.take(ctx.realm.id, &account, ctx.call.now).await else {
        return ctx.commit(TooMany(*ctx.call)).await;
    };
    let stored = match ctx.query(FindByEmail(email)).await {
        Ok(stored) => stored,
        Err(failure) => {
            guess.give_back();
            return Err(failure);
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
    let session = SessionId::mint(entropy, ctx.call.now);
    let (unsigned, subject) = ctx
        .commit(Begin {
            realm: ctx.realm(),
            call: *ctx.call,
            stored,
            check,
            better,
            session,
            jti: mint_jti(entropy),
            request,
        })
        .await?;
    let typ = ctx.realm.settings.tokens.typ.as_str();
    let issued = unsigned.sign(ctx.realm.keyring().access(), typ)?;
    Ok(SignedIn {
        issued,
        session,
        subject,
    })
}

/// A guess that is not looked at.
struct TooMany(Call);

#[async_trait]
impl Work for TooMany {
    type Done = SignedIn;
    type Refusal = SignInRefusal;
    const EXTENT: Extent = Extent::OneLookUp;

    fn event(&self) -> AuditEvent {
        self.0.event(Actor::Anonymous, AuditAction::SignIn)
    }

    async fn run(
        &self,
        _tx: &mut dyn Tx,
        _event: &mut AuditEvent,
    ) -> Result<SignedIn, Stop<SignInRefusal>> {
        Err(SignInRefusal::TooManyGuesses.into())
    }
}

struct FindByEmail(Option<Email>);

#[async_trait]
impl Query for FindByEmail {
    type Done = Option<(SubjectId, Option<HashedPassword>)>;
    type Refusal = SignInRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<SignInRefusal>> {
        let Some(email) = &self.0 else {
            return Ok(None);
        };
        let Some(subject) = tx.find_subject_by_email(email).await? else {
            return Ok(None);
        };
        if !matches!(subject.identifier, Identifier::User { .. }) {
            return Ok(None);
        }
        Ok(Some((subject.id, tx.find_password(subject.id).await?)))
    }
}

struct Begin {
    realm: Arc<Realm>,
    call: Call,
    stored: Option<(SubjectId, Option<HashedPassword>)>,
    check: PasswordCheck,
    better: Option<HashedPassword>,
    session: SessionId,
    jti: String,
    request: SignIn,
}

#[async_trait]
impl Work for Begin {
    type Done = (Unsigned, Subject);
    type Refusal = SignInRefusal;

    fn event(&self) -> AuditEvent {
        AuditEvent {
            subject: self.stored.as_ref().map(|(id, _)| *id),
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
        let subject = rule::sign_in(known, self.verdict(tx).await?)?.clone();
        let settings = &self.realm.settings;
        let held = self.authority(dossier.as_ref())?;
        let session = self.session(&subject, held.tenant.clone());
        let bounds = Bounds {
            access_ttl: settings.tokens.access_ttl,
            max_ttl: settings.tokens.max_ttl,
            ends_at: Some(session.expires_at),
        };
        let life = life(None, &bounds, self.call.now).map_err(|_| SignInRefusal::SessionOver)?;
        event.actor = Actor::Subject(subject.id);
        event.session = Some(session.id);
        event.tenant.clone_from(&held.tenant);
        tx.insert_session(&session).await?;
        if let Some(better) = &self.better {
            tx.set_password(subject.id, better).await?;
        }
        let claims = build(
            &settings.tokens.claims,
            &ClaimsInput {
                bearer: Bearer {
                    subject: &subject,
                    authority: &held.authority,
                    tenant: held.tenant.as_ref(),
                    scopes: &held.scopes,
                },
                issuer: &settings.issuer,
                audience: settings.tokens.audiences.get(..1).unwrap_or_default(),
                issued_at: life.issued_at,
                expires_at: life.expires_at,
                jti: &self.jti,
                session: Some(session.id),
                token: None,
                epoch: held.epoch,
                environment: None,
            },
        );
        let unsigned = Unsigned {
            claims,
            life,
            scopes: held.scopes,
            subject: subject.id,
            tenant: held.tenant,
        };
        Ok((unsigned, subject))
    }
}

/// What the person may do in the session's tenant.
struct HeldThere {
    tenant: Option<TenantId>,
    authority: Authority,
    scopes: Vec<Scope>,
    epoch: Epoch,
}

impl Begin {
    fn authority(&self, dossier: Option<&Dossier>) -> Result<HeldThere, SignInRefusal> {
        let dossier = dossier.ok_or(SignInRefusal::Credentials("unknown address"))?;
        let settings = &self.realm.settings;
        let requested = self.request.tenant.as_ref();
        let tenant = active_tenant(requested, None, &dossier.member_of).map_err(refusal)?;
        let owned = Owned::of(dossier, tenant.as_ref());
        let mut authority = effective(&AuthorityInput {
            holdings: owned.holdings(settings),
            ceilings: &[],
            tenant: tenant.as_ref(),
            audience: settings.tokens.audiences.first(),
            selected_role: self.request.role.as_ref(),
            default_role: settings.default_role.as_ref(),
        })
        .map_err(refusal)?;
        let requested = self.scopes()?;
        let scopes = narrow(
            &mut authority,
            requested.as_deref(),
            settings.exchange.unknown_scope,
            settings.tokens.default_scopes,
        )
        .map_err(|_| SignInRefusal::InvalidScope)?;
        let epoch = epoch_in(dossier, tenant.as_ref());
        Ok(HeldThere {
            tenant,
            authority,
            scopes,
            epoch,
        })
    }

    async fn load_dossier(&self, tx: &mut dyn Tx) -> Result<Option<Dossier>, Stop<SignInRefusal>> {
        Ok(match &self.stored {
            Some((id, _)) => tx.find_dossier(*id).await?,
            None => None,
        })
    }

    /// The check ran before the transaction: it counts only for the hash it ran on.
    async fn verdict(&self, tx: &mut dyn Tx) -> Result<PasswordVerdict, Stop<SignInRefusal>> {
        let (PasswordCheck::Right { .. }, Some((id, hash))) = (self.check, &self.stored) else {
            return Ok(PasswordVerdict::Wrong);
        };
        if tx.find_password(*id).await? == *hash {
            Ok(PasswordVerdict::Right)
        } else {
            Ok(PasswordVerdict::Wrong)
        }
    }

    fn session(&self, subject: &Subject, tenant: Option<TenantId>) -> Session {
        Session {
            id: self.session,
            subject: subject.id,
            ceiling: Ceiling {
                tenant,
                ..Ceiling::default()
            },
            state: SessionState::Active,
            created_at: self.call.now,
            expires_at: self.call.now.plus(self.realm.settings.sessions.ttl),
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

const fn refusal(refusal: AuthorityRefusal) -> SignInRefusal {
    match refusal {
        AuthorityRefusal::Tenant => SignInRefusal::TenantForbidden,
        AuthorityRefusal::Role => SignInRefusal::RoleNotAllowed,
        AuthorityRefusal::Audience => SignInRefusal::InvalidScope,
    }
}
