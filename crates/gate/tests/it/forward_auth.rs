//! Forward-auth: the same judgement on another proxy's facts.

use super::support::{api_token, ask, route, scope, start};
use doorward_gate::policy::spec::{RouteSpec, TenantHeaderSpec, UpstreamSpec};

#[tokio::test]
async fn allow_is_200_with_the_identity_and_deny_is_what_it_is() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let get = async |path: &str, uri: &str, authorization: Option<&str>| {
        let mut headers = vec![
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Uri", uri),
            ("X-User-Id", "forged"),
        ];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        ask(gate.addr, &format!("GET {path}"), &headers).await
    };
    let allowed = get("/forward-auth", "/api/x?q=1", Some(&jwt)).await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("x-doorward-tenant"), Some("acme"));
    assert_eq!(allowed.header("x-user-id"), None);
    for (uri, wanted) in [
        ("/api/x", 401),
        ("/nowhere", 401),
        ("/open/x", 200),
        ("/open/../api/x", 400),
        ("/open/%2e%2e/api", 400),
    ] {
        assert_eq!(
            get("/forward-auth", uri, None).await.status,
            wanted,
            "{uri}"
        );
    }
    assert_eq!(
        get("/forward-auth", "/nowhere", Some(&jwt)).await.status,
        404
    );
    let malformed = get("/forward-auth", "/open/x", Some("Bearer junk")).await;
    assert_eq!(
        malformed.status, 401,
        "g5: a bad token is no anonymous pass"
    );
    let nginx = get("/forward-auth?deny=403", "/api/x", None).await;
    assert_eq!(
        (nginx.status, nginx.header("x-auth-status")),
        (403, Some("401"))
    );
    // A slash at the end is no other place, and asks what is asked there.
    let slash = get("/forward-auth/?deny=403", "/api/x", None).await;
    assert_eq!(slash.header("x-auth-status"), Some("401"));
    assert_eq!(
        get("/forward-auth/", "/api/x", Some(&jwt)).await.status,
        200
    );
    assert_eq!(get("/forward-auth//", "/open/x", None).await.status, 400);
}

#[tokio::test]
async fn missing_doubled_or_foreign_facts_deny() {
    let gate = start(|_| {}).await;
    for headers in [
        vec![],
        vec![("X-Forwarded-Method", "GET")],
        vec![("X-Forwarded-Uri", "/open/x")],
        vec![("X-Forwarded-Method", ""), ("X-Forwarded-Uri", "/open/x")],
        vec![
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Uri", "/open/x"),
            ("X-Original-URI", "/api/x"),
        ],
        vec![
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Uri", "/open/x"),
            ("X-Forwarded-Uri", "/api/x"),
        ],
    ] {
        let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
        assert_eq!(
            answer.code(),
            (400, "invalid_request".into()),
            "{headers:?}"
        );
    }
    let foreign = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/open/x"),
        ("X-Forwarded-Host", "other.test"),
    ];
    assert_eq!(
        ask(gate.addr, "GET /forward-auth", &foreign).await.status,
        421
    );
    let original = [
        ("X-Original-Method", "GET"),
        ("X-Original-URL", "https://gate.test/open/x"),
    ];
    assert_eq!(
        ask(gate.addr, "GET /forward-auth", &original).await.status,
        200
    );
}

#[tokio::test]
async fn the_method_that_counts_is_the_original_one() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    for (method, wanted) in [("GET", 200), ("POST", 405)] {
        let headers = [
            ("X-Forwarded-Method", method),
            ("X-Forwarded-Uri", "/get-only"),
            ("Authorization", &*jwt),
        ];
        assert_eq!(
            ask(gate.addr, "GET /forward-auth", &headers).await.status,
            wanted,
            "{method}"
        );
    }
}

#[tokio::test]
async fn it_is_not_there_for_strangers_where_only_proxies_may_ask() {
    let gate = start(|realm| realm.forward_auth.as_mut().unwrap().trusted_only = true).await;
    let headers = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/open/x"),
    ];
    assert_eq!(
        ask(gate.addr, "GET /forward-auth", &headers).await.status,
        401
    );
}

#[tokio::test]
async fn what_is_judged_is_all_that_the_other_proxy_forwards() {
    let gate = start(|_| {}).await;
    for (uri, wanted) in [
        ("/open/x#/../../api/x", 400),
        ("/open/x?q#y", 400),
        ("/open/x#", 400),
        ("/open/x y", 400),
        ("/open/x?a\tb", 400),
        ("/open/é", 400),
        ("/open/x?é", 400),
        ("http://evil.test/open/x", 400),
        ("http://gate.test@evil.test/open/x", 400),
        ("http://u@gate.test/open/x", 400),
        ("http://gate.test:81/open/x", 400),
        ("//evil.test/open/x", 400),
        ("evil.test", 400),
        ("http://GATE.test/open/x", 200),
        ("/open/x?q=%23/../..", 200),
    ] {
        let headers = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", uri)];
        let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
        assert_eq!(answer.status, wanted, "{uri}: {answer:?}");
    }
    let named = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "gate.test:8443"),
        ("X-Original-URL", "https://gate.test:8443/open/x"),
    ];
    assert_eq!(
        ask(gate.addr, "GET /forward-auth", &named).await.status,
        200
    );
}

