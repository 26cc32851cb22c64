//! Who may do what, and what an unknown path answers.

use super::support::{api_token, ask, mount, route, say, scope, send, start};
use doorward_base::CredentialKind::Jwt;
use doorward_base::limit::{Amount, Quota};
use doorward_gate::policy::spec::{
    LimitKey, LimitSpec, MountAccess, MountSpec, RequireHttps, RouteSpec, ScopeRule,
    TenantHeaderSpec, TenantRule, UpstreamSpec,
};
use http::Method;
use std::time::Duration;

#[tokio::test]
async fn nothing_without_a_credential_and_404_only_for_those_who_have_one() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    for path in ["/api/x", "/nowhere", "/me/x", "/API/x"] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.code(), (401, "unauthorized".into()), "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
    }
    for path in ["/nowhere", "/API/x", "/apix"] {
        let answer = ask(
            gate.addr,
            &format!("GET {path}"),
            &[("Authorization", &jwt)],
        )
        .await;
        assert_eq!(answer.code(), (404, "route_unknown".into()), "{path}");
    }
    let bad = ask(
        gate.addr,
        "GET /nowhere",
        &[("Authorization", "Bearer a.b.c")],
    )
    .await;
    assert_eq!(bad.status, 401);
    let good = ask(gate.addr, "GET /api/x?q=1", &[("Authorization", &jwt)]).await;
    assert_eq!(good.status, 200);
    assert_eq!(good.json()["path"], "/api/x");
    assert_eq!(good.json()["query"], "q=1");
}

#[tokio::test]
async fn the_wrong_method_is_405_with_allow_but_not_for_strangers() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    assert_eq!(ask(gate.addr, "POST /get-only", &[]).await.status, 401);
    let answer = ask(gate.addr, "POST /get-only", &[("Authorization", &jwt)]).await;
    assert_eq!(answer.code(), (405, "method_not_allowed".into()));
    assert_eq!(answer.header("allow"), Some("GET"));
}

#[tokio::test]
async fn strangers_learn_the_methods_of_what_they_may_call() {
    let gate = start(|realm| {
        let get = |path: &str, access| MountSpec {
            methods: vec![Method::GET],
            ..mount(path, access)
        };
        realm.mounts.extend([
            get("/mounted/open", MountAccess::Open),
            get("/mounted/optional", MountAccess::Optional(vec![Jwt])),
            get("/mounted/required", MountAccess::Required(vec![Jwt])),
        ]);
    })
    .await;
    for (path, status) in [("open", 405), ("optional", 405), ("required", 401)] {
        let answer = ask(gate.addr, &format!("POST /mounted/{path}"), &[]).await;
        assert_eq!(answer.status, status, "{path}");
        let told = answer.header("allow").is_some();
        assert_eq!(told, status == 405, "{path}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_403_and_its_trace_says_what_was_held() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|claims| {
        claims.insert("scope".into(), "service:y".into());
    });
    let answer = ask(gate.addr, "GET /scoped/x", &[("Authorization", &jwt)]).await;
    assert_eq!(answer.code(), (403, "insufficient_scope".into()));
    let realm = "test".parse().unwrap();
    let id = answer.header("x-request-id").unwrap().parse().unwrap();
    let denial = gate.gate.denials().find(&realm, id).unwrap();
    assert_eq!((denial.stage, denial.check), ("decide", "scope_any"));
    assert_eq!(
        (&*denial.required, &*denial.held),
        (&["service:x".to_owned()][..], &["service:y".to_owned()][..])
    );
    assert_eq!(denial.route.as_deref(), Some("/scoped/**"));
    let tenant = "globex".parse().unwrap();
    assert!(
        gate.gate
            .denials()
            .list(&realm, Some(&tenant), 10)
            .is_empty()
    );
    assert_eq!(
        gate.gate
            .denials()
            .list(&realm, Some(&"acme".parse().unwrap()), 10)
            .len(),
        1
    );
    let other = "other".parse().unwrap();
    assert!(gate.gate.denials().find(&other, id).is_none());
}

