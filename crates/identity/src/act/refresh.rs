//! Refreshes a session: a refresh token for an access token and the next refresh token.

use super::refresh_token::RefreshToken;
use super::sign::{Issued, Unsigned, mint_jti};
use super::work::{Counted, Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::issue::{Ask, Bearer, Term, hold};
use crate::decide::refresh::{RefreshInput, Refreshed as Decision, admit, refresh as decide};
use crate::decide::refusal::RefreshRefusal;
use crate::model::{
    Actor, ApiToken, AuditAction, AuditEvent, Change, Dossier, Rotation, Session, Subject,
};
use crate::port::{Extent, StoreError, Tx};
use crate::settings::DefaultScopes;
use async_trait::async_trait;
use doorward_base::Words as _;
use doorward_base::effect::Effect;
use doorward_base::fault::{self, Fault};
use doorward_base::limit::Quota;
use doorward_base::name::parse_scopes;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, Scope, Secret, SessionId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// A refresh as its wire brought it.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The refresh token.
    pub token: Secret,
    /// The scopes asked for, space-separated; within what the session began with (RFC 6749
    /// §6).
    pub scope: Option<String>,
    /// The client that presents it, once it proved itself.
    pub client: Option<ClientId>,
}

/// A session that goes on.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The access token.
    pub issued: Issued,
    /// The refresh token to use next.
    pub refresh_token: Secret,
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub subject: Subject,
}

/// Refreshes a session. A token that was used up before ends it.
///
/// # Errors
/// [`Failure`] with a [`RefreshRefusal`].
pub async fn refresh(
    ctx: Context<'_>,
    request: Refresh,
) -> Result<Refreshed, Failure<RefreshRefusal>> {
    let mut keyring = ctx.realm.keyring();
    let mut token = RefreshToken::open(&request.token, &keyring);
    if token.is_none()
        && let Some(news) = ctx.realm.news.get()
    {
        // Another process may have put a key to use that this one has not heard of yet.
        news.catch_up().await?;
        keyring = ctx.realm.keyring();
        token = RefreshToken::open(&request.token, &keyring);
    }
    // What was not made here leaves no row, or anybody could fill the log.
    let token = token.ok_or(Failure::Refused(RefreshRefusal::Malformed))?;
    let digests = token.digests(&keyring);
    let taken = Taken::of(ctx, digests.first().map(|(digest, _)| digest));
    let taken = taken.await.map_err(Failure::Refused)?;
    let done = ctx
        .commit(Going {
            realm: ctx.realm(),
            call: *ctx.call,
            digests,
            number: token.number,
            jti: mint_jti(&*ctx.identity.entropy),
            request,
        })
        .await;
    if done
        .as_ref()
        .is_err_and(|failure| !matches!(failure, Failure::Refused(_)))
    {
        // It will be tried again, and nothing was done.
        taken.give_back(ctx);
    }
    let (unsigned, number, session, subject) = done?;
    let typ = ctx.realm.settings.tokens.typ.word();
    Ok(Refreshed {
        issued: unsigned.sign(keyring.access(), typ)?,
        refresh_token: token.numbered(number).seal(&keyring),
        session,
        subject,
    })
}

/// A refresh that was counted against its session, which its family's digest stands for
/// before it is looked up.
struct Taken {
    key: u128,
    quota: Quota,
}

impl Taken {
    async fn of(ctx: Context<'_>, digest: Option<&TokenDigest>) -> Result<Self, RefreshRefusal> {
        let start = digest.and_then(|digest| digest.as_bytes().first_chunk::<16>());
        let taken = Self {
            key: start.map_or(0, |start| u128::from_be_bytes(*start)),
            quota: ctx.realm.settings.sessions.refresh_rate,
        };
        let limiter = &ctx.identity.refreshes;
        let verdict = limiter.take(taken.key, taken.quota, ctx.call.now).await;
        admit(&verdict).map(|()| taken)
    }

    fn give_back(self, ctx: Context<'_>) {
        let limiter = &ctx.identity.refreshes;
        limiter.give_back(self.key, self.quota, ctx.call.now);
    }
}

/// A session about to go on.
struct Going {
    realm: Arc<Realm>,
    call: Call,
    digests: Vec<(TokenDigest, String)>,
    number: u32,
    jti: String,
    request: Refresh,
}

#[async_trait]
impl Work for Going {
    type Done = (Unsigned, u32, SessionId, Subject);
    type Refusal = RefreshRefusal;
    const EXTENT: Extent = Extent::OneLookUp;
    const COUNTED: Counted = Counted::Further;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    /// A replay ends the session.
    fn effect_of_refusal(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        self.call
            .event(Actor::Anonymous, AuditAction::SessionRefresh)
    }

