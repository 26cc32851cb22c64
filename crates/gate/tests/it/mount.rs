//! Mounts: who may call them, by what; what a page of another origin may do; how long
//! and how large a call may be.

use super::support::{Answer, Running, api_token, ask, mount, say, send, start};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::CredentialKind::{ApiToken, Client, Jwt, Session};
use doorward_base::limit::Quota;
use doorward_gate::policy::spec::{
    CorsSpec, LimitKey, LimitSpec, MountAccess, MountSpec, Origins, RealmSpec, RequireHttps,
};
use http::Method;
use serde_json::{Map, Value};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// A mount of each kind of access, and of each other setting.
fn mounts(realm: &mut RealmSpec) {
    let required = |path: &str, kinds: &[_]| mount(path, MountAccess::Required(kinds.to_vec()));
    let cors = |origins, credentials| {
        Some(CorsSpec {
            origins,
            credentials,
            exposed: vec!["x-api-version".parse().unwrap(), "link".parse().unwrap()],
            max_age: Duration::from_secs(60),
        })
    };
    let page = || Origins::Listed(vec!["https://page.test".to_owned()]);
    realm.mounts.extend([
        required("/m/jwt/**", &[Jwt]),
        required("/m/token/**", &[ApiToken]),
        required("/m/either/**", &[Jwt, ApiToken]),
        required("/m/client/**", &[Client]),
        mount("/m/optional/**", MountAccess::Optional(vec![Jwt])),
        MountSpec {
            cookie: Some("__Host-s".to_owned()),
            ..required("/m/page/**", &[Session, Jwt])
        },
        MountSpec {
            api_key: Some("x-api-key".parse().unwrap()),
            ..required("/m/keyed/**", &[Jwt, ApiToken])
        },
        MountSpec {
            cors: cors(Origins::Any, false),
            ..mount("/m/any/**", MountAccess::Open)
        },
        MountSpec {
            cors: cors(page(), true),
            ..mount("/m/listed/**", MountAccess::Open)
        },
        MountSpec {
            cors: cors(page(), false),
            ..mount("/m/plain/**", MountAccess::Open)
        },
        MountSpec {
            methods: vec![Method::GET],
            cors: cors(Origins::Any, false),
            ..mount("/m/split/**", MountAccess::Open)
        },
        MountSpec {
            methods: vec![Method::PUT],
            cors: cors(page(), true),
            ..mount("/m/split/**", MountAccess::Open)
        },
        MountSpec {
            timeout: Duration::from_millis(50),
            ..mount("/m/slow/**", MountAccess::Open)
        },
        MountSpec {
            max_body: Some(10),
            ..mount("/m/small/**", MountAccess::Open)
        },
        MountSpec {
            limits: vec![LimitSpec::rate(
                "few",
                LimitKey::Address,
                Quota::new(2, Duration::from_secs(60), 2).unwrap(),
            )],
            ..mount("/m/few/**", MountAccess::Open)
        },
        MountSpec {
            counted: false,
            ..mount("/m/probe", MountAccess::Open)
        },
    ]);
}

/// How the target says the caller presented itself, or the refusal's code.
fn told(answer: &Answer) -> String {
    let body = answer.json();
    match answer.status {
        200 => body["credential"].as_str().unwrap_or("nobody").to_owned(),
        _ => body["error"].as_str().unwrap().to_owned(),
    }
}

