//! The stand-in ports: what they know, and the credentials that they accept.

use async_trait::async_trait;
use doorward_base::limit::{Amount, Tally};
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::testing::{FixedClock, SeededEntropy};
use doorward_base::{
    ApiTokenId, ClassName, CredentialKind, ErrorCode, Principal, Scope, Secret, SubjectId,
    SubjectKind, TenantId, Timestamp,
};
use doorward_gate::policy::spec::{IntrospectionSpec, RemoteSource};
use doorward_gate::port::{
    Access, AccessLog, Facts, Introspect, IssuerKeys, Minted, Minter, Rejected, RemoteKeys,
    RemoteTokens, Revocations, Unanswered, Via,
};
use doorward_jose::{Algorithm, KeySet, SigningKey};
use doorward_surface::RealmHandle;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const ISSUER: &str = "https://gate.test";
pub(crate) const SUBJECT: [u8; 16] = [0x11; 16];
pub(crate) const TOKEN: [u8; 16] = [0x22; 16];

/// Everything the stand-in ports know.
pub(crate) struct World {
    pub(crate) clock: FixedClock,
    pub(crate) key: SigningKey,
    /// Put to use elsewhere; known here after the first look for keys.
    pub(crate) next_key: SigningKey,
    pub(crate) looks: AtomicU64,
    pub(crate) generation: AtomicU64,
    /// What every JWKS URL leads to.
    pub(crate) remote: Arc<Remote>,
    pub(crate) current: AtomicBool,
    pub(crate) revoked: AtomicBool,
    pub(crate) epoch: AtomicI64,
    /// One credential that is revoked, and one subject whose epoch is higher.
    pub(crate) revoked_one: Mutex<Option<CredentialId>>,
    pub(crate) grown: Mutex<Option<SubjectId>>,
    /// The tenants that there are, and those that were deleted of late.
    pub(crate) tenants: Mutex<Vec<&'static str>>,
    pub(crate) deleted: Mutex<Vec<&'static str>>,
    pub(crate) tokens: Mutex<HashMap<String, Arc<Principal>>>,
    pub(crate) introspected: AtomicU64,
    pub(crate) minted: AtomicU64,
    /// What tenants were given, by tenant and limit.
    pub(crate) given: Mutex<HashMap<(String, String), Amount>>,
    pub(crate) tally: Tally,
    /// Whether what tenants used is looked up without end, and how often it was begun.
    pub(crate) learns_for_ever: AtomicBool,
    pub(crate) learning: AtomicU64,
    /// What was told to the audit log.
    pub(crate) noted: Mutex<Vec<String>>,
    /// Credentials that came by plain HTTP.
    pub(crate) exposed: Mutex<Vec<CredentialKind>>,
}

#[async_trait]
impl Introspect for World {
    async fn introspect(
        &self,
        _realm: &RealmHandle,
        _class: &ClassName,
        token: &Secret,
        _via: &Via,
        _facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        self.introspected.fetch_add(1, Ordering::SeqCst);
        let found = self.tokens.lock().unwrap().get(token.expose()).cloned();
        found
            .filter(|_| !self.revoked.load(Ordering::SeqCst))
            .ok_or(UNKNOWN)
    }

    async fn has_tenant(
        &self,
        _realm: &RealmHandle,
        tenant: &TenantId,
        _facts: Facts,
    ) -> Result<bool, Rejected> {
        Ok(self.tenants.lock().unwrap().contains(&tenant.as_str()))
    }

    async fn client(
        &self,
        _realm: &RealmHandle,
        id: &str,
        secret: &Secret,
        _facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        let known = (id, secret.expose()) == ("the app", "s:cret+1");
        known.then(|| self.principal(None)).ok_or(UNKNOWN)
    }

    async fn session(
        &self,
        _realm: &RealmHandle,
        cookie: &Secret,
        _facts: Facts,
    ) -> Result<Arc<Principal>, Rejected> {
        let known = cookie.expose() == "signed-in";
        known.then(|| self.principal(Some("acme"))).ok_or(UNKNOWN)
    }

    async fn exposed(
        &self,
        _realm: &RealmHandle,
        _principal: &Principal,
        kind: CredentialKind,
        _facts: Facts,
    ) {
        self.exposed.lock().unwrap().push(kind);
    }
}