    /// It ends the session, and so comes once.
    fn is_written_down(&self, refusal: &RefreshRefusal) -> bool {
        *refusal == RefreshRefusal::Replayed
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Self::Done, Stop<RefreshRefusal>> {
        let digests: Vec<_> = self.digests.iter().map(|(digest, _)| *digest).collect();
        let found = tx.find_session_dossier(&digests).await?;
        let (session, dossier) = found.ok_or(RefreshRefusal::Unknown)?;
        event.session = Some(session.id);
        event.subject = Some(session.subject);
        event.tenant.clone_from(&session.ceiling.tenant);
        event.actor = Actor::Subject(session.subject);
        event.token = session.made_from;
        let token = match session.made_from {
            Some(id) => tx.find_api_token(id).await?,
            None => None,
        };
        let decision = match self.decide(&session, token.as_ref(), &dossier) {
            Err(RefreshRefusal::Replayed) => {
                if fault::is_planted(Fault::ReplayEndsNothing) {
                    return Err(RefreshRefusal::Replayed.into());
                }
                tx.end_session(session.id, self.call.now).await?;
                tx.append_change(Change::Session(session.id)).await?;
                return Err(RefreshRefusal::Replayed.into());
            }
            decided => decided?,
        };
        let unsigned = self.issue(&session, &dossier, &decision)?;
        let number = match decision {
            Decision::Again { number } => {
                event.detail.insert("again".to_owned(), json!(true));
                number
            }
            Decision::On { number, idle_until } => {
                let rotation = self.rotation(&session, number, idle_until);
                if !tx.rotate_refresh_token(&rotation).await? {
                    return Err(StoreError::Unavailable("the session moved on".to_owned()).into());
                }
                number
            }
        };
        Ok((unsigned, number, session.id, dossier.subject))
    }
}

impl Going {
    fn decide(
        &self,
        session: &Session,
        token: Option<&ApiToken>,
        owner: &Dossier,
    ) -> Result<Decision, RefreshRefusal> {
        let decided = decide(&RefreshInput {
            session,
            subject: &owner.subject,
            member_of: &owner.member_of,
            number: self.number,
            client: self.request.client,
            token,
            settings: &self.realm.settings.sessions,
            now: self.call.now,
        });
        match (decided, &session.refresh) {
            (Err(RefreshRefusal::Replayed), Some(family))
                if fault::is_planted(Fault::AcceptReplayedRefresh) =>
            {
                Ok(Decision::Again {
                    number: family.number,
                })
            }
            (decided, _) => decided,
        }
    }

    /// The access token: what the session carries, as it stands now.
    fn issue(
        &self,
        session: &Session,
        owner: &Dossier,
        decision: &Decision,
    ) -> Result<Unsigned, RefreshRefusal> {
        let settings = &self.realm.settings;
        let mut session = session.clone();
        if let Decision::On { idle_until, .. } = decision {
            session.idle_until = *idle_until;
        }
        let role = match session.ceiling.roles.as_deref() {
            Some([only]) => Some(only),
            _ => None,
        };
        let scopes = self.scopes()?;
        // A session that was narrowed when it began goes on with all that was left.
        let default_scopes = match session.ceiling.permissions {
            Some(_) => DefaultScopes::All,
            None => settings.tokens.default_scopes,
        };
        let ask = Ask {
            role,
            scopes: scopes.as_deref(),
            default_scopes,
            ..Ask::plain(settings, self.call.now)
        };
        let held = hold(owner, Bearer::Session(&session), &ask)?;
        let term = Term::plain(settings, &self.jti);
        Ok(Unsigned::of(held, settings, &term, self.call.now)?)
    }

    fn scopes(&self) -> Result<Option<Vec<Scope>>, RefreshRefusal> {
        let scope = self.request.scope.as_deref();
        scope
            .map(parse_scopes)
            .transpose()
            .map_err(|_| RefreshRefusal::InvalidScope)
    }

    /// Moves the session on, and its digest to the current key.
    fn rotation(&self, session: &Session, number: u32, idle_until: Option<Timestamp>) -> Rotation {
        let current = self.digests.first();
        let made_by = session.refresh.as_ref().map(|family| &family.digest_key);
        Rotation {
            session: session.id,
            from: self.number,
            to: number,
            at: self.call.now,
            idle_until,
            rekey: current.filter(|(_, key)| Some(key) != made_by).cloned(),
        }
    }
}