async fn by(gate: &Running, line: &str, headers: &[(&str, &str)]) -> String {
    told(&ask(gate.addr, line, headers).await)
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn a_mount_takes_the_kinds_of_credential_that_it_names() {
    let gate = start(mounts).await;
    let jwt = gate.world.bearer(|_| {});
    let token = api_token(1);
    gate.world.know(&token);
    let token = format!("Bearer {token}");
    // Form-encoded before base64 (RFC 6749 §2.3.1).
    let client = basic("the+app", "s%3Acret%2B1");
    let wrong_client = basic("the+app", "guess");
    for (mount, bearer, api, app, nobody) in [
        ("open", "nobody", "nobody", "nobody", "nobody"),
        (
            "jwt",
            "jwt",
            "invalid_token",
            "invalid_token",
            "unauthorized",
        ),
        (
            "token",
            "invalid_token",
            "api_token",
            "invalid_token",
            "unauthorized",
        ),
        (
            "either",
            "jwt",
            "api_token",
            "invalid_token",
            "unauthorized",
        ),
        (
            "client",
            "invalid_token",
            "invalid_token",
            "client",
            "unauthorized",
        ),
        (
            "optional",
            "jwt",
            "invalid_token",
            "invalid_token",
            "nobody",
        ),
    ] {
        let line = match mount {
            "open" => "GET /local/x".to_owned(),
            mount => format!("GET /m/{mount}/x"),
        };
        for (presented, wanted) in [
            (Some(&jwt), bearer),
            (Some(&token), api),
            (Some(&client), app),
            (None, nobody),
        ] {
            let headers: Vec<(&str, &str)> = presented
                .map(|text| ("Authorization", text.as_str()))
                .into_iter()
                .collect();
            assert_eq!(
                by(&gate, &line, &headers).await,
                wanted,
                "{line} {headers:?}"
            );
        }
    }
    let wrong = [("Authorization", wrong_client.as_str())];
    assert_eq!(by(&gate, "GET /m/client/x", &wrong).await, "invalid_token");
    // An optional credential that is presented must be good.
    let junk = [("Authorization", "Bearer a.b.c")];
    let answer = ask(gate.addr, "GET /m/optional/x", &junk).await;
    assert_eq!(answer.status, 401);
}

/// Whoever was on the way has read them all.
#[tokio::test]
async fn every_credential_of_a_call_over_plain_http_is_told() {
    let gate = start(|realm| {
        mounts(realm);
        realm.require_https = RequireHttps::Reject;
        realm.watches_exposure = true;
    })
    .await;
    let (key, foreign, unknown) = (api_token(1), api_token(2), api_token(3));
    gate.world.know(&key);
    gate.world.know_of(&foreign, Some("globex"));
    let jwt = gate.world.bearer(|_| {});
    let bearer = ("Authorization", jwt.as_str());
    let basic = |user: &str, password: &str| {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        format!("Basic {pair}")
    };
    let (as_password, as_client) = (basic("witboost", &key), basic("the+app", "s%3Acret%2B1"));
    let cookie = ("Cookie", "__Host-s=signed-in");
    for (path, headers, told) in [
        (
            "keyed",
            vec![bearer, ("X-Api-Key", &*key)],
            &[Jwt, ApiToken][..],
        ),
        // Which would be refused over TLS too.
        (
            "keyed",
            vec![bearer, ("X-Api-Key", &*foreign)],
            &[Jwt, ApiToken],
        ),
        (
            "keyed",
            vec![("Authorization", "Bearer x.y.z"), ("X-Api-Key", &*key)],
            &[ApiToken],
        ),
        ("keyed", vec![bearer, ("X-Api-Key", &*unknown)], &[Jwt]),
        // What cannot exist, or is there twice, hides nothing of the rest.
        ("keyed", vec![bearer, ("X-Api-Key", "wbat-junk")], &[Jwt]),
        ("keyed", vec![bearer, ("X-Api-Key", "junk")], &[Jwt]),
        (
            "keyed",
            vec![("Authorization", "Bearer junk"), bearer, bearer],
            &[Jwt],
        ),
        (
            "keyed",
            vec![("X-Api-Key", "wbat-junk"), ("X-Api-Key", &*key)],
            &[ApiToken],
        ),
        // Basic is taken over TLS alone, and was sent.
        ("keyed", vec![("Authorization", &*as_password)], &[ApiToken]),
        ("client", vec![("Authorization", &*as_client)], &[Client]),
        ("page", vec![cookie], &[Session]),
        ("page", vec![cookie, bearer], &[Session, Jwt]),
        ("keyed", vec![bearer], &[Jwt]),
        ("keyed", vec![], &[]),
    ] {
        gate.world.exposed.lock().unwrap().clear();
        let refused = ask(gate.addr, &format!("GET /m/{path}/x"), &headers).await;
        assert_eq!(refused.status, 403);
        assert_eq!(*gate.world.exposed.lock().unwrap(), told, "{headers:?}");
    }
}

#[tokio::test]
async fn an_api_key_may_come_beside_a_bearer_where_the_mount_says_so() {
    let gate = start(mounts).await;
    let (key, foreign, unknown) = (api_token(1), api_token(2), api_token(3));
    gate.world.know(&key);
    gate.world.know_of(&foreign, Some("globex"));
    // Its tenant is acme.
    let jwt = gate.world.bearer(|_| {});
    let bare = jwt.strip_prefix("Bearer ").unwrap().to_owned();
    let line = "GET /m/keyed/x";
    let bearer = ("Authorization", jwt.as_str());
    let key_as_bearer = format!("Bearer {key}");
    for (headers, wanted) in [
        (vec![bearer, ("X-Api-Key", &*key)], "jwt"),
        (vec![bearer], "jwt"),
        (vec![("X-Api-Key", &*key)], "api_token"),
        // An access token may be the key; the same one in both places is one credential.
        (vec![("X-Api-Key", &*bare)], "jwt"),
        (vec![bearer, ("X-Api-Key", &*bare)], "jwt"),
        (
            vec![("Authorization", &*key_as_bearer), ("X-Api-Key", &*key)],
            "api_token",
        ),
        // A key that is no good spoils the call, and another tenant's key is no key.
        (vec![bearer, ("X-Api-Key", &*unknown)], "invalid_token"),
        (vec![bearer, ("X-Api-Key", "junk")], "invalid_token"),
        (
            vec![bearer, ("X-Api-Key", &*foreign)],
            "credential_conflict",
        ),
        (
            vec![bearer, ("X-Api-Key", &*key), ("X-Api-Key", &*key)],
            "credential_conflict",
        ),
        (
            vec![("Authorization", "Basic eDp5"), ("X-Api-Key", &*key)],
            "credential_conflict",
        ),
    ] {
        assert_eq!(by(&gate, line, &headers).await, wanted, "{headers:?}");
    }
    let query = format!("GET /m/keyed/x?api_key={key}");
    for headers in [vec![bearer], vec![("X-Api-Key", &*key)]] {
        assert_eq!(by(&gate, &query, &headers).await, "credential_conflict");
    }
    // The caller is whoever the bearer says, not the key.
    let answer = ask(gate.addr, line, &[bearer, ("X-Api-Key", &key)]).await;
    assert_eq!(answer.json()["tenant"], "acme");
    // Anywhere else two are two.
    let headers = [bearer, ("X-Api-Key", &*key)];
    let elsewhere = by(&gate, "GET /m/either/x", &headers).await;
    assert_eq!(elsewhere, "credential_conflict");
}

/// The same one in both places is one credential; of two both are verified.
#[tokio::test]
async fn a_credential_that_is_sent_twice_is_looked_up_once() {
    let gate = start(mounts).await;
    let (ours, theirs) = (api_token(1), api_token(2));
    gate.world.know_of(&ours, Some("acme"));
    gate.world.know_of(&theirs, Some("globex"));
    let bearer = format!("Bearer {ours}");
    let line = "GET /m/keyed/x";
    let twice = [("Authorization", &*bearer), ("X-Api-Key", &*ours)];
    assert_eq!(by(&gate, line, &twice).await, "api_token");
    assert_eq!(gate.world.introspected.load(SeqCst), 1);
    let two = [("Authorization", &*bearer), ("X-Api-Key", &*theirs)];
    assert_eq!(by(&gate, line, &two).await, "credential_conflict");

    let jwt = gate.world.bearer(|_| {});
    let globex = |claims: &mut Map<String, Value>| claims.insert("tenant".into(), "globex".into());
    let other = gate.world.bearer(|claims| drop(globex(claims)));
    let bare = |bearer: &str| bearer.strip_prefix("Bearer ").unwrap().to_owned();
    let twice = [("Authorization", &*jwt), ("X-Api-Key", &*bare(&jwt))];
    assert_eq!(by(&gate, line, &twice).await, "jwt");
    assert_eq!(gate.gate.counters().cache_hits.load(SeqCst), 0);
    let two = [("Authorization", &*jwt), ("X-Api-Key", &*bare(&other))];
    assert_eq!(by(&gate, line, &two).await, "credential_conflict");
}

#[tokio::test]
async fn a_cookie_changes_something_only_for_our_own_pages() {
    let gate = start(mounts).await;
    let cookie = ("Cookie", "theme=dark; __Host-s=signed-in");
    let site = |site| ("Sec-Fetch-Site", site);
    for (method, headers, wanted) in [
        ("GET", vec![cookie], "session"),
        ("GET", vec![cookie, site("cross-site")], "session"),
        ("POST", vec![cookie], "unauthorized"),
        ("POST", vec![cookie, site("cross-site")], "unauthorized"),
        ("POST", vec![cookie, site("same-site")], "unauthorized"),
        ("POST", vec![cookie, site("none")], "unauthorized"),
        ("POST", vec![cookie, site("same-origin")], "session"),
        (
            "DELETE",
            vec![cookie, ("Origin", "http://gate.test")],
            "session",
        ),
        (
            "DELETE",
            vec![cookie, ("Origin", "https://gate.test")],
            "unauthorized",
        ),
        (
            "DELETE",
            vec![cookie, ("Origin", "http://evil.test")],
            "unauthorized",
        ),
        ("DELETE", vec![cookie, ("Origin", "null")], "unauthorized"),
        (
            "DELETE",
            vec![cookie, ("Origin", "http://gate.test"), site("cross-site")],
            "unauthorized",
        ),
        ("GET", vec![("Cookie", "__Host-s=other")], "invalid_token"),
        (
            "GET",
            vec![("Cookie", "__host-s=signed-in")],
            "unauthorized",
        ),
        ("GET", vec![("Cookie", "__Host-s=")], "unauthorized"),
        (
            "GET",
            vec![("Cookie", "__Host-s=other; __Host-s=signed-in")],
            "unauthorized",
        ),
        ("GET", vec![], "unauthorized"),
    ] {
        let line = format!("{method} /m/page/x");
        assert_eq!(
            by(&gate, &line, &headers).await,
            wanted,
            "{line} {headers:?}"
        );
    }
    // W5: a line that cannot be read may hold another of the name.
    for (line, status) in [(&b"__Host-s=\xff"[..], 401), (b"theme=dark", 200)] {
        let head = b"GET /m/page/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n";
        let own = b"Cookie: __Host-s=signed-in\r\nCookie: ";
        let wire = [head, &own[..], line, b"\r\n\r\n"].concat();
        let answer = say(gate.addr, &wire).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    // What is presented on purpose counts; browsers add the cookie by themselves.
    let jwt = gate.world.bearer(|_| {});
    let both = [cookie, ("Authorization", jwt.as_str())];
    assert_eq!(by(&gate, "POST /m/page/x", &both).await, "jwt");
    // Nowhere else is the cookie a credential.
    let elsewhere = by(&gate, "GET /m/jwt/x", &[cookie]).await;
    assert_eq!(elsewhere, "unauthorized");
}

#[tokio::test]
async fn a_mount_says_which_origins_may_call_it() {
    let gate = start(mounts).await;
    let (app, page, other) = (
        "https://app.test",
        "https://page.test",
        "https://other.test",
    );
    let allowed = |answer: &Answer| {
        (
            answer
                .header("access-control-allow-origin")
                .map(str::to_owned),
            answer.header("access-control-allow-credentials").is_some(),
        )
    };
    for (path, origin, wanted) in [
        // The realm's list is for what says nothing else.
        ("/local/x", app, (Some(app), true)),
        ("/local/x", page, (None, false)),
        ("/api/x", app, (Some(app), true)),
        ("/m/any/x", other, (Some("*"), false)),
        ("/m/listed/x", page, (Some(page), true)),
        ("/m/listed/x", app, (None, false)),
        ("/m/plain/x", page, (Some(page), false)),
    ] {
        let wanted = (wanted.0.map(str::to_owned), wanted.1);
        let headers = [("Origin", origin)];
        let answer = ask(gate.addr, &format!("GET {path}"), &headers).await;
        assert_eq!(allowed(&answer), wanted, "{path} {origin}");
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "PUT")];
        let asked = ask(gate.addr, &format!("OPTIONS {path}"), &headers).await;
        assert_eq!(allowed(&asked), wanted, "OPTIONS {path} {origin}");
        assert_eq!(asked.status == 204, wanted.0.is_some(), "{path} {origin}");
    }
    // Where it is by method, what counts is the method that a preflight announces.
    for (line, announced, wanted) in [
        ("OPTIONS", "GET", Some("*")),
        ("OPTIONS", "PUT", Some(page)),
        ("GET", "PUT", Some("*")),
        ("PUT", "GET", Some(page)),
    ] {
        let headers = [
            ("Origin", page),
            ("Access-Control-Request-Method", announced),
        ];
        let answer = ask(gate.addr, &format!("{line} /m/split/x"), &headers).await;
        assert_eq!(allowed(&answer).0.as_deref(), wanted, "{line} {announced}");
    }
    let answer = ask(gate.addr, "GET /m/any/x", &[("Origin", other)]).await;
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.ends_with(", x-api-version, link"), "{exposed}");
    assert!(exposed.contains("x-request-id"), "{exposed}");
    let headers = [("Origin", page), ("Access-Control-Request-Method", "PUT")];
    let asked = ask(gate.addr, "OPTIONS /m/listed/x", &headers).await;
    assert_eq!(asked.header("access-control-max-age"), Some("60"));
    assert_eq!(asked.header("vary"), Some("origin"));
}