#[tokio::test]
async fn a_role_is_selected_among_ones_own_only() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let ask_as = async |role: &str| {
        ask(
            gate.addr,
            "GET /api/x",
            &[("Authorization", &jwt), ("X-Hasura-Role", role)],
        )
        .await
    };
    assert_eq!(
        ask_as("editor").await.json()["headers"]["x-doorward-role"],
        "editor"
    );
    assert_eq!(
        ask_as("admin").await.code(),
        (403, "role_not_allowed".into())
    );
    assert_eq!(
        ask_as("user").await.json()["headers"]["x-doorward-role"],
        "user"
    );
}

#[tokio::test]
async fn a_foreign_tenant_needs_the_scope_for_it() {
    let gate = start(|realm| {
        realm.tenant_header = Some(TenantHeaderSpec {
            header: "x-tenant-id".parse().unwrap(),
            foreign_scope: scope("tenant:assume"),
        });
    })
    .await;
    let plain = gate.world.bearer(|_| {});
    let operator = gate.world.bearer(|claims| {
        claims.insert("scope".into(), "tenant:assume".into());
        claims["dw"]["x"] = true.into();
    });
    // The administrator of one tenant, who holds it there; and who has not got it at all.
    let local = gate.world.bearer(|claims| {
        claims.insert("scope".into(), "tenant:assume".into());
    });
    let other = gate.world.bearer(|claims| claims["dw"]["x"] = true.into());
    for (jwt, tenant, wanted) in [
        (&plain, "acme", "acme"),
        (&operator, "globex", "globex"),
        (&operator, "acme", "acme"),
    ] {
        let headers = [("Authorization", jwt.as_str()), ("X-Tenant-Id", tenant)];
        let answer = ask(gate.addr, "GET /api/x", &headers).await;
        assert_eq!(answer.json()["headers"]["x-doorward-tenant"], wanted);
        assert_eq!(answer.json()["headers"].get("x-tenant-id"), None);
    }
    for tenant in ["globex", "acme/../globex", "ACME"] {
        let headers = [("Authorization", plain.as_str()), ("X-Tenant-Id", tenant)];
        let answer = ask(gate.addr, "GET /api/x", &headers).await;
        assert_eq!(answer.code(), (403, "tenant_forbidden".into()), "{tenant}");
    }
    for (jwt, is_told) in [(&local, true), (&other, false)] {
        let headers = [("Authorization", jwt.as_str()), ("X-Tenant-Id", "globex")];
        let answer = ask(gate.addr, "GET /api/x", &headers).await;
        assert_eq!(answer.code(), (403, "tenant_forbidden".into()));
        // Who has the scope is told how to get where it wants.
        let told = answer.body.contains("sign in without a tenant");
        assert_eq!(told, is_told, "{}", answer.body);
        let own = [("Authorization", jwt.as_str()), ("X-Tenant-Id", "acme")];
        assert_eq!(ask(gate.addr, "GET /api/x", &own).await.status, 200);
    }
    // A role that does not give it opens no other tenant either.
    let as_user = [
        ("Authorization", operator.as_str()),
        ("X-Tenant-Id", "globex"),
        ("X-Hasura-Role", "user"),
    ];
    let answer = ask(gate.addr, "GET /api/x", &as_user).await;
    assert_eq!(answer.code(), (403, "tenant_forbidden".into()));
    let twice = [
        ("Authorization", plain.as_str()),
        ("X-Tenant-Id", "acme"),
        ("X-Tenant-Id", "globex"),
    ];
    assert_eq!(ask(gate.addr, "GET /api/x", &twice).await.status, 400);
}

