//! A gate with stand-in ports, an upstream, and a client that says exactly what it is
//! told to say.

use async_trait::async_trait;
use doorward_base::limit::{LocalLimiter, Quota};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::testing::{FixedClock, SeededEntropy};
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{
    ApiTokenId, ClassName, ErrorCode, Principal, RealmName, Scope, Secret, SubjectId, SubjectKind,
    TenantId, Timestamp, Words,
};
use doorward_gate::policy::spec::{
    AmbiguousPaths, AuthorizationRule, BasicModule, BasicSpec, ClaimMap, ClassSpec, CredentialKind,
    ForwardAuthSpec, IdentitySpec, IssuerSpec, KeySource, MountAccess, MountSpec, RealmSpec,
    RequireHttps, RouteSpec, ScopeRule, TenantRule, UpstreamSpec,
};
use doorward_gate::port::{
    Facts, Introspect, IssuerKeys, Minted, Minter, Rejected, RemoteKeys, Revocations, Via,
};
use doorward_gate::{
    Certificate, Gate, GateOptions, GateParts, ListenerOptions, Pair, lower, serve, tls_config,
};
use doorward_jose::{Algorithm, KeySet, SigningKey};
use doorward_surface::body::full;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, RealmHandle, RealmParts, Template};
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

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
    pub(crate) tokens: Mutex<HashMap<String, Arc<Principal>>>,
    pub(crate) introspected: AtomicU64,
    pub(crate) minted: AtomicU64,
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
        _principal: &Principal,
        scopes: &[Scope],
        ttl: Duration,
        facts: Facts,
    ) -> Result<Minted, Rejected> {
        let number = self.minted.fetch_add(1, Ordering::SeqCst);
        Ok(Minted {
            jwt: Secret::new(format!("minted.{number}.jwt")),
            scopes: scopes.to_vec(),
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

    fn remote(&self, _url: &Uri) -> Option<Arc<dyn RemoteKeys>> {
        Some(Arc::clone(&self.remote) as _)
    }
}

/// The keys of an external issuer: what was fetched, and what the next look finds.
#[derive(Default)]
pub(crate) struct Remote {
    pub(crate) fetched: Mutex<Option<(Arc<KeySet>, u64)>>,
    pub(crate) there: Mutex<Option<KeySet>>,
    pub(crate) looks: AtomicU64,
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

/// A local target that tells what it was given, panics at `/panic`, and never answers at
/// `…/stuck`.
struct Telling;

impl Local for Telling {
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            assert!(request.uri().path() != "/panic", "asked to");
            if request.uri().path().ends_with("/stuck") {
                std::future::pending::<()>().await;
            }
            let told = json!({
                "path": request.uri().path(),
                "authorization": request.headers().contains_key("authorization"),
                "forged": request.headers().contains_key("x-user-id"),
                "realm": context.realm.name().as_str(),
                "part": context.realm.get::<&'static str>(),
                "subject": context.principal.as_ref().map(|principal| principal.sub.to_string()),
                "tenant": context.principal.and_then(|principal| principal.tenant.clone()).map(|tenant| tenant.to_string()),
                "credential": context.credential.map(Words::word),
                "peer": context.peer.to_string(),
            });
            Response::new(full(told.to_string()))
        })
    }
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::new(text).unwrap()
}

pub(crate) fn wbat() -> TokenFormat {
    TokenFormat::new("wbat-", vec![], TokenBody::Checked).unwrap()
}

/// An API token of the class `access` with this seed.
pub(crate) fn api_token(seed: u64) -> String {
    wbat()
        .mint(None, &SeededEntropy::new(seed))
        .expose()
        .to_owned()
}

pub(crate) fn route(path: &str, upstream: UpstreamSpec) -> RouteSpec {
    RouteSpec {
        path: path.to_owned(),
        methods: vec![],
        upstream,
        public: false,
        credentials: vec![
            CredentialKind::Jwt,
            CredentialKind::ApiToken,
            CredentialKind::Basic,
        ],
        authorization: AuthorizationRule::default(),
        jwt_query: None,
        ambiguous_paths: AmbiguousPaths::default(),
        scopes: ScopeRule::default(),
        permissions: vec![],
        roles: vec![],
        tenant: TenantRule::default(),
        environments: vec![],
        basic: None,
        limits: vec![],
        errors: None,
        timeout: Duration::from_secs(5),
        max_body: None,
    }
}