const UNKNOWN: Rejected = Rejected {
    code: ErrorCode::TokenInvalid,
    check: "unknown",
};

impl Revocations for World {
    fn is_current(&self, _realm: &RealmHandle, _now: Timestamp) -> bool {
        self.current.load(Ordering::SeqCst)
    }
    fn is_revoked(&self, _realm: &RealmHandle, credential: &CredentialId, _now: Timestamp) -> bool {
        self.revoked.load(Ordering::SeqCst)
            || *self.revoked_one.lock().unwrap() == Some(*credential)
    }
    fn is_deleted(&self, _realm: &RealmHandle, tenant: &TenantId) -> bool {
        self.deleted.lock().unwrap().contains(&tenant.as_str())
    }
    fn epoch(&self, _realm: &RealmHandle, subject: SubjectId, _tenant: Option<&TenantId>) -> Epoch {
        let grown = *self.grown.lock().unwrap() == Some(subject);
        Epoch(self.epoch.load(Ordering::SeqCst) + i64::from(grown))
    }
}

#[async_trait]
impl Minter for World {
    async fn mint(
        &self,
        _realm: &RealmHandle,
        principal: &Principal,
        scopes: &[Scope],
        ttl: Duration,
        facts: Facts,
    ) -> Result<Minted, Rejected> {
        let number = self.minted.fetch_add(1, Ordering::SeqCst);
        let names: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        let claims = json!({"scope": names.join(" ")});
        Ok(Minted {
            jwt: Secret::new(format!("minted.{number}.jwt")),
            principal: Arc::new(Principal::new(PrincipalParts {
                scopes: scopes.to_vec(),
                permissions: Vec::new(),
                roles: Vec::new(),
                role: None,
                claims: Arc::new(claims.as_object().unwrap().clone()),
                ..PrincipalParts::clone(principal)
            })),
            expires_at: facts.now.plus(ttl),
        })
    }
}

#[async_trait]
impl IssuerKeys for World {
    fn own(&self, _realm: &RealmHandle) -> Option<(Arc<KeySet>, u64)> {
        let next = (self.looks.load(Ordering::SeqCst) > 0).then_some(&self.next_key);
        let keys = KeySet::from_signing_keys([&self.key].into_iter().chain(next)).unwrap();
        Some((Arc::new(keys), self.generation.load(Ordering::SeqCst)))
    }

    async fn look_again(&self, _realm: &RealmHandle) {
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    fn remote(&self, _source: &RemoteSource) -> Option<Arc<dyn RemoteKeys>> {
        Some(Arc::clone(&self.remote) as _)
    }

    fn tokens(&self, _spec: &IntrospectionSpec) -> Option<Arc<dyn RemoteTokens>> {
        Some(Arc::clone(&self.remote) as _)
    }
}

impl AccessLog for World {
    fn note(&self, _realm: &RealmHandle, access: &Access<'_>) {
        let sub = access.principal.map(|principal| principal.sub.to_string());
        let code = access.code.map_or("allow", ErrorCode::as_str);
        let line = format!(
            "{} {} {} {code}",
            sub.unwrap_or_default(),
            access.method,
            access.route.unwrap_or_default(),
        );
        self.noted.lock().unwrap().push(line);
    }
}

#[async_trait]
impl RemoteTokens for Remote {
    async fn ask(&self, token: &Secret) -> Result<Option<Map<String, Value>>, Unanswered> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let said = self.said.lock().unwrap().get(token.expose()).cloned();
        match said {
            Some(Value::Object(said)) => Ok(Some(said)),
            Some(_) => Err(Unanswered),
            None => Ok(None),
        }
    }
}

/// The keys of an external issuer: what was fetched, and what the next look finds.
#[derive(Default)]
pub(crate) struct Remote {
    pub(crate) fetched: Mutex<Option<(Arc<KeySet>, u64)>>,
    pub(crate) there: Mutex<Option<KeySet>>,
    pub(crate) looks: AtomicU64,
    /// What it says of opaque tokens; of what is no object it says nothing.
    pub(crate) said: Mutex<HashMap<String, Value>>,
    pub(crate) asked: AtomicU64,
}