#[tokio::test]
async fn the_original_line_is_screened_like_a_direct_one() {
    let gate = start(|_| {}).await;
    let long = format!("/open/{}", "a".repeat(8 * 1024));
    let query = format!("/open/x?{}", "a".repeat(8 * 1024));
    for (method, uri, wanted) in [
        ("TRACE", "/open/x", 405),
        ("CONNECT", "/open/x", 405),
        ("PROPFIND", "/open/x", 501),
        ("get", "/open/x", 501),
        ("GET", &*long, 414),
        ("GET", &*query, 414),
        ("DELETE", "/open/x", 200),
    ] {
        let asked = [("X-Forwarded-Method", method), ("X-Forwarded-Uri", uri)];
        let answer = ask(gate.addr, "GET /forward-auth", &asked).await;
        assert_eq!(answer.status, wanted, "{method}");
        if uri.len() < 100 {
            let direct = ask(gate.addr, &format!("{method} {uri}"), &[]).await;
            let direct = if method == "CONNECT" {
                405
            } else {
                direct.status
            };
            assert_eq!(direct, wanted, "{method}");
        }
    }
}

const IDENTITY: [&str; 8] = [
    "x-doorward-subject",
    "x-doorward-kind",
    "x-doorward-issuer",
    "x-doorward-tenant",
    "x-doorward-role",
    "x-doorward-scopes",
    "x-doorward-credential",
    "x-hasura-user-id",
];

/// D1: what the answer does not name, the asking proxy leaves as the client wrote it.
#[tokio::test]
async fn every_identity_header_is_answered_also_where_there_is_none() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|claims| {
        claims.remove("tenant");
        claims.remove("role");
    });
    let ask_for = async |uri: &str, authorization: Option<&str>| {
        let mut headers = vec![("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", uri)];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
        assert_eq!(answer.status, 200, "{uri}");
        answer
    };
    let anonymous = ask_for("/open/x", None).await;
    for name in IDENTITY.iter().chain(&["authorization"]) {
        assert_eq!(anonymous.header(name), Some(""), "{name}");
    }
    let known = ask_for("/open/x", Some(&jwt)).await;
    let removed = known.header("x-envoy-auth-headers-to-remove").unwrap();
    let removed: Vec<&str> = removed.split(',').collect();
    for name in IDENTITY {
        let value = known.header(name).unwrap();
        assert_eq!(
            value.is_empty(),
            removed.contains(&name),
            "{name}: {value:?}"
        );
    }
    assert!(
        known
            .header("x-doorward-subject")
            .is_some_and(|value| !value.is_empty())
    );
    assert!(removed.contains(&"x-doorward-role"));
    // A JWT goes on where the realm says so, an API token never does.
    assert_eq!(known.header("authorization"), Some(&*jwt));
    let token = api_token(1);
    gate.world.know(&token);
    let by_token = ask_for("/open/x", Some(&format!("Bearer {token}"))).await;
    assert_eq!(by_token.header("authorization"), Some(""));
}

/// What the gate takes out where it proxies by itself, the other proxy empties.
#[tokio::test]
async fn what_shows_or_selects_a_caller_is_answered_empty() {
    let gate = start(|realm| {
        realm.role_header = Some("acme-role".parse().unwrap());
        realm.tenant_header = Some(TenantHeaderSpec {
            header: "acme-org".parse().unwrap(),
            foreign_scope: scope("tenant:assume"),
        });
        realm.identity.strip = vec!["acme-user".parse().unwrap()];
    })
    .await;
    let token = api_token(1);
    gate.world.know(&token);
    for known in [false, true] {
        let mut headers = vec![
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Uri", "/open/x"),
        ];
        headers.extend(known.then_some(("X-API-Key", &*token)));
        let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
        assert_eq!(answer.status, 200);
        let removed = answer.header("x-envoy-auth-headers-to-remove").unwrap();
        let removed: Vec<&str> = removed.split(',').collect();
        for name in ["x-api-key", "acme-role", "acme-org", "acme-user"] {
            assert_eq!(answer.header(name), Some(""), "{name}");
            let listed = removed.iter().filter(|listed| **listed == name);
            assert_eq!(listed.count(), 1, "{name}: {removed:?}");
        }
        assert_eq!(answer.header("x-doorward-subject") == Some(""), !known);
    }
}