pub(crate) fn mount(path: &str, access: MountAccess) -> MountSpec {
    MountSpec {
        access,
        errors: Arc::new(Template::Plain),
        ..MountSpec::open("telling", vec![path.to_owned()], Arc::new(Telling))
    }
}

fn claim(path: &str) -> Option<doorward_base::claims::ClaimPath> {
    Some(path.parse().unwrap())
}

/// The realm of most tests. `upstream` serves `/up/**`.
pub(crate) fn realm(upstream: SocketAddr) -> RealmSpec {
    let echo = || UpstreamSpec::Echo;
    let real = UpstreamSpec::Http {
        base: format!("http://{upstream}").parse().unwrap(),
        strip_prefix: None,
        preserve_host: false,
        tls: None,
    };
    let routes = vec![
        RouteSpec {
            public: true,
            ..route("/open/**", echo())
        },
        route("/api/**", echo()),
        RouteSpec {
            methods: vec![Method::GET],
            ..route("/get-only", echo())
        },
        RouteSpec {
            scopes: ScopeRule {
                any: vec![scope("service:x")],
                ..ScopeRule::default()
            },
            basic: Some("gov".into()),
            ..route("/scoped/**", echo())
        },
        RouteSpec {
            basic: Some("ui".into()),
            ..route("/ui/**", echo())
        },
        RouteSpec {
            public: true,
            timeout: Duration::from_millis(200),
            ..route("/up/stuck", real.clone())
        },
        RouteSpec {
            public: true,
            timeout: Duration::from_millis(200),
            ..route("/up/never", real.clone())
        },
        RouteSpec {
            public: true,
            timeout: Duration::from_millis(200),
            ..route("/up/deaf", real.clone())
        },
        RouteSpec {
            public: true,
            max_body: Some(1000),
            ..route("/up/small", real.clone())
        },
        RouteSpec {
            public: true,
            ..route("/up/**", real.clone())
        },
        route("/private/**", real),
        RouteSpec {
            public: true,
            ..route(
                "/dead",
                UpstreamSpec::Http {
                    base: "http://127.0.0.1:1".parse().unwrap(),
                    strip_prefix: None,
                    preserve_host: false,
                    tls: None,
                },
            )
        },
    ];
    RealmSpec {
        name: RealmName::new("test").unwrap(),
        parts: RealmParts::default().with("part of test"),
        hosts: vec!["gate.test".into()],
        require_https: RequireHttps::Off,
        errors: Arc::new(Template::Plain),
        issuers: vec![IssuerSpec {
            is_recognised: false,
            max_lifetime: None,
            issuer: ISSUER.into(),
            audiences: vec!["api".parse().unwrap()],
            algorithms: vec![Algorithm::ES256],
            typ: vec!["at+jwt".into()],
            leeway: Duration::ZERO,
            keys: KeySource::Own,
            claims: ClaimMap {
                scopes: claim("scope"),
                permissions: claim("permissions"),
                roles: claim("roles"),
                role: claim("role"),
                tenant: claim("tenant"),
            },
        }],
        classes: vec![ClassSpec {
            name: ClassName::new("access").unwrap(),
            format: wbat(),
            bearer: true,
            basic: true,
            header: Some("x-api-key".parse().unwrap()),
            query: Some("api_key".into()),
        }],
        basic: Some(BasicSpec {
            username: "witboost".into(),
            modules: vec![
                BasicModule {
                    name: "ui".into(),
                    enabled: false,
                    scopes: vec![],
                },
                BasicModule {
                    name: "gov".into(),
                    enabled: true,
                    scopes: vec![scope("service:x")],
                },
            ],
            ttl: Duration::from_secs(300),
        }),
        role_header: Some("x-hasura-role".parse().unwrap()),
        tenant_header: None,
        immediate_revocation: true,
        routes,
        mounts: vec![
            mount("/local/**", MountAccess::Open),
            mount("/panic", MountAccess::Open),
            mount("/me/**", MountAccess::jwt()),
        ],
        limits: vec![],
        failed_credentials: Quota::new(30, Duration::from_secs(60), 60).unwrap(),
        legacy_limit_headers: false,
        identity: IdentitySpec {
            headers: true,
            mapped: vec![("x-hasura-user-id".parse().unwrap(), claim("sub").unwrap())],
            forward_jwt: true,
            strip: vec![],
        },
        cors_origins: vec!["https://app.test".into()],
        forward_auth: Some(ForwardAuthSpec {
            path: "/forward-auth".into(),
            trusted_only: false,
        }),
    }
}

