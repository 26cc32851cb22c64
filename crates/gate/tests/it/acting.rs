//! One authority: what is checked, told in headers and claims, and minted says the same,
//! whatever a request selects and however its caller is narrowed.

use super::support::{Answer, Running, api_token, ask, realm, route, scope, start};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::principal::CredentialId;
use doorward_gate::lower;
use doorward_gate::policy::spec::{RealmSpec, RoleSpec, RouteSpec, TenantHeaderSpec, UpstreamSpec};
use serde_json::{Value, json};

fn told(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["headers"].clone()
}

/// A realm that tells the tenant, the roles and the scopes by claims too.
fn telling(realm: &mut RealmSpec) {
    realm.tenant_header = Some(TenantHeaderSpec {
        header: "Acme-Org".parse().unwrap(),
        foreign_scope: scope("tenant:assume"),
    });
    let map = [
        ("acme-tenant", "tenant"),
        ("acme-tenant-too", "also.tenant"),
        ("acme-role", "role"),
        ("acme-roles", "roles"),
        ("acme-scope", "scope"),
    ];
    let map = map.map(|(name, path)| (name.parse().unwrap(), path.parse().unwrap()));
    realm.identity.mapped = map.to_vec();
    let also = (
        doorward_base::claims::Field::Tenant,
        "also.tenant".parse().unwrap(),
    );
    realm.issuers[0].claims.also = vec![also];
    realm.routes.push(RouteSpec {
        permissions: vec!["orders:write".parse().unwrap()],
        basic: Some("gov".into()),
        ..route("/orders/**", UpstreamSpec::Echo)
    });
    realm.routes.push(RouteSpec {
        roles: vec!["boss".parse().unwrap()],
        basic: Some("gov".into()),
        ..route("/boss/**", UpstreamSpec::Echo)
    });
}

fn basic(token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("witboost:{token}")))
}

#[tokio::test]
async fn g6_a_tenant_that_is_named_is_the_only_one_that_is_told() {
    let gate = start(telling).await;
    let jwt = gate.world.bearer(|claims| {
        claims.insert("scope".into(), json!("service:x tenant:assume"));
        claims["dw"]["x"] = json!(true);
        claims.insert("also".into(), json!({"tenant": "acme", "kept": 1}));
    });
    let own = told(&ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await);
    assert_eq!(own["authorization"], *jwt);
    let named = [("Authorization", &*jwt), ("Acme-Org", "globex")];
    let seen = told(&ask(gate.addr, "GET /api/x", &named).await);
    for name in ["x-doorward-tenant", "acme-tenant", "acme-tenant-too"] {
        assert_eq!(own[name], "acme", "{name}");
        assert_eq!(seen[name], "globex", "{name}");
    }
    // A token that says something else is not passed on beside them.
    assert_eq!(seen.get("authorization"), None);
    // Nor is one that says no tenant.
    let none = gate.world.bearer(|claims| {
        claims.insert("scope".into(), json!("tenant:assume"));
        claims["dw"]["x"] = json!(true);
        claims.remove("tenant");
    });
    let named = [("Authorization", &*none), ("Acme-Org", "globex")];
    let seen = told(&ask(gate.addr, "GET /api/x", &named).await);
    assert_eq!(seen["acme-tenant-too"], "globex");
    assert_eq!(seen["acme-tenant"], "globex");
    assert_eq!(seen.get("authorization"), None);
}