/// Nobody takes it out of the query that the other proxy forwards.
#[tokio::test]
async fn a_credential_in_the_query_is_refused() {
    let gate = start(|realm| {
        realm.routes.push(RouteSpec {
            jwt_query: Some("access_token".into()),
            ..route("/live/**", UpstreamSpec::Echo)
        });
    })
    .await;
    let token = api_token(1);
    gate.world.know(&token);
    let jwt = gate.world.bearer(|_| {}).replace("Bearer ", "");
    for (method, uri, wanted) in [
        ("GET", format!("/api/x?api_key={token}"), 400),
        ("POST", format!("/open/x?a=1&api%5Fkey={token}"), 400),
        ("GET", format!("/live/x?access_token={jwt}"), 400),
        ("POST", format!("/live/x?access_token={jwt}"), 400),
        ("GET", "/open/x?key=1&access_token=1".to_owned(), 200),
    ] {
        for suffix in ["", "?deny=403"] {
            let headers = [("X-Forwarded-Method", method), ("X-Forwarded-Uri", &*uri)];
            let answer = ask(gate.addr, &format!("GET /forward-auth{suffix}"), &headers).await;
            let status = match answer.header("x-auth-status") {
                Some(status) => status.parse().unwrap(),
                None => answer.status,
            };
            assert_eq!(status, wanted, "{uri}: {answer:?}");
            if wanted == 400 {
                assert!(answer.body.contains("send it in a header"), "{answer:?}");
            }
        }
    }
    // Where the gate proxies by itself it takes the credential out.
    let direct = ask(gate.addr, &format!("GET /api/x?api_key={token}"), &[]).await;
    assert_eq!(direct.status, 200);
}

/// Whether the page is the API's own is judged by the host that the browser asked.
#[tokio::test]
async fn basic_of_another_sites_page_is_refused_here_too() {
    use base64::Engine as _;
    let gate = start(|realm| realm.hosts.push("api.test".into())).await;
    let token = api_token(1);
    gate.world.know(&token);
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("witboost:{token}"));
    let authorization = format!("Basic {pair}");
    for (origin, wanted) in [
        ("http://api.test", 200),
        ("http://gate.test", 403),
        ("https://evil.test", 403),
        ("https://app.test", 200),
    ] {
        let headers = [
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-Uri", "/scoped/x"),
            ("X-Forwarded-Host", "api.test"),
            ("Authorization", &*authorization),
            ("Origin", origin),
        ];
        let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
        assert_eq!(answer.status, wanted, "{origin}: {answer:?}");
    }
}

/// D15: a page behind the other proxy may ask, and may read why it was refused.
#[tokio::test]
async fn preflights_pass_and_refusals_can_be_read_by_pages() {
    let gate = start(|_| {}).await;
    let asked = async |method: &str, origin: &str| {
        let headers = [
            ("X-Forwarded-Method", method),
            ("X-Forwarded-Uri", "/api/x"),
            ("Origin", origin),
            ("Access-Control-Request-Method", "PUT"),
        ];
        ask(gate.addr, "GET /forward-auth", &headers).await
    };
    let (listed, other) = ("https://app.test", "https://evil.test");
    let preflight = asked("OPTIONS", listed).await;
    assert_eq!(preflight.status, 200);
    for name in IDENTITY {
        assert_eq!(preflight.header(name), Some(""), "{name}");
    }
    assert_eq!(asked("OPTIONS", other).await.status, 401);
    for (origin, allowed) in [(listed, Some(listed)), (other, None)] {
        let refused = asked("PUT", origin).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("access-control-allow-origin"), allowed);
    }
}

/// What an allow would send to the upstream: the password of a sign-in, the token of an
/// exchange.
#[tokio::test]
async fn our_own_paths_are_refused_whatever_is_presented() {
    let gate = start(|realm| {
        // Broader ones, which anybody may call, do not let them through either.
        let open = |path| RouteSpec {
            public: true,
            ..route(path, UpstreamSpec::Echo)
        };
        realm.routes.extend([open("/**"), open("/panic/**")]);
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    for uri in ["/local/x", "/local", "/local/x/?q", "/panic", "/me/x"] {
        for method in ["GET", "POST", "OPTIONS"] {
            for authorization in [None, Some(("Authorization", &*jwt))] {
                let mut headers = vec![
                    ("X-Forwarded-Method", method),
                    ("X-Forwarded-Uri", uri),
                    ("Origin", "https://app.test"),
                    ("Access-Control-Request-Method", "POST"),
                ];
                headers.extend(authorization);
                let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
                assert_eq!(
                    answer.code(),
                    (404, "route_unknown".into()),
                    "{method} {uri}"
                );
                assert!(answer.body.contains("docs/forward-auth.md"), "{uri}");
            }
        }
    }
    for uri in ["/localx", "/panic/x", "/other"] {
        let headers = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", uri)];
        let answer = ask(gate.addr, "GET /forward-auth", &headers).await;
        assert_eq!(answer.status, 200, "{uri}");
    }
}