#[tokio::test]
async fn a_call_has_a_deadline_a_size_and_a_rate() {
    let gate = start(mounts).await;
    let stuck = ask(gate.addr, "GET /m/slow/stuck", &[]).await;
    assert_eq!(stuck.code(), (504, "deadline_passed".to_owned()));
    assert_eq!(ask(gate.addr, "GET /m/slow/x", &[]).await.status, 200);
    let body = "x".repeat(11);
    let large = send(gate.addr, "POST /m/small/x", &[], &body).await;
    assert_eq!(large.code(), (413, "body_too_large".to_owned()));
    let fits = send(gate.addr, "POST /m/small/x", &[], body.get(..10).unwrap()).await;
    assert_eq!(fits.status, 200);
    for wanted in [200, 200, 429] {
        let answer = ask(gate.addr, "GET /m/few/x", &[]).await;
        assert_eq!(answer.status, wanted);
    }
}

#[tokio::test]
async fn a_target_made_once_finds_the_realm_that_was_called() {
    let gate = start(mounts).await;
    let answer = ask(gate.addr, "GET /local/x", &[]).await.json();
    assert_eq!(
        (&answer["realm"], &answer["part"]),
        (&Value::from("test"), &Value::from("part of test"))
    );
}

fn three_an_hour() -> LimitSpec {
    let quota = Quota::new(3, Duration::from_secs(3600), 3).unwrap();
    LimitSpec::rate("three", LimitKey::Address, quota)
}

