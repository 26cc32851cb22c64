//! What every handler of this surface works with: the request, the realm and the process,
//! and who calls. Not here: what the caller may do; each use-case reads that live.

use crate::parts::SupabaseRealm;
use crate::wire::UserView;
use axum::extract::{FromRef, FromRequestParts};
use doorward_base::{Effects, ErrorCode, Principal, SubjectId};
use doorward_identity::act::{self, Caller, Identity, Profile, Realm};
use doorward_identity::decide::metadata::shown;
use doorward_identity::model::{Metadata, UserAgent};
use doorward_surface::Refusal;
use doorward_surface::extract::{Ctx, RealmPart};
use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;
use std::sync::Arc;

/// A request of whomever.
pub(crate) struct Visit {
    pub(crate) realm: Arc<Realm>,
    pub(crate) own: Arc<SupabaseRealm>,
    call: act::Call,
    effects: Effects,
    identity: Arc<Identity>,
    principal: Option<Arc<Principal>>,
}

impl Visit {
    /// Where a use-case runs.
    pub(crate) fn context(&self) -> act::Context<'_> {
        act::Context {
            identity: &self.identity,
            realm: &self.realm,
            call: &self.call,
            effects: &self.effects,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visit
where
    Arc<Identity>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Ctx(context) = Ctx::from_request_parts(parts, state).await?;
        let RealmPart(realm) = RealmPart::from_request_parts(parts, state).await?;
        let RealmPart(own) = RealmPart::from_request_parts(parts, state).await?;
        Ok(Self {
            realm,
            own,
            call: act::Call {
                now: context.now,
                request: context.request,
                peer: Some(context.peer),
            },
            effects: context.effects,
            identity: Arc::from_ref(state),
            principal: context.principal,
        })
    }
}

/// A caller with its request.
pub(crate) struct Desk {
    /// Who calls. It asserts nothing; use-cases check it live.
    pub(crate) caller: Caller,
    pub(crate) subject: SubjectId,
    claims: Arc<Metadata>,
    visit: Visit,
}

impl Desk {
    /// Where a use-case runs.
    pub(crate) fn context(&self) -> act::Context<'_> {
        self.visit.context()
    }

    /// The caller, as it is shown beside the access token it came by.
    pub(crate) fn view(&self, profile: &Profile) -> UserView {
        let template = &self.visit.realm.settings.tokens.claims;
        UserView::of(&profile.subject, &profile.identities, |written| {
            shown(template, written, &self.claims)
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Desk
where
    Arc<Identity>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let principal = visit.principal.as_deref();
        let principal = principal.ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
        let known = Caller::from_principal(principal).zip(principal.subject);
        let (caller, subject) =
            known.ok_or_else(|| Refusal::new(ErrorCode::InsufficientPermission))?;
        let claims = Arc::clone(&principal.claims);
        Ok(Self {
            caller,
            subject,
            claims,
            visit,
        })
    }
}

/// What the client says it is.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<UserAgent> {
    let text = headers.get(USER_AGENT)?;
    UserAgent::clean(&String::from_utf8_lossy(text.as_bytes()))
}