/// A running gate.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    pub(crate) world: Arc<World>,
    pub(crate) served: tokio::task::JoinHandle<()>,
    pub(crate) stop: oneshot::Sender<()>,
}

/// Starts a gate with the realm as `change` leaves it.
pub(crate) async fn start(change: impl FnOnce(&mut RealmSpec)) -> Running {
    start_with(ListenerOptions::default(), GateOptions::default(), change).await
}

pub(crate) async fn start_with(
    listener: ListenerOptions,
    options: GateOptions,
    change: impl FnOnce(&mut RealmSpec),
) -> Running {
    let mut spec = realm(upstream().await);
    change(&mut spec);
    let entropy = Arc::new(SeededEntropy::new(7));
    let world = Arc::new(World {
        clock: FixedClock::at(Timestamp::from_seconds(1_800_000_000)),
        key: SigningKey::generate(Algorithm::ES256, &*entropy).unwrap(),
        next_key: SigningKey::generate(Algorithm::ES256, &*entropy).unwrap(),
        looks: AtomicU64::new(0),
        generation: AtomicU64::new(1),
        remote: Arc::default(),
        current: AtomicBool::new(true),
        revoked: AtomicBool::new(false),
        epoch: AtomicI64::new(3),
        revoked_one: Mutex::default(),
        grown: Mutex::default(),
        tokens: Mutex::default(),
        introspected: AtomicU64::new(0),
        minted: AtomicU64::new(0),
    });
    let parts = GateParts {
        introspect: Arc::clone(&world) as _,
        revocations: Arc::clone(&world) as _,
        minter: Arc::clone(&world) as _,
        keys: Arc::clone(&world) as _,
        limiter: Arc::new(LocalLimiter::new(10_000)),
        limit_seed: [7; 32],
        clock: Arc::new(Shared(Arc::clone(&world))),
        entropy,
        options,
    };
    let gate = Gate::new(parts, lower(vec![spec]).unwrap());
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(Arc::clone(&gate), socket, listener, async {
        let _ = stopped.await;
    }));
    Running {
        addr,
        gate,
        world,
        served,
        stop,
    }
}

struct Shared(Arc<World>);

impl doorward_base::Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl World {
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

    fn principal(&self, tenant: Option<&str>) -> Arc<Principal> {
        Arc::new(Principal {
            sub: SubjectId::from_bytes(SUBJECT).to_string().into(),
            subject: Some(SubjectId::from_bytes(SUBJECT)),
            kind: SubjectKind::Service,
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            permissions: vec![],
            roles: vec![],
            role: None,
            scopes: vec![],
            credential: CredentialId::ApiToken(ApiTokenId::from_bytes(TOKEN)),
            client: None,
            actors: Vec::new(),
            environment: None,
            issuer: ISSUER.into(),
            audience: vec![],
            expires_at: Timestamp::MAX,
            epoch: Epoch(3),
            claims: Arc::default(),
        })
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        Self {
            status,
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The `error` member of the plain template.
    pub(crate) fn code(&self) -> (u16, String) {
        (
            self.status,
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        )
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("took too long")
}

/// Says these bytes and reads until the gate closes.
pub(crate) async fn say(addr: SocketAddr, bytes: &[u8]) -> String {
    soon(async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        // The gate may refuse before it has read everything, and close.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

/// One request on a connection of its own.
pub(crate) async fn ask(addr: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Answer {
    send(addr, line, headers, "").await
}

pub(crate) async fn send(
    addr: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{line} HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    Answer::parse(&say(addr, text.as_bytes()).await)
}

/// One request over HTTP/2 by prior knowledge.
pub(crate) async fn request_h2<B>(addr: SocketAddr, request: Request<B>) -> Answer
where
    B: http_body::Body<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(addr).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let response = soon(sender.send_request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await.unwrap();
    Answer {
        status,
        head: String::new(),
        body: String::from_utf8(body.to_bytes().to_vec()).unwrap(),
    }
}

/// A server of our own making: it tells the request it got byte for byte, speaks a
/// WebSocket handshake at `/up/ws`, never answers GET at `/up/stuck` and nothing at
/// `/up/never`, does not read a body at `/up/deaf`, falls silent within its answer at
/// `/up/stall`, tells three slow events at `/up/events`, frames `/up/framed` twice,
/// answers `/up/old` as HTTP/1.0 that stays open, and closes after `/up/last`.
async fn upstream() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = socket.accept().await {
            tokio::spawn(upstream_connection(stream, number));
            number += 1;
        }
    });
    addr
}

/// The same over TLS, with the certificate of the fixture.
pub(crate) async fn tls_upstream() -> SocketAddr {
    let pair = Pair::read(
        include_bytes!("../fixture/localhost.pem"),
        include_bytes!("../fixture/localhost-key.pem"),
    );
    let acceptor = TlsAcceptor::from(tls_config(&Certificate::new(&pair.unwrap())));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = socket.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(upstream_connection(stream, number));
                number += 1;
            }
        }
    });
    addr
}

