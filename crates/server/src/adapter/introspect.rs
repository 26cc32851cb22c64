//! API tokens for the gate, cached, and which tenants there are. A cached principal is used while the feed has
//! nothing newer about its token or owner; refusals are never cached.

use super::exposed::Exposed;
use super::tenants::KnownTenants;
use super::{LEASE, call, rejected, served};
use crate::feed::Feed;
use crate::live::Position;
use crate::realms::Realms;
use async_trait::async_trait;
use doorward_base::fault::{self, Fault};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{
    ClassName, Effects, ErrorCode, Principal, RealmId, Secret, SubjectId, TenantId, Timestamp,
};
use doorward_gate::port::{Facts, Introspect, Rejected};
use doorward_identity::act::{self, Context, ExternalName, Identity, Realm};
use doorward_identity::model::TokenUse;
use doorward_identity::settings::Presentation;
use doorward_jose::digest::sha256;
use doorward_surface::RealmHandle;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;

/// What a usual API token takes, bytes.
const USUAL: u64 = 1024;

/// API tokens for the gate.
pub(crate) struct TokenIntrospect {
    identity: Arc<Identity>,
    feed: Arc<Feed>,
    cache: Cache<(RealmId, [u8; 32]), Cached, Weigh>,
    tenants: KnownTenants,
    exposed: Exposed,
}

#[derive(Clone)]
struct Cached {
    principal: Arc<Principal>,
    via: Presentation,
    /// Bytes, about.
    weight: u64,
    as_of: Position,
    /// The realm as it was configured then: a reload may change what roles mean.
    realm: Arc<Realm>,
}

/// By how many bytes they take.
#[derive(Clone)]
struct Weigh;

impl Weighter<(RealmId, [u8; 32]), Cached> for Weigh {
    fn weight(&self, _: &(RealmId, [u8; 32]), cached: &Cached) -> u64 {
        cached.weight
    }
}

impl TokenIntrospect {
    /// Nothing is cached yet; `room` bytes may be.
    pub(crate) fn new(identity: Arc<Identity>, feed: Arc<Feed>, room: u64) -> Self {
        let entries = usize::try_from(room / USUAL).unwrap_or(usize::MAX).max(16);
        Self {
            identity,
            feed,
            cache: Cache::with_weighter(entries, room, Weigh),
            tenants: KnownTenants::new(),
            exposed: Exposed::default(),
        }
    }

    /// Drops what is over, and what was cached of a realm as it is configured no more.
    pub(crate) fn forget(&self, realms: &Realms, now: Timestamp) {
        let all = realms.all();
        let served = all.iter().map(|served| (served.realm.id, &served.realm));
        let served: HashMap<RealmId, &Arc<Realm>> = served.collect();
        self.cache.retain(|(id, _), cached| {
            now < cached.principal.expires_at
                && served
                    .get(id)
                    .is_some_and(|realm| Arc::ptr_eq(realm, &cached.realm))
        });
    }
}

#[async_trait]
impl Introspect for TokenIntrospect {
    async fn introspect(
        &self,
        realm: &RealmHandle,
        _class: &ClassName,
        token: &Secret,
        via: &doorward_gate::port::Via,
        facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        let served = served(realm)?;
        let via = presentation(via);
        let any_realm = fault::is_planted(Fault::IgnoreRealm);
        let of_realm = if any_realm {
            RealmId(0)
        } else {
            served.realm.id
        };
        let key = (of_realm, sha256(token.expose().as_bytes()));
        if let Some(cached) = self.cache.get(&key)
            && cached.via == via
            && (any_realm || Arc::ptr_eq(&cached.realm, &served.realm))
            // Without the feed nobody knows what was revoked: the store is asked.
            && self.feed.silence() <= LEASE
            && facts.now < cached.principal.expires_at
            && let CredentialId::ApiToken(id) = cached.principal.credential
            && let Some(owner) = cached.principal.subject
            && (fault::is_planted(Fault::SkipRevocation)
                || !served.live.is_stale(id, owner, cached.as_of))
            && !served.live.is_deleted(cached.principal.tenant.as_ref())
        {
            let used = TokenUse {
                token: id,
                at: facts.now,
                from: Some(facts.peer),
            };
            self.identity.last_used.record(served.realm.id, used);
            return Ok(cached.principal);
        }
        let as_of = self.feed.position();
        let ctx = Context {
            identity: &self.identity,
            realm: &served.realm,
            call: &call(facts),
            effects: &Effects::undeclared(),
        };
        let found = act::introspect(ctx, token, &via)
            .await
            .map_err(|failure| rejected(&failure))?;
        let principal = Arc::new(found.principal);
        self.cache.insert(
            key,
            Cached {
                weight: u64::try_from(256 + principal.weight()).unwrap_or(u64::MAX),
                principal: Arc::clone(&principal),
                via,
                as_of,
                realm: Arc::clone(&served.realm),
            },
        );
        Ok(principal)
    }

