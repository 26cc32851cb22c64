//! What the gate asks of the rest. The server adapts identity to these ports; the
//! gate knows nothing of stores and use-cases.

use crate::policy::spec::{IntrospectionSpec, RemoteSource};
use async_trait::async_trait;
use doorward_base::limit::{Allowance, Amount, Verdict};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{
    ClassName, CredentialKind, ErrorCode, Principal, RequestId, Scope, Secret, SubjectId, TenantId,
    Timestamp,
};
use doorward_jose::key_set::KeySet;
use doorward_surface::RealmHandle;
use http::{HeaderName, Method};
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Facts of the request that a port may need for its audit row.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The one clock value of the request.
    pub now: Timestamp,
    pub request: RequestId,
    /// The client's address.
    pub peer: IpAddr,
}

/// Why a presented API token does not authenticate: the public code, and the check
/// that failed for the trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// `invalid_token`, or 503 when it cannot be known.
    pub code: ErrorCode,
    /// For example `unknown`, `revoked`, `expired`, `owner_disabled`, `presentation`.
    pub check: &'static str,
}

/// How an API token arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    /// As a bearer token.
    Bearer,
    /// As the password of HTTP Basic.
    Basic,
    /// In this header.
    Header(HeaderName),
    /// In this query parameter.
    Query(String),
}

/// Looks API tokens up.
#[async_trait]
pub trait Introspect: Send + Sync {
    /// The principal of an API token whose shape fits `class`.
    async fn introspect(
        &self,
        realm: &RealmHandle,
        class: &ClassName,
        token: &Secret,
        via: &Via,
        facts: Facts,
    ) -> Result<Arc<Principal>, Rejected>;

    /// Who a subject of a login that is not ours is here, and its epoch in the tenant its
    /// token acts in; `None` if it is nobody here. By default all are nobody.
    async fn recognise(
        &self,
        _realm: &RealmHandle,
        _principal: &Principal,
        _facts: Facts,
    ) -> Result<Option<(SubjectId, Epoch)>, Rejected> {
        Ok(None)
    }

    /// Whether the realm has this tenant: asked where a caller names one that is not its
    /// own. By default it has none.
    async fn has_tenant(
        &self,
        _realm: &RealmHandle,
        _tenant: &TenantId,
        _facts: Facts,
    ) -> Result<bool, Rejected> {
        Ok(false)
    }

    /// The principal of a client that presented this id and secret. By default there
    /// are no clients.
    async fn client(
        &self,
        _realm: &RealmHandle,
        _id: &str,
        _secret: &Secret,
        _facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        Err(NOT_BUILT)
    }

    /// The principal of the sign-in that this cookie names. By default there are none.
    async fn session(
        &self,
        _realm: &RealmHandle,
        _cookie: &Secret,
        _facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        Err(NOT_BUILT)
    }

    /// A credential of this kind came over plain HTTP where TLS is demanded, and verified as
    /// this caller's: whoever was on the way has read it. By default nobody minds.
    async fn exposed(
        &self,
        _realm: &RealmHandle,
        _principal: &Principal,
        _kind: CredentialKind,
        _facts: Facts,
    ) {
    }
}

/// What a port answers that does not know this kind of credential.
const NOT_BUILT: Rejected = Rejected {
    code: ErrorCode::TokenInvalid,
    check: "credential_kind",
};

/// Knows what has been revoked, without awaiting.
pub trait Revocations: Send + Sync {
    /// Whether this node may answer for the realm at all: its feed is not older than
    /// the lease.
    fn is_current(&self, realm: &RealmHandle, now: Timestamp) -> bool;
    /// Whether the credential was revoked or ended, or its grace is over.
    fn is_revoked(&self, realm: &RealmHandle, credential: &CredentialId, now: Timestamp) -> bool;
    /// Whether the tenant was deleted while an access token may live that acts in it. By
    /// default none is.
    fn is_deleted(&self, _realm: &RealmHandle, _tenant: &TenantId) -> bool {
        false
    }
    /// The epoch in force of (subject, tenant).
    fn epoch(&self, realm: &RealmHandle, subject: SubjectId, tenant: Option<&TenantId>) -> Epoch;
}

/// What tenants were given in place of what the configuration says, and how much of the
/// calendar's quotas is used. By default nobody was given anything, and quotas of the
/// calendar count nothing.
#[async_trait]
pub trait Plans: Send + Sync {
    /// What the tenant was given of this limit.
    fn given(&self, _realm: &RealmHandle, _tenant: &TenantId, _limit: &str) -> Option<Amount> {
        None
    }

