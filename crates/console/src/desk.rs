//! What every handler of these surfaces works with: the caller, the request, the realm
//! and the process. Not here: what the caller may do; each use-case reads that live.

use axum::extract::{FromRef, FromRequestParts};
use doorward_base::{Effects, ErrorCode, Principal, SubjectId};
use doorward_identity::act::{self, Caller, Identity, Realm};
use doorward_surface::extract::{Ctx, RealmPart};
use doorward_surface::{Context, Refusal};
use http::request::Parts;
use std::sync::Arc;

/// The process, as the handlers of all realms share it.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) identity: Arc<Identity>,
}

/// A request of whomever, with its realm and the process.
pub(crate) struct Counter {
    pub(crate) call: act::Call,
    realm: Arc<Realm>,
    effects: Effects,
    identity: Arc<Identity>,
    principal: Option<Arc<Principal>>,
}

/// A caller with its request.
pub(crate) struct Desk {
    /// Who calls. It asserts nothing; use-cases check it live.
    pub(crate) caller: Caller,
    pub(crate) subject: SubjectId,
    /// The principal that the gate verified.
    pub(crate) principal: Arc<Principal>,
    pub(crate) call: act::Call,
    counter: Counter,
}

impl Counter {
    /// Who is signed in, where the mount asks and somebody is.
    pub(crate) fn caller(&self) -> Option<Caller> {
        Caller::from_principal(self.principal.as_deref()?)
    }

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

impl Desk {
    /// Where a use-case runs.
    pub(crate) fn context(&self) -> act::Context<'_> {
        self.counter.context()
    }
}

/// The request as use-cases know it.
fn call_of(context: &Context) -> act::Call {
    act::Call {
        now: context.now,
        request: context.request,
        peer: Some(context.peer),
    }
}

impl<S: Sync> FromRequestParts<S> for Counter
where
    Shared: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Ctx(context) = Ctx::from_request_parts(parts, state).await?;
        let RealmPart(realm) = RealmPart::<Arc<Realm>>::from_request_parts(parts, state).await?;
        Ok(Self {
            call: call_of(&context),
            realm,
            effects: context.effects,
            principal: context.principal,
            identity: Shared::from_ref(state).identity,
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Desk
where
    Shared: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Ctx(context) = Ctx::from_request_parts(parts, state).await?;
        let counter = Counter::from_request_parts(parts, state).await?;
        let principal = context
            .principal
            .ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
        let (caller, subject) = known(&principal)?;
        Ok(Self {
            caller,
            subject,
            principal,
            call: counter.call,
            counter,
        })
    }
}

/// The caller behind a principal, if it is a subject of ours.
fn known(principal: &Principal) -> Result<(Caller, SubjectId), Refusal> {
    Caller::from_principal(principal)
        .zip(principal.subject)
        .ok_or_else(|| {
            Refusal::new(ErrorCode::InsufficientPermission)
                .with_message("This is for subjects of the realm itself")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
    use doorward_base::{ApiTokenId, Scope, SessionId, SubjectKind, Timestamp};
    use serde_json::Map;

    fn principal(subject: Option<SubjectId>, credential: CredentialId) -> Principal {
        Principal::new(PrincipalParts {
            sub: "auth0|507f".into(),
            subject,
            kind: SubjectKind::User,
            tenant: None,
            permissions: Vec::new(),
            roles: Vec::new(),
            role: None,
            scopes: vec![Scope::new("platform.users.read").unwrap()],
            lost_role: None,
            crosses: false,
            credential,
            client: None,
            actors: Vec::new(),
            environment: None,
            issuer: "https://issuer.example".into(),
            audience: Vec::new(),
            expires_at: Timestamp::MAX,
            epoch: Epoch(0),
            claims: Arc::new(Map::new()),
        })
    }

    const SUBJECT: SubjectId = SubjectId::from_bytes([1; 16]);
    const SESSION: CredentialId = CredentialId::Session(SessionId::from_bytes([2; 16]));
    const TOKEN: CredentialId = CredentialId::ApiToken(ApiTokenId::from_bytes([3; 16]));

    #[test]
    fn a_subject_of_a_foreign_issuer_is_nobody_here() {
        for credential in [SESSION, TOKEN, CredentialId::Foreign] {
            let refusal = known(&principal(None, credential)).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InsufficientPermission);
        }
        let (caller, subject) = known(&principal(Some(SUBJECT), SESSION)).unwrap();
        assert_eq!(caller.subject(), Some(subject));
    }
}