/// Who may act in every tenant may act in none that is not there, by whatever way it asks.
#[tokio::test]
async fn a_tenant_that_is_not_there_is_nobodys_to_act_in() {
    let gate = start(telling).await;
    let token = api_token(1);
    gate.world.know_as(&token, |parts| {
        parts.scopes = vec![scope("service:x"), scope("tenant:assume")];
    });
    let token = format!("Bearer {token}");
    let jwt = gate.world.bearer(|claims| {
        claims.insert("scope".into(), json!("service:x tenant:assume"));
        claims["dw"]["x"] = json!(true);
    });
    let asked = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/api/x")];
    let answer = async |credential: &str, tenant: &str, line: &str| {
        let mut headers = vec![("Authorization", credential), ("Acme-Org", tenant)];
        if line == "GET /forward-auth" {
            headers.extend(asked);
        }
        ask(gate.addr, line, &headers).await
    };
    for credential in [&jwt, &token] {
        for line in ["GET /api/x", "GET /forward-auth"] {
            let there = answer(credential, "globex", line).await;
            assert_eq!(there.status, 200, "{line}");
            let refused = (403, "tenant_forbidden".to_owned());
            let nowhere = answer(credential, "nowhere", line).await;
            assert_eq!(nowhere.code(), refused, "{line}");
            // Deleted a moment ago.
            gate.world.tenants.lock().unwrap().pop();
            let deleted = answer(credential, "globex", line).await;
            assert_eq!(deleted.code(), refused, "{line}");
            gate.world.tenants.lock().unwrap().push("globex");
        }
    }
    let realm = "test".parse().unwrap();
    let denial = &gate.gate.denials().list(&realm, None, 1)[0];
    assert_eq!(denial.check, "tenant_unknown");
    // What tenants another issuer has is not known here.
    let foreign = api_token(2);
    gate.world.know_as(&foreign, |parts| {
        parts.scopes = vec![scope("tenant:assume")];
        parts.credential = CredentialId::Foreign;
    });
    let foreign = answer(&format!("Bearer {foreign}"), "nowhere", "GET /api/x").await;
    assert_eq!(told(&foreign)["x-doorward-tenant"], "nowhere");
}

#[tokio::test]
async fn a_role_that_is_selected_is_the_only_one() {
    let gate = start(telling).await;
    let jwt = gate.world.bearer(|claims| {
        claims.insert("roles".into(), json!(["boss", "clerk", "user"]));
    });
    let get = async |path: &str, role: Option<&str>| {
        let mut headers = vec![("Authorization", &*jwt)];
        headers.extend(role.map(|role| ("X-Hasura-Role", role)));
        ask(gate.addr, &format!("GET {path}"), &headers).await
    };
    let seen = told(&get("/api/x", None).await);
    assert_eq!(seen["acme-roles"], "boss,clerk,user");
    for role in ["clerk", "user"] {
        let seen = told(&get("/api/x", Some(role)).await);
        for name in ["x-doorward-role", "acme-role", "acme-roles"] {
            assert_eq!(seen[name], role, "{name}");
        }
        assert_eq!(get("/boss/x", Some(role)).await.status, 403, "{role}");
    }
    assert_eq!(get("/boss/x", None).await.status, 200);
    assert_eq!(get("/boss/x", Some("boss")).await.status, 200);
}

/// G5: checks, headers, claims and the JWT for the upstream say what the role gives, whatever
/// is selected of whatever a token carries, and however its claims write it.
#[tokio::test]
async fn g5_a_role_that_is_selected_leaves_what_it_gives() {
    let names = ["orders:read", "orders:write", "service:x"];
    let gives = |role: &str| match role {
        "boss" => vec!["orders:read", "orders:write"],
        "clerk" => vec!["orders:read"],
        // One that the realm does not define gives nothing that is known here.
        _ => vec![],
    };
    let gate = start(|realm| {
        telling(realm);
        let permissions = ("acme-permissions", "permissions");
        let too = ("acme-scopes-too", "also.scopes");
        for (name, path) in [permissions, too] {
            let mapped = (name.parse().unwrap(), path.parse().unwrap());
            realm.identity.mapped.push(mapped);
        }
        let also = (
            doorward_base::claims::Field::Scopes,
            "also.scopes".parse().unwrap(),
        );
        realm.issuers[0].claims.also.push(also);
        for role in ["boss", "clerk"] {
            realm.roles.push(RoleSpec {
                role: role.parse().unwrap(),
                permissions: gives(role).iter().map(|one| one.parse().unwrap()).collect(),
            });
        }
    })
    .await;
    // Every set of permissions and scopes that a token may carry, told in every place.
    for carried in 0..8_usize {
        let carried: Vec<&str> = (0..3)
            .filter(|n| carried & (1 << n) != 0)
            .map(|n| names[n])
            .collect();
        for roles in [&["boss", "clerk", "tenants-own"][..], &["clerk"]] {
            let jwt = gate.world.bearer(|claims| {
                claims.insert("roles".into(), json!(roles));
                claims.insert("role".into(), json!(roles[0]));
                claims.insert("permissions".into(), json!(carried));
                claims.insert("scope".into(), json!(carried.join(" ")));
                claims.insert("also".into(), json!({"tenant": "acme", "scopes": carried}));
            });
            for role in [None].into_iter().chain(roles.iter().map(Some)) {
                let mut headers = vec![("Authorization", &*jwt)];
                headers.extend(role.map(|role| ("X-Hasura-Role", *role)));
                let get = async |path: &str| ask(gate.addr, &format!("GET {path}"), &headers).await;
                let left: Vec<&str> = match role {
                    None => carried.clone(),
                    Some(role) => {
                        let given = gives(role);
                        let carried = carried.iter().copied();
                        carried.filter(|name| given.contains(name)).collect()
                    }
                };
                let case = format!("{carried:?} {roles:?} {role:?}");
                let seen = told(&get("/api/x").await);
                let text = |name: &str| seen[name].as_str().unwrap_or_default();
                assert_eq!(text("x-doorward-scopes"), left.join(" "), "{case}");
                assert_eq!(text("acme-scope"), left.join(" "), "{case}");
                assert_eq!(text("acme-permissions"), left.join(","), "{case}");
                assert_eq!(text("acme-scopes-too"), left.join(","), "{case}");
                let in_force = role.unwrap_or(&roles[0]);
                assert_eq!(text("x-doorward-role"), *in_force, "{case}");
                let told_roles = role.map_or(roles.join(","), |role| (*role).to_owned());
                assert_eq!(text("acme-roles"), told_roles, "{case}");
                // A token that says anything else goes no further.
                let says_so = left == carried && told_roles == roles.join(",");
                let passed_on = if says_so { Some(&*jwt) } else { None };
                assert_eq!(
                    seen.get("authorization").and_then(Value::as_str),
                    passed_on,
                    "{case}"
                );
                let may_write = left.contains(&"orders:write");
                assert_eq!(get("/orders/x").await.status == 200, may_write, "{case}");
                let has_scope = left.contains(&"service:x");
                assert_eq!(get("/scoped/x").await.status == 200, has_scope, "{case}");
            }
        }
    }
}

