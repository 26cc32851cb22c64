//! Several limits at once: which counts what and in which order, requests in flight and
//! every way in which they end, quotas of the calendar, limits that are only observed, and
//! amounts that tenants were given.

use super::support::{Running, World, ask, mount, open_websocket, route, soon, start};
use async_trait::async_trait;
use doorward_base::limit::{Allowance, Amount, Measure, Period, Quota, TallyKey, Verdict};
use doorward_base::{SubjectId, TenantId, Timestamp};
use doorward_gate::LimitReached;
use doorward_gate::policy::spec::{
    BuiltIn, LimitKey, LimitSpec, MountAccess, OverLimit, RealmSpec, RequireHttps, RouteSpec,
    UpstreamSpec,
};
use doorward_gate::port::Plans;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, RealmHandle};
use http::{Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

fn rate(name: &str, key: LimitKey, count: u32) -> LimitSpec {
    let quota = Quota::new(count, Duration::from_secs(60), count).unwrap();
    LimitSpec::rate(name, key, quota)
}

fn one_at_a_time() -> LimitSpec {
    LimitSpec::new("open", LimitKey::Address, Measure::InFlight(1))
}

fn a_day(name: &str, most: u64) -> LimitSpec {
    let allowance = Allowance::new(most, Period::Day).unwrap();
    LimitSpec::new(name, LimitKey::Tenant, Measure::Calendar(allowance))
}

fn of(gate: &Running, tenant: &str) -> String {
    gate.world.bearer(|claims| {
        claims.insert("tenant".into(), tenant.into());
    })
}

async fn get(gate: &Running, jwt: &str) -> super::support::Answer {
    ask(gate.addr, "GET /api/x", &[("Authorization", jwt)]).await
}

fn of_store(holder: u128, start: Timestamp) -> TallyKey {
    TallyKey {
        realm: 1,
        holder,
        start,
    }
}

#[async_trait]
impl Plans for World {
    fn given(&self, _: &RealmHandle, tenant: &TenantId, limit: &str) -> Option<Amount> {
        let given = self.given.lock().unwrap();
        given.get(&(tenant.to_string(), limit.to_owned())).copied()
    }

    fn take(
        &self,
        _: &RealmHandle,
        holder: u128,
        allowance: &Allowance,
        now: Timestamp,
    ) -> Option<Verdict> {
        let window = allowance.period().window(now);
        let key = of_store(holder, window.start);
        self.tally.take(key, window, allowance, now)
    }

    async fn learn(&self, _: &RealmHandle, holder: u128, allowance: &Allowance, now: Timestamp) {
        self.learning.fetch_add(1, SeqCst);
        if self.learns_for_ever.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        let window = allowance.period().window(now);
        self.tally
            .learn(of_store(holder, window.start), window.end, 0, now);
    }

    fn give_back(&self, _: &RealmHandle, holder: u128, allowance: &Allowance, now: Timestamp) {
        let window = allowance.period().window(now);
        self.tally.give_back(of_store(holder, window.start));
    }
}

/// FL-50: a request that one limit refuses uses up nothing of the others.
#[tokio::test]
async fn what_a_wider_limit_refuses_is_given_back_to_the_narrower_ones() {
    let gate = start(|realm| {
        realm.limits = vec![
            rate("company", LimitKey::Tenant, 1),
            a_day("day", 2),
            rate("all", LimitKey::Realm, 3),
            rate("key", LimitKey::Credential, 2),
        ];
    })
    .await;
    let (acme, globex) = (of(&gate, "acme"), of(&gate, "globex"));
    assert_eq!(get(&gate, &acme).await.status, 200);
    for _ in 0..5 {
        let refused = get(&gate, &acme).await;
        assert_eq!(refused.code(), (429, "rate_limited".into()));
        let text = refused.json()["message"].to_string();
        assert!(text.contains("limit company"), "{text}");
        assert!(
            refused
                .header("ratelimit")
                .unwrap()
                .starts_with("\"company\";r=0")
        );
    }
    // The key is the same, and has passed once.
    assert_eq!(get(&gate, &globex).await.status, 200);
    let refused = get(&gate, &of(&gate, "initech")).await;
    assert!(refused.json()["message"].to_string().contains("limit key"));
    // Of a minute's refill of each, the day of one company is what is left of least.
    gate.world.clock.advance(Duration::from_secs(60));
    assert_eq!(get(&gate, &acme).await.status, 200);
    gate.world.clock.advance(Duration::from_secs(60));
    let refused = get(&gate, &acme).await;
    assert_eq!(refused.code().0, 429);
    let text = refused.json()["message"].to_string();
    assert!(text.contains("quota is used up: limit day"), "{text}");
}

/// The database is slow, and its client does not wait.
#[tokio::test]
async fn what_a_client_that_goes_away_had_taken_is_given_back() {
    let gate = start(|realm| {
        realm.limits = vec![rate("key", LimitKey::Credential, 1), a_day("day", 9)];
    })
    .await;
    let jwt = of(&gate, "acme");
    gate.world.learns_for_ever.store(true, SeqCst);
    let mut leaving = TcpStream::connect(gate.addr).await.unwrap();
    let asked = format!("GET /api/x HTTP/1.1\r\nHost: gate.test\r\nAuthorization: {jwt}\r\n\r\n");
    leaving.write_all(asked.as_bytes()).await.unwrap();
    soon(async {
        while gate.world.learning.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.world.learns_for_ever.store(false, SeqCst);
    assert_eq!(get(&gate, &jwt).await.status, 429, "it is under way");
    drop(leaving);
    soon(async {
        while get(&gate, &jwt).await.status != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_limit_that_applies_everywhere_and_is_named_by_a_route_counts_once() {
    let gate = start(|realm| {
        realm.limits = vec![rate("company", LimitKey::Tenant, 3)];
        realm.routes.push(RouteSpec {
            limits: vec![rate("company", LimitKey::Tenant, 3)],
            ..route("/named", UpstreamSpec::Echo)
        });
        realm.routes.push(RouteSpec {
            counted: false,
            ..route("/exempt", UpstreamSpec::Echo)
        });
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    let to = async |line: &str| {
        ask(gate.addr, line, &[("Authorization", &jwt)])
            .await
            .status
    };
    for wanted in [200, 200, 200, 429] {
        assert_eq!(to("GET /named").await, wanted);
    }
    assert_eq!(to("GET /api/x").await, 429, "the bucket is one");
    assert_eq!(to("GET /exempt").await, 200);
}

#[tokio::test]
async fn everybody_shares_a_limit_of_the_realm() {
    let gate = start(|realm| realm.limits = vec![rate("all", LimitKey::Realm, 2)]).await;
    assert_eq!(get(&gate, &of(&gate, "acme")).await.status, 200);
    assert_eq!(get(&gate, &of(&gate, "globex")).await.status, 200);
    assert_eq!(get(&gate, &of(&gate, "initech")).await.status, 429);
    assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 429);
}

/// An upstream that never answers, or never says the whole.
async fn hanging() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.ok()?);
                }
                if String::from_utf8_lossy(&head).contains("/half") {
                    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf";
                    stream.write_all(half).await.ok()?;
                }
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.ok()
            });
        }
    });
    addr
}