#[tokio::test]
async fn tenant_permission_role_and_method_scopes_are_checked() {
    let gate = start(|realm| {
        let echo = || UpstreamSpec::Echo;
        realm.routes.push(RouteSpec {
            tenant: TenantRule::Required,
            ..route("/t", echo())
        });
        realm.routes.push(RouteSpec {
            permissions: vec!["edit".parse().unwrap()],
            ..route("/p", echo())
        });
        realm.routes.push(RouteSpec {
            roles: vec!["editor".parse().unwrap()],
            ..route("/r", echo())
        });
        let rule = ScopeRule {
            all: vec![scope("service:x"), scope("service:y")],
            write: vec![scope("write")],
            ..ScopeRule::default()
        };
        realm.routes.push(RouteSpec {
            scopes: rule,
            ..route("/s", echo())
        });
    })
    .await;
    let full = gate.world.bearer(|_| {});
    let poor = gate.world.bearer(|claims| {
        for name in ["tenant", "roles", "scope"] {
            claims.remove(name);
        }
    });
    let edit = gate.world.bearer(|claims| {
        claims.insert("permissions".into(), serde_json::json!(["edit"]));
        claims.insert("scope".into(), "service:x service:y write".into());
    });
    for (line, jwt, wanted) in [
        ("GET /t", &full, "200"),
        ("GET /t", &poor, "tenant_required"),
        ("GET /p", &edit, "200"),
        ("GET /p", &full, "insufficient_permission"),
        ("GET /r", &full, "200"),
        ("GET /r", &poor, "role_not_allowed"),
        ("GET /s", &full, "200"),
        ("POST /s", &full, "insufficient_scope"),
        ("POST /s", &edit, "200"),
        ("GET /s", &poor, "insufficient_scope"),
    ] {
        let answer = ask(gate.addr, line, &[("Authorization", jwt)]).await;
        let told = if answer.status == 200 {
            "200".to_owned()
        } else {
            answer.code().1
        };
        assert_eq!(told, wanted, "{line}");
    }
    // A selected role stands alone.
    let as_user = [("Authorization", full.as_str()), ("X-Hasura-Role", "user")];
    assert_eq!(ask(gate.addr, "GET /r", &as_user).await.status, 403);
}

#[tokio::test]
async fn limits_count_per_holder_and_say_when_to_come_back() {
    let gate = start(|realm| {
        realm.legacy_limit_headers = true;
        realm.limits.push(LimitSpec {
            overrides: vec![(
                "big".parse().unwrap(),
                Amount::Rate(Quota::new(100, Duration::from_secs(10), 100).unwrap()),
            )],
            ..LimitSpec::rate(
                "per-tenant",
                LimitKey::Tenant,
                Quota::new(1, Duration::from_secs(10), 2).unwrap(),
            )
        });
    })
    .await;
    let of = |tenant: &str| {
        gate.world.bearer(|claims| {
            claims.insert("tenant".into(), tenant.into());
        })
    };
    let (acme, globex, big) = (of("acme"), of("globex"), of("big"));
    let get = async |jwt: &str| ask(gate.addr, "GET /api/x", &[("Authorization", jwt)]).await;
    let first = get(&acme).await;
    assert_eq!(
        first.header("ratelimit-policy"),
        Some("\"per-tenant\";q=1;w=10")
    );
    assert_eq!(first.header("ratelimit"), Some("\"per-tenant\";r=1;t=10"));
    assert_eq!(first.header("x-ratelimit-remaining"), Some("1"));
    assert_eq!(get(&acme).await.status, 200);
    let third = get(&acme).await;
    assert_eq!(third.code(), (429, "rate_limited".into()));
    assert_eq!(third.header("retry-after"), Some("10"));
    assert_eq!(get(&globex).await.status, 200);
    for _ in 0..10 {
        assert_eq!(get(&big).await.status, 200);
    }
    gate.world.clock.advance(Duration::from_secs(10));
    assert_eq!(get(&acme).await.status, 200);
}