/// X4: a JWT that was minted for what a caller is says nothing of where it acts.
#[tokio::test]
async fn x4_a_minted_jwt_says_no_other_tenant_than_the_headers() {
    let gate = start(|realm| {
        telling(realm);
        let modules = &mut realm.basic.as_mut().unwrap().modules;
        let module = modules.iter_mut().find(|one| one.name == "gov").unwrap();
        module.scopes.push(scope("tenant:assume"));
    })
    .await;
    let token = api_token(1);
    gate.world.know_as(&token, |parts| {
        parts.tenant = Some("acme".parse().unwrap());
        parts.scopes = vec![scope("service:x"), scope("tenant:assume")];
    });
    let basic = basic(&token);
    let plain = [("Authorization", &*basic)];
    let seen = told(&ask(gate.addr, "GET /scoped/x", &plain).await);
    let minted = seen["authorization"].as_str().unwrap();
    assert!(minted.starts_with("Bearer "), "{minted}");
    let acting = [("Authorization", &*basic), ("Acme-Org", "globex")];
    let seen = told(&ask(gate.addr, "GET /scoped/x", &acting).await);
    assert_eq!(seen["x-doorward-tenant"], "globex");
    assert_eq!(seen.get("authorization"), None);
}

/// X4, G5: what a module leaves of a caller is all that is checked and told.
#[tokio::test]
async fn x4_g5_basic_is_what_its_jwt_says() {
    let gate = start(telling).await;
    let token = api_token(1);
    gate.world.know_as(&token, |parts| {
        parts.permissions = vec![
            "orders:write".parse().unwrap(),
            "service:x".parse().unwrap(),
        ];
        parts.scopes = vec![scope("orders:write"), scope("service:x")];
        parts.roles = vec!["boss".parse().unwrap()];
        let claims = json!({"scope": "orders:write service:x", "roles": ["boss"]});
        parts.claims = claims.as_object().unwrap().clone().into();
    });
    let bearer = format!("Bearer {token}");
    let basic = basic(&token);
    for path in ["/orders/x", "/boss/x"] {
        let get = async |authorization: &str| {
            let headers = [("Authorization", authorization)];
            ask(gate.addr, &format!("GET {path}"), &headers)
                .await
                .status
        };
        assert_eq!(get(&bearer).await, 200, "{path}");
        assert_eq!(get(&basic).await, 403, "{path}");
    }
    let seen = told(&ask(gate.addr, "GET /scoped/x", &[("Authorization", &basic)]).await);
    assert_eq!(seen["x-doorward-scopes"], "service:x");
    assert_eq!(seen["acme-scope"], "service:x");
    assert_eq!(seen.get("acme-roles"), None);
}