async fn upstream_connection<S>(mut stream: S, number: u64)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&seen).into_owned();
        if text.contains(" /up/deaf ") {
            std::future::pending::<()>().await;
        }
        let (head, rest) = text.split_once("\r\n\r\n").unwrap();
        let mut body = rest.as_bytes().to_vec();
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap_or(0);
        let chunked = head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked");
        while body.len() < length || (chunked && !body.ends_with(b"0\r\n\r\n")) {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => body.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        seen.clear();
        if head.starts_with("GET /up/stuck ") || head.contains(" /up/never ") {
            std::future::pending::<()>().await;
        }
        if head.starts_with("GET /up/ws ") || head.starts_with("GET /live/ws ") {
            let accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n";
            stream.write_all(accepted.as_bytes()).await.unwrap();
            let (mut read, mut write) = tokio::io::split(stream);
            let _ = tokio::io::copy(&mut read, &mut write).await;
            return;
        }
        if head.starts_with("GET /up/stall ") || head.starts_with("GET /up/events ") {
            return tell_slowly(stream, head.contains("/up/events ")).await;
        }
        if head.starts_with("GET /up/framed ") {
            let both = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
            stream.write_all(both.as_bytes()).await.unwrap();
            return;
        }
        let told = json!({
            "head": head,
            "body": String::from_utf8_lossy(&body),
            "connection": number,
        });
        let told = told.to_string();
        let version = if head.contains(" /up/old ") {
            "1.0"
        } else {
            "1.1"
        };
        let extra = if head.starts_with("GET /up/hop ") {
            "Connection: x-secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n"
        } else if version == "1.0" {
            "Connection: keep-alive\r\n"
        } else {
            ""
        };
        let (length, bytes) = (told.len(), body.len());
        let told = if head.starts_with("HEAD ") { "" } else { &told };
        let answer = format!(
            "HTTP/{version} 200 OK\r\nContent-Length: {length}\r\nX-Body-Bytes: {bytes}\r\n{extra}\r\n{told}"
        );
        if stream.write_all(answer.as_bytes()).await.is_err() || head.contains(" /up/last ") {
            return;
        }
    }
}

/// Three events 300 ms apart, or one piece and then nothing more.
async fn tell_slowly<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, events: bool) {
    let kind = if events {
        "Text/Event-Stream; charset=utf-8"
    } else {
        "text/plain"
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    ticks.tick().await;
    if events {
        for piece in ["3\r\ndef\r\n", "3\r\nend\r\n0\r\n\r\n"] {
            ticks.tick().await;
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

/// The client's handshake of a WebSocket.
pub(crate) fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: gate.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// Opens a WebSocket to the upstream that echoes; the client's connection and the head
/// of the gate's answer in lower case.
pub(crate) async fn open_websocket(addr: SocketAddr) -> (TcpStream, String) {
    open_websocket_at(addr, "/up/ws").await
}

/// The same at another path that ends with `/ws`.
pub(crate) async fn open_websocket_at(addr: SocketAddr, path: &str) -> (TcpStream, String) {
    soon(async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(handshake(path).as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        echo_once(&mut stream).await;
        (stream, head)
    })
    .await
}

/// Says something on an open WebSocket and hears it again.
pub(crate) async fn echo_once(stream: &mut TcpStream) {
    let frame = b"\x81\x04ping";
    stream.write_all(frame).await.unwrap();
    let mut echoed = [0; 6];
    soon(stream.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, frame);
}