    async fn has_tenant(
        &self,
        realm: &RealmHandle,
        tenant: &TenantId,
        facts: Facts,
    ) -> Result<bool, Rejected> {
        let served = served(realm)?;
        // Without the feed nobody knows what was deleted: the store is asked.
        if self.feed.silence() <= LEASE && self.tenants.knows(&served.live, tenant) {
            return Ok(true);
        }
        let as_of = self.feed.position();
        let ctx = Context {
            identity: &self.identity,
            realm: &served.realm,
            call: &call(facts),
            effects: &Effects::undeclared(),
        };
        let found = act::has_tenant(ctx, tenant).await;
        let is_there = found.map_err(|failure| rejected(&failure))?;
        if is_there {
            self.tenants.learn(&served.live, tenant, as_of);
        }
        Ok(is_there)
    }

    async fn exposed(&self, realm: &RealmHandle, principal: &Principal, facts: Facts) {
        let Ok(served) = served(realm) else { return };
        let credential = principal.credential;
        if credential == CredentialId::Foreign
            || !self.exposed.is_due(served.realm.id, credential, facts.now)
        {
            return;
        }
        let ctx = Context {
            identity: &self.identity,
            realm: &served.realm,
            call: &call(facts),
            effects: &Effects::undeclared(),
        };
        match act::expose_credential(ctx, principal).await {
            Ok(()) => {
                tracing::warn!(
                    realm = %served.realm.settings.name, request = %facts.request,
                    "a credential came over plain HTTP"
                );
                // What was revoked is refused from the answer on.
                if let Err(error) = self.feed.catch_up().await {
                    tracing::error!(%error, "a revocation is not known here yet");
                }
            }
            Err(error) => {
                tracing::error!(%error, "an exposed credential could not be written down");
                self.exposed.forget(served.realm.id, credential);
            }
        }
    }

    async fn client(
        &self,
        realm: &RealmHandle,
        id: &str,
        secret: &Secret,
        facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        let served = served(realm)?;
        let ctx = Context {
            identity: &self.identity,
            realm: &served.realm,
            call: &call(facts),
            effects: &Effects::undeclared(),
        };
        let found = act::present_client(ctx, id, secret).await;
        found.map(Arc::new).map_err(|failure| rejected(&failure))
    }

    async fn recognise(
        &self,
        realm: &RealmHandle,
        principal: &Principal,
        facts: Facts,
    ) -> Result<Option<(SubjectId, Epoch)>, Rejected> {
        let served = served(realm)?;
        let tenant = principal.tenant.as_ref();
        if served.live.is_deleted(tenant) {
            return Err(invalid("tenant"));
        }
        let ctx = Context {
            identity: &self.identity,
            realm: &served.realm,
            call: &call(facts),
            effects: &Effects::undeclared(),
        };
        let name = ExternalName {
            issuer: Arc::clone(&principal.issuer),
            sub: Arc::clone(&principal.sub),
        };
        match act::find_external(ctx, name, tenant).await {
            Ok(known) => Ok(known.map(|known| (known.subject.id, known.epoch))),
            Err(act::Failure::Refused(_)) => Err(invalid("subject_disabled")),
            Err(failure) => {
                tracing::error!(error = %failure, "an external subject could not be looked up");
                Err(Rejected {
                    code: failure.code(),
                    check: "store",
                })
            }
        }
    }
}

const fn invalid(check: &'static str) -> Rejected {
    Rejected {
        code: ErrorCode::TokenInvalid,
        check,
    }
}

fn presentation(via: &doorward_gate::port::Via) -> Presentation {
    match via {
        doorward_gate::port::Via::Bearer => Presentation::Bearer,
        doorward_gate::port::Via::Basic => Presentation::Basic,
        doorward_gate::port::Via::Header(name) => Presentation::Header(name.as_str().to_owned()),
        doorward_gate::port::Via::Query(name) => Presentation::Query(name.clone()),
    }
}