impl Remote {
    /// What is published from now on.
    pub(crate) fn publish<'k>(&self, keys: impl IntoIterator<Item = &'k SigningKey>) {
        *self.there.lock().unwrap() = Some(KeySet::from_signing_keys(keys).unwrap());
    }
}

#[async_trait]
impl RemoteKeys for Remote {
    fn known(&self) -> Option<(Arc<KeySet>, u64)> {
        self.fetched.lock().unwrap().clone()
    }

    fn generation(&self) -> Option<u64> {
        self.known().map(|(_, generation)| generation)
    }

    async fn look_again(&self) {
        let generation = self.looks.fetch_add(1, Ordering::SeqCst);
        if let Some(keys) = self.there.lock().unwrap().clone() {
            *self.fetched.lock().unwrap() = Some((Arc::new(keys), generation));
        }
    }
}

impl World {
    pub(super) fn new(entropy: &SeededEntropy) -> Self {
        Self {
            clock: FixedClock::at(Timestamp::from_seconds(1_800_000_000)),
            key: SigningKey::generate(Algorithm::ES256, entropy).unwrap(),
            next_key: SigningKey::generate(Algorithm::ES256, entropy).unwrap(),
            looks: AtomicU64::new(0),
            generation: AtomicU64::new(1),
            remote: Arc::default(),
            current: AtomicBool::new(true),
            revoked: AtomicBool::new(false),
            epoch: AtomicI64::new(3),
            revoked_one: Mutex::default(),
            grown: Mutex::default(),
            tenants: Mutex::new(vec!["acme", "globex"]),
            deleted: Mutex::default(),
            tokens: Mutex::default(),
            introspected: AtomicU64::new(0),
            minted: AtomicU64::new(0),
            given: Mutex::default(),
            tally: Tally::new(1000),
            learns_for_ever: AtomicBool::new(false),
            learning: AtomicU64::new(0),
            exposed: Mutex::default(),
            noted: Mutex::default(),
        }
    }

    /// The claims of a token that is accepted.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        let now = doorward_base::Clock::now(&self.clock).as_seconds();
        let claims = json!({
            "iss": ISSUER, "aud": "api", "sub": SubjectId::from_bytes(SUBJECT).to_string(),
            "iat": now, "exp": now + 300, "scope": "service:x service:y", "tenant": "acme",
            "roles": ["user", "editor"], "role": "user",
            "dw": {"k": "user", "e": 3, "t": ApiTokenId::from_bytes(TOKEN).to_string()},
        });
        claims.as_object().unwrap().clone()
    }

    /// `Bearer …` with the claims as `change` leaves them.
    pub(crate) fn bearer(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        format!("Bearer {}", self.key.sign_jwt("at+jwt", &claims).unwrap())
    }

    /// Makes an API token known.
    pub(crate) fn know(&self, token: &str) {
        self.know_of(token, None);
    }

    /// The same, of a tenant.
    pub(crate) fn know_of(&self, token: &str, tenant: Option<&str>) {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.insert(token.to_owned(), self.principal(tenant));
    }

    /// The same, of a caller as `change` leaves it.
    pub(crate) fn know_as(&self, token: &str, change: impl FnOnce(&mut PrincipalParts)) {
        let mut parts = PrincipalParts::clone(&self.principal(None));
        change(&mut parts);
        let principal = Arc::new(Principal::new(parts));
        self.tokens
            .lock()
            .unwrap()
            .insert(token.to_owned(), principal);
    }

    fn principal(&self, tenant: Option<&str>) -> Arc<Principal> {
        Arc::new(Principal::new(PrincipalParts {
            sub: SubjectId::from_bytes(SUBJECT).to_string().into(),
            subject: Some(SubjectId::from_bytes(SUBJECT)),
            kind: SubjectKind::Service,
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            permissions: vec![],
            roles: vec![],
            role: None,
            scopes: vec![],
            lost_role: None,
            crosses: true,
            credential: CredentialId::ApiToken(ApiTokenId::from_bytes(TOKEN)),
            client: None,
            actors: Vec::new(),
            environment: None,
            issuer: ISSUER.into(),
            audience: vec![],
            expires_at: Timestamp::MAX,
            epoch: Epoch(3),
            claims: Arc::default(),
        }))
    }
}

/// Its clock, shared.
pub(super) struct Shared(pub(super) Arc<World>);

impl doorward_base::Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}
