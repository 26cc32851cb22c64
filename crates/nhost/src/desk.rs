//! What every handler of this surface works with: the request, the realm and the process,
//! and who calls. Not here: what the caller may do; each use-case reads that live.

use axum::extract::{FromRef, FromRequestParts};
use doorward_base::{Effects, ErrorCode, Principal, SubjectId};
use doorward_identity::act::{self, Caller, Identity, Realm};
use doorward_identity::model::UserAgent;
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Ctx, RealmPart};
use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;
use std::sync::Arc;

/// The largest body read, bytes: metadata is at most 16 KiB.
const MAX_BODY: usize = 64 * 1024;

/// A JSON body, whatever its `Content-Type` says. Members that nobody reads are ignored: the
/// product's older clients send some that its newer servers refuse.
pub(crate) type Body<T> = AnyJson<T, MAX_BODY>;

/// A request of whomever.
pub(crate) struct Visit {
    pub(crate) realm: Arc<Realm>,
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

    /// Who calls, if the gate verified somebody.
    pub(crate) const fn principal(&self) -> Option<&Arc<Principal>> {
        self.principal.as_ref()
    }

    /// Who calls, and the subject it is.
    ///
    /// # Errors
    /// `credential_missing` of nobody, `insufficient_permission` of who is no subject here.
    pub(crate) fn caller(&self) -> Result<(Caller, SubjectId), Refusal> {
        let principal = self.principal.as_deref();
        let principal = principal.ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
        let known = Caller::from_principal(principal).zip(principal.subject);
        known.ok_or_else(|| Refusal::new(ErrorCode::InsufficientPermission))
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
        Ok(Self {
            realm,
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

/// What the client says it is.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<UserAgent> {
    let text = headers.get(USER_AGENT)?;
    UserAgent::clean(&String::from_utf8_lossy(text.as_bytes()))
}