#[tokio::test]
async fn limits_of_the_realm_count_what_is_not_there_too() {
    let gate = start(|realm| {
        realm.limits.push(LimitSpec::rate(
            "everywhere",
            LimitKey::Tenant,
            Quota::new(2, Duration::from_secs(60), 2).unwrap(),
        ));
    })
    .await;
    for (line, tenant, first) in [("GET /nowhere", "one", 404), ("POST /get-only", "two", 405)] {
        let jwt = gate.world.bearer(|claims| {
            claims.insert("tenant".into(), tenant.into());
        });
        for wanted in [first, first, 429, 429] {
            let answer = ask(gate.addr, line, &[("Authorization", &jwt)]).await;
            assert_eq!(answer.status, wanted, "{line}");
        }
        let answer = ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await;
        assert_eq!(answer.status, 429, "the bucket is one");
        assert_eq!(ask(gate.addr, line, &[]).await.status, 401);
    }
    let other = gate.world.bearer(|_| {});
    let answer = ask(gate.addr, "GET /nowhere", &[("Authorization", &other)]).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_slash_at_the_end_does_not_lead_to_a_broader_route() {
    let gate = start(|realm| {
        let protected = |path| route(path, UpstreamSpec::Echo);
        realm.routes.push(protected("/admin"));
        realm.routes.push(protected("/users/{id}"));
        realm.routes.push(RouteSpec {
            public: true,
            ..route("/**", UpstreamSpec::Echo)
        });
    })
    .await;
    for path in ["/admin", "/admin/", "/users/1", "/users/1/", "/get-only/"] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(ask(gate.addr, "GET /other/", &[]).await.status, 200);
    let jwt = gate.world.bearer(|_| {});
    let answer = ask(gate.addr, "GET /admin/", &[("Authorization", &jwt)]).await;
    assert_eq!(answer.json()["path"], "/admin/", "forwarded as it came");
}

/// D9: a script with a dead token does nothing to its neighbours.
#[tokio::test]
async fn failures_slow_down_failures_and_no_credential_that_verifies() {
    let gate = start(|realm| {
        realm.failed_credentials = Quota::new(1, Duration::from_secs(60), 3).unwrap();
    })
    .await;
    let good = api_token(1);
    gate.world.know(&good);
    let jwt = gate.world.bearer(|_| {});
    let mut forged = jwt.clone();
    forged.truncate(forged.len() - 8);
    forged.push_str("AAAAAAAA");
    let get = async |credential: &str| {
        let headers = [("Authorization", credential)];
        ask(gate.addr, "GET /api/x", &headers).await
    };
    let dead = |seed| format!("Bearer {}", api_token(seed));
    for seed in 10..13 {
        assert_eq!(get(&dead(seed)).await.status, 401);
    }
    for credential in [&dead(20), &forged] {
        let limited = get(credential).await;
        assert_eq!(limited.code(), (429, "rate_limited".into()), "{credential}");
        assert_eq!(limited.header("retry-after"), Some("60"));
    }
    assert_eq!(get(&format!("Bearer {good}")).await.status, 200);
    assert_eq!(get(&jwt).await.status, 200);
    assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 200);
    gate.world.clock.advance(Duration::from_secs(60));
    assert_eq!(get(&dead(21)).await.status, 401);
}

/// D10: who sends Basic only when asked is asked, unless it is a page's script.
#[tokio::test]
async fn a_route_with_basic_challenges_for_it() {
    let gate = start(|_| {}).await;
    let basic = "Basic realm=\"test\", charset=\"UTF-8\"";
    let challenges = async |path: &str, headers: &[(&str, &str)]| {
        let answer = ask(gate.addr, &format!("GET {path}"), headers).await;
        assert_eq!(answer.status, 401, "{path}");
        // In one field, for there are proxies that pass on one only.
        let all: Vec<&str> = answer.all("www-authenticate").collect();
        let [challenges] = all.try_into().unwrap();
        assert!(challenges.starts_with("Bearer"), "{path}: {challenges}");
        challenges.ends_with(&format!(", {basic}"))
    };
    assert!(challenges("/scoped/x", &[]).await);
    let expired = gate.world.bearer(|claims| {
        claims.insert("exp".into(), 1_700_000_000.into());
    });
    assert!(challenges("/scoped/x", &[("Authorization", &expired)]).await);
    assert!(!challenges("/scoped/x", &[("Origin", "https://app.test")]).await);
    let script = [("X-Requested-With", "XMLHttpRequest")];
    assert!(!challenges("/scoped/x", &script).await);
    assert!(!challenges("/api/x", &[]).await);
}

/// D16: a cache must not hand one origin's answer to another's page.
#[tokio::test]
async fn answers_that_depend_on_the_origin_say_so() {
    let gate = start(|_| {}).await;
    for headers in [
        &[][..],
        &[("Origin", "https://app.test")],
        &[("Origin", "null")],
    ] {
        for path in ["/open/x", "/api/x", "/nowhere"] {
            let answer = ask(gate.addr, &format!("GET {path}"), headers).await;
            assert_eq!(answer.header("vary"), Some("origin"), "{path} {headers:?}");
        }
    }
    let gate = start(|realm| realm.cors_origins.clear()).await;
    assert_eq!(
        ask(gate.addr, "GET /open/x", &[]).await.header("vary"),
        None
    );
}