    /// Counts one request of the holder, without awaiting; `None` where its use is not
    /// known yet, and is to be learned.
    fn take(
        &self,
        _realm: &RealmHandle,
        _holder: u128,
        _allowance: &Allowance,
        _now: Timestamp,
    ) -> Option<Verdict> {
        None
    }

    /// Learns the holder's use; returns when [`Plans::take`] knows it, or when it cannot be
    /// known now.
    async fn learn(
        &self,
        _realm: &RealmHandle,
        _holder: u128,
        _allowance: &Allowance,
        _now: Timestamp,
    ) {
    }

    /// Uncounts one request: another limit refused it.
    fn give_back(
        &self,
        _realm: &RealmHandle,
        _holder: u128,
        _allowance: &Allowance,
        _now: Timestamp,
    ) {
    }
}

/// Mints the JWT that an upstream sees instead of a Basic credential.
#[async_trait]
pub trait Minter: Send + Sync {
    /// A JWT for `principal` with those of `scopes` that its owner has, living `ttl`.
    async fn mint(
        &self,
        realm: &RealmHandle,
        principal: &Principal,
        scopes: &[Scope],
        ttl: Duration,
        facts: Facts,
    ) -> Result<Minted, Rejected>;
}

/// A minted JWT and the caller it speaks of.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The compact JWS.
    pub jwt: Secret,
    /// The caller with what the JWT says and no more.
    pub principal: Arc<Principal>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The verification keys of an issuer, as last known.
#[async_trait]
pub trait IssuerKeys: Send + Sync {
    /// The realm's own keys for inbound access tokens, with a generation that grows
    /// when they change.
    fn own(&self, realm: &RealmHandle) -> Option<(Arc<KeySet>, u64)>;

    /// The generation alone; asked at each cached token, so it should be cheap.
    fn own_generation(&self, realm: &RealmHandle) -> u64 {
        self.own(realm).map_or(0, |(_, generation)| generation)
    }

    /// Looks for keys that were made since; returns when [`IssuerKeys::own`] knows every
    /// one that existed at the call, if that can be known. Asked when a token of our own
    /// issuer names a key that is not among them, which anybody can make up. By default
    /// there is nowhere to look.
    async fn look_again(&self, _realm: &RealmHandle) {}

    /// Where an issuer that is not ours publishes its keys. Asked once for each issuer, when
    /// policies come into force. By default nothing is fetched.
    fn remote(&self, _source: &RemoteSource) -> Option<Arc<dyn RemoteKeys>> {
        None
    }

    /// Whom an issuer's opaque tokens are asked of. Asked once for each issuer that has one,
    /// when policies come into force. By default nobody is.
    fn tokens(&self, _spec: &IntrospectionSpec) -> Option<Arc<dyn RemoteTokens>> {
        None
    }
}

/// What an issuer says of an opaque token of its own (RFC 7662).
#[async_trait]
pub trait RemoteTokens: Send + Sync {
    /// Asks; `None` where the token is not active, whatever the reason.
    async fn ask(&self, token: &Secret) -> Result<Option<Map<String, Value>>, Unanswered>;
}

/// The issuer could not be asked, or answered nonsense.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the issuer could not be asked about a token")]
pub struct Unanswered;

/// Writes down who was let through, where, and who was not. It must not wait.
pub trait AccessLog: Send + Sync {
    /// Notes one request.
    fn note(&self, realm: &RealmHandle, access: &Access<'_>);
}

/// One request that was decided.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    pub request: RequestId,
    pub now: Timestamp,
    pub peer: Option<IpAddr>,
    /// The caller, as far as it is known.
    pub principal: Option<&'a Principal>,
    /// The pattern of the route; `None` where none matched.
    pub route: Option<&'a str>,
    pub method: &'a Method,
    /// The refusal; `None` is a permit.
    pub code: Option<ErrorCode>,
}

/// The keys that an external issuer publishes, as last fetched.
#[async_trait]
pub trait RemoteKeys: Send + Sync {
    /// The keys with their generation; `None` when none were ever fetched, or none for so
    /// long that those of then can no longer be believed.
    fn known(&self) -> Option<(Arc<KeySet>, u64)>;

    /// The generation alone, which grows when the keys change; asked at each cached
    /// token, so it should be cheap.
    fn generation(&self) -> Option<u64>;

    /// Fetches them, unless somebody did a moment ago; returns when [`RemoteKeys::known`]
    /// is as good as it gets. Asked when a token names a key that is not among them,
    /// which anybody can make up, and when there are none.
    async fn look_again(&self);
}
