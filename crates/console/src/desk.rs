//! What every handler of these surfaces works with: the caller, the request, the realm
//! and the process. Not here: what the caller may do; each use-case reads that live.

use axum::extract::{FromRef, FromRequestParts};
use doorward_base::principal::CredentialId;
use doorward_base::{ErrorCode, Principal, SubjectId};
use doorward_identity::act::{self, Caller, Identity, Realm};
use doorward_surface::extract::Call;
use doorward_surface::{Context, Refusal};
use http::request::Parts;
use std::sync::Arc;

/// The realm and the process, as handlers share them.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) identity: Arc<Identity>,
    pub(crate) realm: Arc<Realm>,
}

/// A caller with its request.
pub(crate) struct Desk {
    /// Who calls. It asserts nothing; use-cases check it live.
    pub(crate) caller: Caller,
    /// Its subject.
    pub(crate) subject: SubjectId,
    /// The principal that the gate verified.
    pub(crate) principal: Arc<Principal>,
    pub(crate) call: act::Call,
    shared: Shared,
}

impl Shared {
    /// Where a use-case runs.
    pub(crate) fn context<'a>(&'a self, call: &'a act::Call) -> act::Context<'a> {
        act::Context {
            identity: &self.identity,
            realm: &self.realm,
            call,
        }
    }
}

impl Desk {
    /// Where a use-case runs.
    pub(crate) fn context(&self) -> act::Context<'_> {
        self.shared.context(&self.call)
    }
}

/// A caller that came by a sign-in of its own. An access token that was exchanged is
/// refused: it must neither make itself a successor nor learn one.
pub(crate) struct SessionDesk(pub(crate) Desk);

impl<S: Sync> FromRequestParts<S> for SessionDesk
where
    Shared: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let desk = Desk::from_request_parts(parts, state).await?;
        match desk.principal.credential {
            CredentialId::Session(_) => Ok(Self(desk)),
            CredentialId::ApiToken(_) | CredentialId::Foreign => {
                Err(Refusal::new(ErrorCode::InsufficientPermission)
                    .with_message("This needs a session: sign in"))
            }
        }
    }
}

/// The request as use-cases know it.
pub(crate) fn call_of(context: &Context) -> act::Call {
    act::Call {
        now: context.now,
        request: context.request,
        peer: Some(context.peer),
    }
}

impl<S: Sync> FromRequestParts<S> for Desk
where
    Shared: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Call(context) = Call::from_request_parts(parts, state).await?;
        let call = call_of(&context);
        let principal = context
            .principal
            .ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
        let known = Caller::from_principal(&principal).zip(principal.subject);
        let (caller, subject) = known.ok_or_else(|| {
            Refusal::new(ErrorCode::InsufficientPermission)
                .with_message("This is for subjects of the realm itself")
        })?;
        Ok(Self {
            caller,
            subject,
            principal,
            call,
            shared: Shared::from_ref(state),
        })
    }
}