/// A load balancer that is told 429 takes the node out.
#[tokio::test]
async fn what_is_not_counted_passes_the_limits_of_the_realm() {
    let gate = start(|realm| {
        mounts(realm);
        realm.limits.push(three_an_hour());
    })
    .await;
    for wanted in [200, 200, 200, 429] {
        assert_eq!(ask(gate.addr, "GET /m/probe", &[]).await.status, 200);
        assert_eq!(ask(gate.addr, "GET /m/any/x", &[]).await.status, wanted);
    }
    let probe = ask(gate.addr, "GET /m/probe", &[]).await;
    assert_eq!((probe.status, probe.header("ratelimit")), (200, None));
}

/// Whoever is refused by a target's own count waits as long as that says, and is not told
/// how much is left of another limit.
#[tokio::test]
async fn a_targets_own_429_tells_its_own_wait_alone() {
    let gate = start(|realm| {
        mounts(realm);
        realm.limits.push(three_an_hour());
        realm.legacy_limit_headers = true;
    })
    .await;
    let passed = ask(gate.addr, "GET /m/any/x", &[]).await;
    assert!(passed.header("ratelimit").is_some() && passed.header("x-ratelimit-limit").is_some());
    let refused = ask(gate.addr, "GET /m/any/tired", &[]).await;
    assert_eq!(refused.code(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("90"));
    for name in ["ratelimit", "ratelimit-policy", "x-ratelimit-remaining"] {
        assert_eq!(refused.header(name), None, "{name}");
    }
    assert_eq!(ask(gate.addr, "GET /m/any/x", &[]).await.status, 200);
    let limited = ask(gate.addr, "GET /m/any/x", &[]).await;
    assert_eq!(limited.status, 429);
    assert!(
        limited.header("ratelimit").is_some(),
        "its own limit it tells"
    );
}