/// K1: an element that reads as two is never told.
#[tokio::test]
async fn k1_a_list_whose_elements_hold_the_separator_is_refused() {
    let gate = start(|realm| {
        let map = ("acme-groups".parse().unwrap(), "groups".parse().unwrap());
        realm.identity.mapped = vec![map];
    })
    .await;
    let get = async |groups: Value| {
        let jwt = gate
            .world
            .bearer(|claims| drop(claims.insert("groups".into(), groups)));
        ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await
    };
    let sound = told(&get(json!(["readers", "night shift"])).await);
    assert_eq!(sound["acme-groups"], "readers,night shift");
    for groups in [
        json!(["readers,admins"]),
        json!(["a", "b, c"]),
        json!(["a", ""]),
        json!(["a", " b"]),
        json!(["a", "b\u{a0}"]),
    ] {
        let answer = get(groups.clone()).await;
        assert_eq!(answer.code().0, 401, "{groups}");
    }
}

/// R1: a role that gives something else by now gave a token what it no longer gives.
#[tokio::test]
async fn r1_a_token_falls_with_a_role_that_gave_it_anything() {
    for immediate in [true, false] {
        let gate = start(|realm| {
            realm.immediate_revocation = immediate;
            realm.role_marks = vec!["aa".into(), "bb".into()];
        })
        .await;
        let of = |marks: Option<Value>| {
            gate.world.bearer(|claims| {
                if let Some(marks) = marks {
                    claims["dw"]["r"] = marks;
                }
            })
        };
        let status = async |jwt: &str| {
            let headers = [("Authorization", jwt)];
            ask(gate.addr, "GET /api/x", &headers).await.status
        };
        let (both, one, none) = (
            of(Some(json!(["aa", "bb"]))),
            of(Some(json!(["bb"]))),
            of(None),
        );
        for jwt in [&both, &one, &none] {
            assert_eq!(status(jwt).await, 200);
        }
        // Another definition of the role `aa`, by a reload.
        let mut changed = realm("127.0.0.1:1".parse().unwrap());
        changed.immediate_revocation = immediate;
        changed.role_marks = vec!["cc".into(), "bb".into()];
        gate.gate.swap(lower(vec![changed]).unwrap());
        assert_eq!(status(&both).await, if immediate { 401 } else { 200 });
        assert_eq!(status(&one).await, 200);
        assert_eq!(status(&none).await, 200);
        for marks in [json!("bb"), json!([1]), json!(null), json!({"bb": 1})] {
            let answer = status(&of(Some(marks.clone()))).await;
            assert_eq!(answer, if immediate { 401 } else { 200 }, "{marks}");
        }
    }
}

fn permitted(gate: &Running) -> u64 {
    let counters = gate.gate.counters();
    counters
        .permitted
        .load(std::sync::atomic::Ordering::Relaxed)
}

/// E1: an answer is no permit.
#[tokio::test]
async fn e1_only_what_was_let_through_is_counted_as_permitted() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let original = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/api/x")];
    for (line, headers) in [
        ("GET /forward-auth?deny=403", &original[..]),
        ("GET /forward-auth", &original),
        ("GET /api/x", &[]),
        ("GET /nowhere", &[]),
    ] {
        let answer = ask(gate.addr, line, headers).await;
        assert!(answer.status >= 400, "{line}");
        assert_eq!(permitted(&gate), 0, "{line}");
    }
    let preflight = [
        ("Origin", "https://app.test"),
        ("Access-Control-Request-Method", "PUT"),
    ];
    assert_eq!(
        ask(gate.addr, "OPTIONS /api/x", &preflight).await.status,
        204
    );
    assert_eq!(permitted(&gate), 0);
    ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await;
    assert_eq!(permitted(&gate), 1);
    let credential = ("Authorization", jwt.as_str());
    let asked = [original[0], original[1], credential];
    assert_eq!(
        ask(gate.addr, "GET /forward-auth?deny=403", &asked)
            .await
            .status,
        200
    );
    assert_eq!(permitted(&gate), 2);
}