async fn one_open(change: impl FnOnce(&mut RealmSpec)) -> Running {
    let addr = hanging().await;
    start(|realm| {
        realm.hosts = vec!["*".into()];
        realm.limits = vec![one_at_a_time()];
        realm.routes.push(RouteSpec {
            public: true,
            timeout: Duration::from_secs(60),
            ..route(
                "/hang/**",
                UpstreamSpec::Http {
                    base: format!("http://{addr}").parse().unwrap(),
                    strip_prefix: None,
                    preserve_host: false,
                    tls: None,
                },
            )
        });
        change(realm);
    })
    .await
}

async fn passes(gate: &Running) -> bool {
    match ask(gate.addr, "GET /open/x", &[]).await.status {
        200 => true,
        429 => false,
        other => panic!("{other}"),
    }
}

/// The place is given back as soon as whoever holds it is gone, which nobody is told.
async fn passes_soon(gate: &Running) {
    soon(async {
        while !passes(gate).await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Says a request and waits until it is counted.
async fn begin(gate: &Running, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: gate.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    soon(async {
        while passes(gate).await {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stream
}

/// FL-50.
#[tokio::test]
async fn a_request_in_flight_keeps_its_place_until_its_client_is_gone() {
    let gate = one_open(|_| {}).await;
    for path in ["/hang/silent", "/hang/half"] {
        let open = begin(&gate, path).await;
        let refused = ask(gate.addr, "GET /open/x", &[]).await;
        assert_eq!(refused.code(), (429, "rate_limited".into()));
        assert_eq!(refused.header("retry-after"), Some("1"));
        let policy = refused.header("ratelimit-policy");
        assert_eq!(policy, Some("\"open\";q=1;qu=\"concurrent-requests\""));
        drop(open);
        passes_soon(&gate).await;
    }
}

#[tokio::test]
async fn a_place_is_free_after_an_answer_a_fault_of_the_upstream_and_a_panic() {
    let gate = one_open(|_| {}).await;
    for _ in 0..3 {
        assert!(passes(&gate).await);
        assert_eq!(ask(gate.addr, "GET /dead", &[]).await.status, 502);
        assert_eq!(ask(gate.addr, "GET /up/stuck", &[]).await.status, 504);
        assert_eq!(ask(gate.addr, "GET /panic", &[]).await.status, 500);
        assert_eq!(ask(gate.addr, "GET /nowhere", &[]).await.status, 401);
        assert_eq!(ask(gate.addr, "GET /api/x", &[]).await.status, 401);
    }
}

#[tokio::test]
async fn a_websocket_keeps_its_place_as_long_as_it_is_open() {
    let gate = one_open(|_| {}).await;
    let (mut open, _) = open_websocket(gate.addr).await;
    assert!(!passes(&gate).await);
    super::support::echo_once(&mut open).await;
    assert!(!passes(&gate).await);
    drop(open);
    passes_soon(&gate).await;
}

/// One member of a company opens as many as it can; the others have theirs.
#[tokio::test]
async fn whoever_has_all_that_a_caller_may_have_leaves_its_tenant_the_rest() {
    let at_once = |name: &str, key, most| LimitSpec::new(name, key, Measure::InFlight(most));
    let (said, mut says) = unbounded_channel();
    let gate = start(move |realm| {
        realm.limits = vec![
            at_once("company", LimitKey::Tenant, 3),
            at_once("person", LimitKey::Subject, 2),
        ];
        let hang = realm
            .routes
            .iter_mut()
            .find(|route| route.path == "/api/**");
        hang.unwrap().upstream = UpstreamSpec::Local("hanging");
        realm.built_in.push(BuiltIn {
            name: "hanging",
            target: Arc::new(Hanging(said)),
        });
    })
    .await;
    let of = |number: u8, tenant: &str| {
        gate.world.bearer(|claims| {
            let subject = SubjectId::from_bytes([number; 16]).to_string();
            claims.insert("sub".into(), subject.into());
            claims.insert("tenant".into(), tenant.into());
        })
    };
    let (greedy, modest, other) = (of(1, "acme"), of(2, "acme"), of(3, "globex"));
    let mut held = Vec::new();
    for (jwt, refused_by) in [
        (&greedy, None),
        (&greedy, None),
        (&greedy, Some("person")),
        (&greedy, Some("person")),
        // What was refused gave the company its place back.
        (&modest, None),
        (&modest, Some("company")),
        (&other, None),
    ] {
        let mut stream = TcpStream::connect(gate.addr).await.unwrap();
        let asked = format!(
            "GET /api/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: {jwt}\r\n\r\n"
        );
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let refused = tokio::select! {
            called = soon(says.recv()) => called.is_none(),
            read = stream.read_to_string(&mut answer) => read.unwrap() > 0,
        };
        assert_eq!(refused, refused_by.is_some(), "{answer}");
        if let Some(limit) = refused_by {
            assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
            assert!(answer.contains(&format!("\"{limit}\";q=")), "{answer}");
        }
        held.push(stream);
    }
}

/// A local target that says that it was called, and never answers.
struct Hanging(UnboundedSender<()>);

impl Local for Hanging {
    fn call(&self, _: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        self.0.send(()).unwrap();
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_limit_that_is_observed_refuses_nobody_and_says_so() {
    let gate = start(|realm| {
        realm.limits = vec![
            LimitSpec {
                over: OverLimit::Observe,
                ..rate("new", LimitKey::Tenant, 1)
            },
            rate("company", LimitKey::Tenant, 3),
        ];
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    let first = get(&gate, &jwt).await;
    assert_eq!(first.header("x-ratelimit-observed"), None);
    assert_eq!(first.header("ratelimit"), Some("\"company\";r=2;t=20"));
    for _ in 0..2 {
        let answer = get(&gate, &jwt).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-observed"), Some("\"new\""));
        assert!(
            answer
                .header("ratelimit")
                .unwrap()
                .starts_with("\"company\"")
        );
    }
    assert_eq!(get(&gate, &jwt).await.status, 429);
    let reached = gate.gate.counters().limits.reached();
    let of = |name: &str| {
        let mut found = reached.iter().filter(|((_, limit), _)| **limit == *name);
        found.next().unwrap().1
    };
    let (refused, observed) = (1, 3);
    assert_eq!(of("new").observed, observed);
    assert_eq!(
        of("company"),
        LimitReached {
            refused,
            observed: 0
        }
    );
}

#[tokio::test]
async fn a_quota_lasts_until_midnight_and_may_ask_for_payment() {
    let gate = start(|realm| {
        realm.limits = vec![LimitSpec {
            over: OverLimit::RequirePayment,
            ..a_day("plan", 2)
        }];
    })
    .await;
    // The clock of these tests stands at 08:00.
    let left = Duration::from_secs(16 * 3600);
    let first = get(&gate, &of(&gate, "acme")).await;
    assert_eq!(first.header("ratelimit-policy"), Some("\"plan\";q=2"));
    assert_eq!(first.header("ratelimit"), Some("\"plan\";r=1;t=57600"));
    assert_eq!(get(&gate, &of(&gate, "acme")).await.status, 200);
    let refused = get(&gate, &of(&gate, "acme")).await;
    assert_eq!(refused.code(), (402, "payment_required".into()));
    assert_eq!(refused.header("ratelimit"), Some("\"plan\";r=0;t=57600"));
    assert_eq!(get(&gate, &of(&gate, "globex")).await.status, 200);
    // Who presents nothing has no quota.
    assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 200);
    gate.world.clock.advance(left);
    assert_eq!(get(&gate, &of(&gate, "acme")).await.status, 200);
}

#[tokio::test]
async fn what_a_tenant_was_given_counts_in_place_of_the_configuration_at_once() {
    let gate = start(|realm| {
        realm.limits = vec![
            rate("company", LimitKey::Tenant, 2),
            LimitSpec {
                overrides: vec![("globex".parse().unwrap(), Amount::Calendar(1))],
                ..a_day("plan", 3)
            },
        ];
    })
    .await;
    let (acme, globex) = (of(&gate, "acme"), of(&gate, "globex"));
    assert_eq!(get(&gate, &acme).await.status, 200);
    assert_eq!(get(&gate, &acme).await.status, 200);
    assert_eq!(get(&gate, &acme).await.status, 429);
    let give = |tenant: &str, limit: &str, amount| {
        let mut given = gate.world.given.lock().unwrap();
        given.insert((tenant.to_owned(), limit.to_owned()), amount);
    };
    let more = Quota::new(100, Duration::from_secs(60), 200).unwrap();
    give("acme", "company", Amount::Rate(more));
    let answer = get(&gate, &acme).await;
    assert_eq!(answer.status, 200);
    // The quota is the company's: two of three are used, and now the third.
    assert_eq!(answer.header("ratelimit-policy"), Some("\"plan\";q=3"));
    assert_eq!(get(&gate, &acme).await.status, 429);
    give("acme", "plan", Amount::Calendar(5));
    assert_eq!(get(&gate, &acme).await.status, 200);
    // The configuration's own exception, and what goes before it.
    assert_eq!(get(&gate, &globex).await.status, 200);
    assert_eq!(get(&gate, &globex).await.status, 429);
    give("globex", "plan", Amount::Calendar(2));
    assert_eq!(get(&gate, &globex).await.status, 200);
    // An amount of another kind changes nothing.
    give("globex", "plan", Amount::InFlight(9));
    assert_eq!(get(&gate, &globex).await.status, 429);
}

#[tokio::test]
async fn a_credential_that_comes_by_plain_http_is_told_and_never_acts() {
    for watches_exposure in [true, false] {
        let gate = start(|realm| {
            realm.require_https = RequireHttps::Reject;
            realm.watches_exposure = watches_exposure;
        })
        .await;
        let jwt = gate.world.bearer(|_| {});
        let refused = get(&gate, &jwt).await;
        assert_eq!(refused.code(), (403, "https_required".into()));
        let wrong = get(&gate, "Bearer wbat-nothing").await;
        assert_eq!(wrong.code(), (403, "https_required".into()));
        assert_eq!(ask(gate.addr, "GET /api/x", &[]).await.status, 403);
        let told = gate.world.exposed.lock().unwrap().len();
        assert_eq!(told, usize::from(watches_exposure));
    }
}

#[tokio::test]
async fn a_refusal_says_its_code_in_the_header_that_the_realm_names() {
    let gate = start(|realm| realm.code_header = Some("sb-error-code".parse().unwrap())).await;
    let missing = ask(gate.addr, "GET /api/x", &[]).await;
    assert_eq!(missing.header("sb-error-code"), Some("UNAUTHORIZED"));
    let fine = get(&gate, &gate.world.bearer(|_| {})).await;
    assert_eq!(fine.header("sb-error-code"), None);
}

/// Who used up what his tenant has must not keep it from ending what he does.
#[tokio::test]
async fn what_is_used_up_for_the_day_or_all_taken_holds_up_none_of_our_own_paths() {
    let places = LimitSpec::new("open", LimitKey::Tenant, Measure::InFlight(1));
    let gate = start(|realm| {
        realm.limits = vec![
            a_day("day", 1),
            rate("company", LimitKey::Tenant, 3),
            places,
        ];
        realm.mounts = vec![mount("/ours/**", MountAccess::jwt())];
    })
    .await;
    let acme = of(&gate, "acme");
    let ours = async || ask(gate.addr, "GET /ours/x", &[("Authorization", &acme)]).await;
    assert_eq!(get(&gate, &acme).await.status, 200);
    let refused = get(&gate, &acme).await;
    assert!(refused.json()["message"].to_string().contains("limit day"));
    for _ in 0..2 {
        assert_eq!(ours().await.status, 200);
    }
    let refused = ours().await;
    let text = refused.json()["message"].to_string();
    assert!(text.contains("limit company"), "{text}");
}
