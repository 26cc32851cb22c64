//! Rules on both sides of their line: each of these was once wrong in a mutation that no
//! other test noticed.

use super::support::{Answer, Running, api_token, ask, realm, route, start, start_with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::limit::Quota;
use doorward_base::principal::PrincipalParts;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{Environment, ErrorCode, Principal, RealmName};
use doorward_gate::policy::spec::{
    CredentialKind, LimitKey, LimitSpec, RealmSpec, RouteSpec, UpstreamSpec,
};
use doorward_gate::{DryRun, GateOptions, ListenerOptions, dry_run, lower};
use http::Method;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

async fn get(gate: &Running, path: &str, authorization: &str) -> Answer {
    let headers = [("Authorization", authorization)];
    ask(gate.addr, &format!("GET {path}"), &headers).await
}

/// The code of a refusal and the check that refused.
fn refusal(gate: &Running, answer: &Answer) -> (String, &'static str) {
    let id = answer.header("x-request-id").unwrap().parse().unwrap();
    let realm = RealmName::new("test").unwrap();
    let denial = gate.gate.denials().find(&realm, id).unwrap();
    (answer.code().1, denial.check)
}

fn echo(path: &str) -> RouteSpec {
    route(path, UpstreamSpec::Echo)
}

fn basic(gate: &Running, token: &str) -> String {
    gate.world.know(token);
    format!("Basic {}", STANDARD.encode(format!("witboost:{token}")))
}

/// Changes what is known of an API token.
fn change(gate: &Running, token: &str, change: impl FnOnce(&mut PrincipalParts)) {
    let mut tokens = gate.world.tokens.lock().unwrap();
    let known = tokens.get_mut(token).unwrap();
    let mut parts = PrincipalParts::clone(known);
    change(&mut parts);
    *known = Arc::new(Principal::new(parts));
}

#[tokio::test]
async fn a_route_takes_the_kinds_of_credential_it_lists_and_no_other() {
    use CredentialKind::{ApiToken, Basic, Jwt};
    let kinds = [("jwt", Jwt), ("token", ApiToken), ("basic", Basic)];
    let gate = start(|realm| {
        realm.routes.extend(kinds.map(|(name, kind)| RouteSpec {
            credentials: vec![kind],
            basic: Some("gov".into()),
            ..echo(&format!("/only/{name}"))
        }));
    })
    .await;
    let token = api_token(1);
    let basic = basic(&gate, &token);
    let jwt = gate.world.bearer(|_| {});
    let bearer = format!("Bearer {token}");
    for (route, _) in kinds {
        for (name, credential) in [("jwt", &jwt), ("token", &bearer), ("basic", &basic)] {
            let answer = get(&gate, &format!("/only/{route}"), credential).await;
            if route == name {
                assert_eq!(answer.status, 200, "{name} at {route}");
            } else {
                assert_eq!(answer.status, 401, "{name} at {route}");
                let wanted = ("invalid_token".to_owned(), "credential_kind");
                assert_eq!(refusal(&gate, &answer), wanted, "{name} at {route}");
            }
        }
    }
}

#[tokio::test]
async fn a_test_credential_opens_no_live_route() {
    let gate = start(|realm| {
        realm.routes.push(RouteSpec {
            environments: vec!["live".parse().unwrap()],
            ..echo("/live")
        });
    })
    .await;
    let of = |environment: Option<&str>| {
        gate.world.bearer(|claims| {
            if let Some(environment) = environment {
                claims["dw"]["n"] = environment.into();
            }
        })
    };
    for (environment, status) in [(Some("live"), 200), (None, 200), (Some("test"), 403)] {
        let answer = get(&gate, "/live", &of(environment)).await;
        assert_eq!(answer.status, status, "{environment:?}");
        if status == 403 {
            let wanted = ("environment_forbidden".to_owned(), "environment");
            assert_eq!(refusal(&gate, &answer), wanted);
        }
    }
    let anywhere = get(&gate, "/api/x", &of(Some("test"))).await;
    assert_eq!(anywhere.status, 200, "a route without a list");
}

#[tokio::test]
async fn the_role_in_force_counts_though_it_is_in_no_list() {
    let gate = start(|realm| {
        realm.routes.push(RouteSpec {
            roles: vec!["editor".parse().unwrap()],
            ..echo("/edit")
        });
    })
    .await;
    for (role, status) in [("editor", 200), ("user", 403)] {
        let jwt = gate.world.bearer(|claims| {
            claims.remove("roles");
            claims.insert("role".into(), role.into());
        });
        assert_eq!(get(&gate, "/edit", &jwt).await.status, status, "{role}");
    }
}

/// One stranger's failures lock out that stranger, where it failed.
#[tokio::test]
async fn failures_are_counted_by_address_and_by_realm() {
    let options = GateOptions {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..GateOptions::default()
    };
    let realms = || {
        let quota = Quota::new(1, Duration::from_secs(60), 3).unwrap();
        let named = |name: &str| RealmSpec {
            name: name.parse().unwrap(),
            hosts: vec![format!("{name}.test")],
            failed_credentials: quota,
            ..realm("127.0.0.1:1".parse().unwrap())
        };
        lower(vec![named("gate"), named("other")]).unwrap()
    };
    let gate = start_with(ListenerOptions::default(), options, |_| {}).await;
    gate.gate.swap(realms());
    let fail = async |host: &str, from: &str| {
        let wrong = format!("Bearer {}", api_token(99));
        let headers = [("X-Forwarded-For", from), ("Authorization", &wrong)];
        let request = headers.iter().fold(
            doorward_testkit::Request::new(gate.addr, "GET", "/api/x").host(host),
            |request, (name, value)| request.header(name, value),
        );
        let sent = tokio::task::spawn_blocking(move || request.send());
        sent.await.unwrap().status
    };
    for _ in 0..3 {
        assert_eq!(fail("gate.test", "192.0.2.1").await, 401);
    }
    assert_eq!(fail("gate.test", "192.0.2.1").await, 429);
    assert_eq!(fail("gate.test", "192.0.2.2").await, 401, "another address");
    assert_eq!(fail("other.test", "192.0.2.1").await, 401, "another realm");
}

#[tokio::test]
async fn basic_takes_only_classes_that_are_meant_for_it() {
    let gate = start(|realm| realm.classes[0].basic = false).await;
    let token = api_token(1);
    let answer = get(&gate, "/scoped/x", &basic(&gate, &token)).await;
    assert_eq!(answer.status, 401);
    let wanted = ("invalid_token".to_owned(), "presentation");
    assert_eq!(refusal(&gate, &answer), wanted);
    assert_eq!(
        gate.world.introspected.load(SeqCst),
        0,
        "and none is looked up"
    );
}

#[tokio::test]
async fn a_mount_that_takes_no_clients_reads_basic_as_any_other_place() {
    let gate = start(|_| {}).await;
    let client = format!("Basic {}", STANDARD.encode("app:secret"));
    let answer = get(&gate, "/me/x", &client).await;
    assert_eq!(answer.status, 401);
    let wanted = ("invalid_token".to_owned(), "module_off");
    assert_eq!(refusal(&gate, &answer), wanted);
}

#[tokio::test]
async fn the_first_module_serves_like_any_other() {
    let gate = start(|realm| {
        realm.basic.as_mut().unwrap().modules[0].enabled = true;
    })
    .await;
    let token = api_token(1);
    let answer = get(&gate, "/ui/x", &basic(&gate, &token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_conversion_is_handed_out_until_its_end_and_not_at_it() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    let basic = basic(&gate, &token);
    let minted = async || {
        let answer = get(&gate, "/scoped/x", &basic).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["headers"]["authorization"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(minted().await, "Bearer minted.0.jwt");
    gate.world.clock.advance(Duration::from_secs(269));
    assert_eq!(minted().await, "Bearer minted.0.jwt");
    // A tenth of its 300 s is left.
    gate.world.clock.advance(Duration::from_secs(1));
    assert_eq!(minted().await, "Bearer minted.1.jwt");
    // What it was made from ends first.
    let ends_at = doorward_base::Clock::now(&gate.world.clock).plus(Duration::from_secs(400));
    change(&gate, &token, |principal| principal.expires_at = ends_at);
    gate.world.clock.advance(Duration::from_secs(270));
    assert_eq!(minted().await, "Bearer minted.2.jwt");
    gate.world.clock.advance(Duration::from_secs(129));
    assert_eq!(minted().await, "Bearer minted.2.jwt");
    let looked_up = gate.world.introspected.load(SeqCst);
    gate.world.clock.advance(Duration::from_secs(1));
    let _ = minted().await;
    assert_eq!(gate.world.introspected.load(SeqCst), looked_up + 1);
}

#[tokio::test]
async fn an_api_token_that_is_known_ends_at_its_expiry() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    let ends_at = doorward_base::Clock::now(&gate.world.clock).plus(Duration::from_secs(1));
    change(&gate, &token, |principal| principal.expires_at = ends_at);
    let bearer = format!("Bearer {token}");
    assert_eq!(get(&gate, "/api/x", &bearer).await.status, 200);
    gate.world.clock.advance(Duration::from_secs(1));
    let answer = get(&gate, "/api/x", &bearer).await;
    assert_eq!(answer.code(), (401, "token_expired".to_owned()));
}

#[tokio::test]
async fn a_jwt_may_be_long_and_not_longer() {
    let gate = start(|_| {}).await;
    let long = gate.world.bearer(|claims| {
        claims.insert("note".into(), "n".repeat(2048).into());
    });
    assert_eq!(get(&gate, "/api/x", &long).await.status, 200);
    for (length, is_too_long) in [(16_384, false), (16_385, true), (17_000, true)] {
        let junk = format!("Bearer e30.e30.{}", "A".repeat(length - 8));
        let answer = get(&gate, "/api/x", &junk).await;
        assert_eq!(answer.status, 401, "{length}");
        let (_, check) = refusal(&gate, &answer);
        assert_eq!(check == "length", is_too_long, "{length}: {check}");
    }
}

#[tokio::test]
async fn a_claim_holds_so_many_names_and_not_more() {
    let gate = start(|_| {}).await;
    let with = |count: usize| {
        gate.world.bearer(|claims| {
            let roles: Vec<String> = (0..count).map(|n| format!("r{n}")).collect();
            claims.insert("roles".into(), roles.into());
        })
    };
    assert_eq!(get(&gate, "/api/x", &with(1024)).await.status, 200);
    let answer = get(&gate, "/api/x", &with(1025)).await;
    assert_eq!(
        refusal(&gate, &answer),
        ("invalid_token".to_owned(), "role_claim")
    );
}

#[tokio::test]
async fn what_follows_bearer_is_one_token() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    for (credential, check) in [
        ("Bearer junk".to_owned(), "shape"),
        (format!("Bearer {token},x"), "authorization"),
        (format!("Bearer {token} x"), "authorization"),
        ("Bearer".to_owned(), "authorization"),
    ] {
        let answer = get(&gate, "/api/x", &credential).await;
        let wanted = ("invalid_token".to_owned(), check);
        assert_eq!(refusal(&gate, &answer), wanted, "{credential}");
    }
}

#[tokio::test]
async fn the_headers_tell_of_the_limit_that_is_nearest() {
    let limit = |name: &str, count| {
        let quota = Quota::new(count, Duration::from_secs(60), count).unwrap();
        LimitSpec::rate(name, LimitKey::Tenant, quota)
    };
    for (limits, told) in [
        ([limit("wide", 6), limit("narrow", 2)], "\"narrow\";r=1"),
        ([limit("narrow", 2), limit("wide", 6)], "\"narrow\";r=1"),
        ([limit("first", 3), limit("second", 3)], "\"first\";r=2"),
        ([limit("a\"b c", 3), limit("wide", 6)], "\"abc\";r=2"),
    ] {
        let gate = start(|realm| realm.limits.extend(limits)).await;
        let answer = get(&gate, "/api/x", &gate.world.bearer(|_| {})).await;
        let state = answer.header("ratelimit").unwrap();
        assert!(state.starts_with(told), "{state}");
    }
}

/// A dry run refuses what could not arrive at all.
#[tokio::test]
async fn a_dry_run_knows_by_what_a_credential_can_arrive() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    let known = Arc::clone(&gate.world.tokens.lock().unwrap()[&token]);
    let check = |kind, environment: Option<&str>, change: &dyn Fn(&mut RealmSpec)| {
        let mut spec = realm("127.0.0.1:1".parse().unwrap());
        change(&mut spec);
        let principal = Principal::new(PrincipalParts {
            environment: environment.map(|text| Environment::new(text).unwrap()),
            ..PrincipalParts::clone(&known)
        });
        let run = DryRun {
            realm: &spec.name.clone(),
            method: &Method::GET,
            path: "/scoped/x",
            secure: true,
            principal: Some(Arc::new(principal)),
            credential: kind,
            role: None,
            tenant: None,
        };
        let outcome = dry_run(&lower(vec![spec]).unwrap(), &run).unwrap();
        let cannot =
            (outcome.code, outcome.check) == (Some(ErrorCode::TokenInvalid), "presentation");
        !cannot
    };
    let by = |bearer: bool, header: bool, query: bool| {
        move |spec: &mut RealmSpec| {
            let class = &mut spec.classes[0];
            class.bearer = bearer;
            class.header = class.header.take().filter(|_| header);
            class.query = class.query.take().filter(|_| query);
        }
    };
    let token = CredentialKind::ApiToken;
    assert!(check(token, None, &by(true, false, false)));
    assert!(check(token, None, &by(false, true, false)));
    assert!(check(token, None, &by(false, false, true)));
    assert!(!check(token, None, &by(false, false, false)));
    let live = |spec: &mut RealmSpec| {
        let live = vec![Environment::new("live").unwrap()];
        spec.classes[0].format = TokenFormat::new("wbat_", live, TokenBody::Checked).unwrap();
    };
    assert!(check(token, Some("live"), &live));
    assert!(!check(token, Some("test"), &live));
    let basic = CredentialKind::Basic;
    assert!(check(basic, None, &|_| {}));
    assert!(!check(basic, None, &|spec| spec.classes[0].basic = false));
    assert!(!check(basic, None, &|spec| {
        spec.basic = None;
        spec.routes.iter_mut().for_each(|route| route.basic = None);
    }));
    assert!(check(CredentialKind::Jwt, None, &|spec| spec
        .classes
        .clear()));
}