/// D20: balancers ask by address or by nothing; HTTP/1.1 must name a host all the same.
#[tokio::test]
async fn liveness_is_answered_for_any_or_no_host() {
    let gate = start(|_| {}).await;
    for (request, wanted) in [
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\nHost: 10.0.0.7:8080\r\n\r\n", 200),
        (
            "HEAD /healthz HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n\r\n",
            200,
        ),
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /open/x HTTP/1.0\r\n\r\n", 400),
        ("GET /open/x HTTP/1.0\r\nHost: 10.0.0.7\r\n\r\n", 421),
        // A name is one in upper case, with a port and with its final dot.
        ("GET /open/x HTTP/1.0\r\nHost: GATE.test.:8080\r\n\r\n", 200),
        ("GET /open/x HTTP/1.0\r\nHost: gate.test..\r\n\r\n", 421),
    ] {
        let answer = say(gate.addr, request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap();
        assert_eq!(status, wanted.to_string(), "{request}");
    }
}

#[tokio::test]
async fn plain_http_is_refused_or_redirected_where_tls_is_demanded() {
    let reject = start(|realm| realm.require_https = RequireHttps::Reject).await;
    assert_eq!(
        ask(reject.addr, "GET /open/x", &[]).await.code(),
        (403, "https_required".into())
    );
    let redirect = start(|realm| realm.require_https = RequireHttps::Redirect).await;
    let answer = ask(redirect.addr, "GET /open/x?q=1", &[]).await;
    assert_eq!(answer.status, 308);
    assert_eq!(
        answer.header("location"),
        Some("https://gate.test/open/x?q=1")
    );
    assert_eq!(
        send(redirect.addr, "POST /open/x", &[], "x").await.status,
        403
    );
    let forged = ask(
        reject.addr,
        "GET /open/x",
        &[("X-Forwarded-Proto", "https")],
    )
    .await;
    assert_eq!(forged.status, 403);
}

#[tokio::test]
async fn g28_only_listed_origins_may_read() {
    let gate = start(|_| {}).await;
    let preflight = async |origin: &str| {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
        ask(gate.addr, "OPTIONS /api/x", &headers).await
    };
    let listed = preflight("https://app.test").await;
    assert_eq!(listed.status, 204);
    assert_eq!(
        listed.header("access-control-allow-origin"),
        Some("https://app.test")
    );
    for origin in [
        "null",
        "https://app.test.evil.test",
        "https://evil.app.test",
        "http://app.test",
        "*",
    ] {
        let answer = preflight(origin).await;
        assert_eq!(answer.status, 401, "{origin}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
    let refused = ask(gate.addr, "GET /api/x", &[("Origin", "https://app.test")]).await;
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://app.test")
    );
}

#[tokio::test]
async fn a_panic_is_500_and_counted_and_the_gate_lives() {
    let gate = start(|_| {}).await;
    let answer = ask(gate.addr, "GET /panic", &[]).await;
    assert_eq!(answer.code(), (500, "internal_error".into()));
    assert_eq!(
        gate.gate
            .counters()
            .panics
            .load(std::sync::atomic::Ordering::SeqCst),
        1
    );
    assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 200);
}

#[tokio::test]
async fn a_local_target_learns_the_caller_from_the_gate_alone() {
    let gate = start(|_| {}).await;
    let open = ask(
        gate.addr,
        "GET /local/x",
        &[("Authorization", "Bearer junk"), ("X-User-Id", "1")],
    )
    .await;
    assert_eq!(open.status, 200);
    assert_eq!(open.json()["subject"], serde_json::Value::Null);
    assert_eq!(
        (&open.json()["forged"], &open.json()["authorization"]),
        (&false.into(), &true.into())
    );
    let jwt = gate.world.bearer(|_| {});
    let me = ask(gate.addr, "GET /me/x", &[("Authorization", &jwt)]).await;
    assert_eq!(me.json()["subject"], "11111111-1111-1111-1111-111111111111");
    let token = api_token(1);
    gate.world.know(&token);
    let by_token = ask(gate.addr, "GET /me/x", &[("X-Api-Key", &token)]).await;
    assert_eq!(by_token.status, 401);
}
