//! Credentials: where and how they may be presented, what a cached verdict may not
//! outlive, and the conversion of Basic.

use super::support::{Running, api_token, ask, start};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_base::testing::SeededEntropy;
use doorward_gate::policy::spec::{KeySource, RemoteSource};
use doorward_gate::port::RemoteKeys as _;
use doorward_jose::{Algorithm, SigningKey};
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

async fn get(gate: &Running, authorization: &str) -> (u16, String) {
    let answer = ask(gate.addr, "GET /api/x", &[("Authorization", authorization)]).await;
    if answer.status == 200 {
        (200, String::new())
    } else {
        answer.code()
    }
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

#[tokio::test]
async fn j45_two_credentials_are_refused_whatever_they_say() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let token = api_token(1);
    gate.world.know(&token);
    for (path, headers) in [
        (
            "/api/x",
            vec![("Authorization", &*jwt), ("Authorization", &*jwt)],
        ),
        (
            "/api/x",
            vec![("Authorization", &*jwt), ("X-Api-Key", &*token)],
        ),
        (
            "/api/x",
            vec![("X-Api-Key", &*token), ("X-Api-Key", &*token)],
        ),
        (
            &*format!("/api/x?api_key={token}"),
            vec![("X-Api-Key", &*token)],
        ),
        (
            &*format!("/api/x?api_key={token}&api%5Fkey={token}"),
            vec![],
        ),
        (
            &*format!("/open/x?api_key={token}"),
            vec![("Authorization", &*jwt)],
        ),
    ] {
        let answer = ask(gate.addr, &format!("GET {path}"), &headers).await;
        assert_eq!(
            answer.code(),
            (400, "credential_conflict".into()),
            "{path} {headers:?}"
        );
    }
}

#[tokio::test]
async fn k10_one_form_of_authorization_is_accepted() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let bare = jwt.strip_prefix("Bearer ").unwrap().to_owned();
    let spaced = format!("Bearer   {bare}");
    for good in [jwt.clone(), format!("bearer {bare}"), spaced] {
        assert_eq!(get(&gate, &good).await.0, 200);
    }
    for bad in [
        bare.clone(),
        format!("Bearer\t{bare}"),
        format!("Bearer \t{bare}"),
        "Bearer   ".to_owned(),
        format!("Bearer {bare},{bare}"),
        format!("Bearer {bare} x"),
        format!("Token {bare}"),
        "Bearer".to_owned(),
        "Bearer junk".to_owned(),
        "Bearer a.b.c".to_owned(),
    ] {
        assert_eq!(get(&gate, &bad).await, refused("invalid_token"), "{bad}");
    }
}

#[tokio::test]
async fn an_api_token_by_each_presentation_and_none_reaches_the_upstream() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    let bearer = format!("Bearer {token}");
    for (line, headers) in [
        (
            "GET /api/x?a=1".to_owned(),
            vec![("Authorization", &*bearer)],
        ),
        ("GET /api/x?a=1".to_owned(), vec![("X-Api-Key", &*token)]),
        (format!("GET /api/x?api_key={token}&a=1"), vec![]),
    ] {
        let answer = ask(gate.addr, &line, &headers).await;
        assert_eq!(answer.status, 200, "{line}");
        assert!(!answer.body.contains(&token), "{}", answer.body);
        assert_eq!(answer.json()["query"], "a=1");
        assert_eq!(answer.json()["headers"]["x-doorward-kind"], "service");
    }
    let unknown = format!("Bearer {}", api_token(2));
    assert_eq!(get(&gate, &unknown).await, refused("invalid_token"));
    let asked = gate.world.introspected.load(SeqCst);
    let typo = format!("{bearer}x");
    assert_eq!(get(&gate, &typo).await, refused("invalid_token"));
    assert_eq!(
        gate.world.introspected.load(SeqCst),
        asked,
        "a typo costs no look-up"
    );
}

#[tokio::test]
async fn a_presentation_the_class_does_not_have_is_refused() {
    let gate = start(|realm| {
        realm.classes[0].bearer = false;
        realm.classes[0].query = None;
    })
    .await;
    let token = api_token(1);
    gate.world.know(&token);
    assert_eq!(
        get(&gate, &format!("Bearer {token}")).await,
        refused("invalid_token")
    );
    let query = ask(gate.addr, &format!("GET /api/x?api_key={token}"), &[]).await;
    assert_eq!(query.code(), refused("unauthorized"));
}

#[tokio::test]
async fn a_cached_token_ends_when_it_expires() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    assert_eq!(get(&gate, &jwt).await.0, 200);
    gate.world.clock.advance(Duration::from_secs(299));
    assert_eq!(get(&gate, &jwt).await.0, 200);
    assert_eq!(gate.gate.counters().cache_hits.load(SeqCst), 1);
    gate.world.clock.advance(Duration::from_secs(1));
    assert_eq!(get(&gate, &jwt).await, refused("token_expired"));
}

#[tokio::test]
async fn a_cached_token_falls_with_its_credential_epoch_and_feed() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    assert_eq!(get(&gate, &jwt).await.0, 200);
    gate.world.epoch.store(4, SeqCst);
    assert_eq!(get(&gate, &jwt).await, refused("invalid_token"));
    gate.world.epoch.store(3, SeqCst);
    gate.world.current.store(false, SeqCst);
    assert_eq!(get(&gate, &jwt).await, (503, "store_unavailable".into()));
    gate.world.current.store(true, SeqCst);
    assert_eq!(get(&gate, &jwt).await.0, 200);
    gate.world.revoked.store(true, SeqCst);
    assert_eq!(get(&gate, &jwt).await, refused("invalid_token"));
}

#[tokio::test]
async fn wb_25_in_an_expiry_realm_only_the_api_token_dies_at_once() {
    let gate = start(|realm| realm.immediate_revocation = false).await;
    let jwt = gate.world.bearer(|_| {});
    let token = api_token(1);
    gate.world.know(&token);
    assert_eq!(get(&gate, &format!("Bearer {token}")).await.0, 200);
    gate.world.revoked.store(true, SeqCst);
    gate.world.current.store(false, SeqCst);
    assert_eq!(get(&gate, &jwt).await.0, 200);
    assert_eq!(get(&gate, &format!("Bearer {token}")).await.0, 401);
}

#[tokio::test]
async fn a_reload_and_a_key_rotation_forget_what_was_verified() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let misses = || gate.gate.counters().cache_misses.load(SeqCst);
    assert_eq!(get(&gate, &jwt).await.0, 200);
    assert_eq!(get(&gate, &jwt).await.0, 200);
    assert_eq!(misses(), 1);
    gate.world.generation.store(2, SeqCst);
    assert_eq!(get(&gate, &jwt).await.0, 200);
    assert_eq!(misses(), 2);
    let mut spec = super::support::realm("127.0.0.1:1".parse().unwrap());
    spec.issuers[0].audiences = vec!["elsewhere".parse().unwrap()];
    gate.gate.swap(doorward_gate::lower(vec![spec]).unwrap());
    assert_eq!(get(&gate, &jwt).await, refused("invalid_token"));
}

#[tokio::test]
async fn what_a_token_must_say_is_checked() {
    let gate = start(|_| {}).await;
    let with = |name: &str, value: serde_json::Value| {
        gate.world.bearer(|claims| {
            claims.insert(name.to_owned(), value);
        })
    };
    let token = "22222222-2222-2222-2222-222222222222";
    for (what, jwt) in [
        ("iss", with("iss", json!("https://gate.test/"))),
        ("aud", with("aud", json!("API"))),
        ("sub", with("sub", json!("someone"))),
        ("scope as text with tabs", with("scope", json!("a\tb"))),
        ("scope with a double space", with("scope", json!("a  b"))),
        ("roles as text", with("roles", json!("admin"))),
        ("tenant as a list", with("tenant", json!(["acme"]))),
        (
            "no private claim",
            gate.world.bearer(|claims| drop(claims.remove("dw"))),
        ),
        ("no epoch", with("dw", json!({"k": "user", "t": token}))),
        (
            "an unknown kind",
            with("dw", json!({"k": "root", "e": 3, "t": token})),
        ),
        (
            "an external subject without its id",
            with("dw", json!({"k": "external", "e": 3, "t": token})),
        ),
        (
            "a user with another subject",
            with("dw", json!({"k": "user", "e": 3, "t": token, "s": token})),
        ),
        ("no credential", with("dw", json!({"k": "user", "e": 3}))),
        ("two credentials", with("sid", json!(token))),
        ("another kind of token", {
            let internal = gate
                .world
                .key
                .sign_jwt("dw-internal+jwt", &gate.world.claims());
            format!("Bearer {}", internal.unwrap())
        }),
    ] {
        assert_eq!(get(&gate, &jwt).await, refused("invalid_token"), "{what}");
    }
    assert_eq!(
        get(&gate, &with("exp", json!(1))).await,
        refused("token_expired")
    );
}

#[tokio::test]
async fn a_foreign_realms_token_and_a_tampered_one_are_refused() {
    let (gate, other) = (start(|_| {}).await, start(|_| {}).await);
    assert_eq!(
        get(&gate, &other.world.bearer(|_| {})).await,
        refused("invalid_token")
    );
    let jwt = gate.world.bearer(|_| {});
    let mut parts: Vec<String> = jwt.split('.').map(str::to_owned).collect();
    let mut claims = gate.world.claims();
    claims.insert("tenant".into(), "globex".into());
    parts[1] = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
    assert_eq!(get(&gate, &parts.join(".")).await, refused("invalid_token"));
}

/// RFC 9449 §7.1, RFC 8705 §3: a token that is good for who holds a key is not good for
/// who holds the token.
#[tokio::test]
async fn a_sender_constrained_token_is_no_bearer_token() {
    for external in [false, true] {
        let gate = start(|realm| {
            if external {
                let url = "https://idp.test/jwks".parse().unwrap();
                realm.issuers[0].keys = KeySource::Remote(RemoteSource::Jwks(url));
            }
        })
        .await;
        gate.world.remote.publish([&gate.world.key]);
        let with = |cnf: Option<serde_json::Value>| {
            gate.world.bearer(|claims| {
                claims.extend(cnf.map(|cnf| ("cnf".to_owned(), cnf)));
            })
        };
        assert_eq!(get(&gate, &with(None)).await.0, 200);
        for cnf in [
            json!({"jkt": "0ZcOCORZNYy"}),
            json!({"x5t#S256": "bwcK"}),
            json!(null),
        ] {
            assert_eq!(get(&gate, &with(Some(cnf))).await, refused("invalid_token"));
        }
    }
}

/// A browser adds a Basic credential by itself, whoever's page asks.
#[tokio::test]
async fn basic_is_not_for_other_sites_pages() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    let credentials = basic(&format!("witboost:{token}"));
    let own = "http://gate.test";
    for (line, page, wanted) in [
        ("POST", vec![], 200),
        ("POST", vec![("Sec-Fetch-Site", "cross-site")], 403),
        ("DELETE", vec![("Sec-Fetch-Site", "same-site")], 403),
        (
            "POST",
            vec![("Sec-Fetch-Site", "same-origin"), ("Origin", own)],
            200,
        ),
        ("POST", vec![("Sec-Fetch-Site", "none")], 200),
        ("POST", vec![("Origin", own)], 200),
        ("POST", vec![("Origin", "https://gate.test")], 403),
        ("POST", vec![("Origin", "https://evil.test")], 403),
        ("POST", vec![("Origin", "null")], 403),
        ("POST", vec![("Origin", "https://app.test")], 200),
        (
            "PUT",
            vec![
                ("Origin", "https://app.test"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
            200,
        ),
        // Nothing is changed, and the page cannot read the answer.
        ("GET", vec![("Origin", "https://evil.test")], 200),
        (
            "GET",
            vec![("Origin", "https://evil.test"), ("Upgrade", "websocket")],
            403,
        ),
    ] {
        let mut headers = vec![("Authorization", &*credentials)];
        headers.extend(&page);
        let answer = ask(gate.addr, &format!("{line} /scoped/x"), &headers).await;
        assert_eq!(answer.status, wanted, "{line} {page:?}: {answer:?}");
        if wanted == 403 {
            assert_eq!(answer.code().1, "request_forged");
        }
    }
    // No browser adds a bearer token.
    let jwt = gate.world.bearer(|_| {});
    let headers = [("Authorization", &*jwt), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(ask(gate.addr, "POST /scoped/x", &headers).await.status, 200);
}

#[tokio::test]
async fn without_keys_of_the_issuer_it_cannot_be_known() {
    let gate = start(|realm| {
        realm.issuers[0].keys =
            KeySource::Remote(RemoteSource::Jwks("https://idp.test/jwks".parse().unwrap()));
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    assert_eq!(get(&gate, &jwt).await, (503, "keys_unavailable".into()));
}

#[tokio::test]
async fn an_external_issuers_keys_are_looked_for_and_what_it_takes_back_opens_nothing() {
    let gate = start(|realm| {
        realm.issuers[0].keys =
            KeySource::Remote(RemoteSource::Jwks("https://idp.test/jwks".parse().unwrap()));
    })
    .await;
    let (world, remote) = (&gate.world, &gate.world.remote);
    // Signed once: another signature would be another token, and none of them cached.
    let signed = [&world.key, &world.next_key].map(|key| {
        let jwt = key.sign_jwt("at+jwt", &world.claims()).unwrap();
        (key.kid(), format!("Bearer {jwt}"))
    });
    let ask = async |key: &SigningKey| {
        let (_, bearer) = signed.iter().find(|(kid, _)| *kid == key.kid()).unwrap();
        (get(&gate, bearer).await, remote.looks.load(SeqCst))
    };
    let hits = || gate.gate.counters().cache_hits.load(SeqCst);
    let allowed = || (200, String::new());
    let unknown = (503, "keys_unavailable".to_owned());
    assert_eq!(
        ask(&world.key).await,
        (unknown.clone(), 1),
        "none were ever fetched"
    );
    remote.publish([&world.key]);
    assert_eq!(ask(&world.key).await, (allowed(), 2));
    assert_eq!(ask(&world.key).await, (allowed(), 2), "from the cache");
    assert_eq!(hits(), 1);
    remote.publish([&world.key, &world.next_key]);
    assert_eq!(ask(&world.next_key).await, (allowed(), 3));
    remote.publish([&world.next_key]);
    remote.look_again().await;
    // It was cached, and its key is gone.
    assert_eq!(ask(&world.key).await, (refused("invalid_token"), 5));
    assert_eq!(ask(&world.next_key).await, (allowed(), 5));
    *remote.fetched.lock().unwrap() = None;
    *remote.there.lock().unwrap() = None;
    assert_eq!(
        ask(&world.next_key).await.0,
        unknown,
        "cached, and no longer believed"
    );
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test]
async fn wb_27_basic_becomes_a_short_jwt_and_the_token_goes_no_further() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    let credentials = basic(&format!("witboost:{token}"));
    let ask_scoped = async || {
        ask(
            gate.addr,
            "POST /scoped/v",
            &[("Authorization", &credentials)],
        )
        .await
    };
    let answer = ask_scoped().await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["headers"]["authorization"],
        "Bearer minted.0.jwt"
    );
    assert_eq!(answer.json()["headers"]["x-doorward-scopes"], "service:x");
    assert!(!answer.body.contains(&token) && !answer.body.contains(&STANDARD.encode(&token)));
    assert_eq!(
        ask_scoped().await.json()["headers"]["authorization"],
        "Bearer minted.0.jwt"
    );
    gate.world.clock.advance(Duration::from_secs(271));
    assert_eq!(
        ask_scoped().await.json()["headers"]["authorization"],
        "Bearer minted.1.jwt"
    );
    gate.world.revoked.store(true, SeqCst);
    assert_eq!(ask_scoped().await.code(), refused("invalid_token"));
}

#[tokio::test]
async fn wb_28_31_33_basic_needs_its_module_and_the_exact_user_name() {
    let gate = start(|_| {}).await;
    let token = api_token(1);
    gate.world.know(&token);
    let right = basic(&format!("witboost:{token}"));
    for (path, authorization) in [
        ("/ui/x", &right),
        ("/api/x", &right),
        ("/me/x", &right),
        ("/nowhere", &right),
        ("/scoped/x", &basic(&format!("Witboost:{token}"))),
        ("/scoped/x", &basic(&format!(":{token}"))),
        ("/scoped/x", &basic(&format!("witboost :{token}"))),
        ("/scoped/x", &basic(&format!("other:{token}"))),
        ("/scoped/x", &basic("witboost:")),
        ("/scoped/x", &basic(&format!("witboost:{token}x"))),
        ("/scoped/x", &"Basic !!!".to_owned()),
        ("/scoped/x", &basic(&token)),
    ] {
        let answer = ask(
            gate.addr,
            &format!("GET {path}"),
            &[("Authorization", authorization)],
        )
        .await;
        assert_eq!(answer.status, 401, "{path} {authorization}");
    }
    assert_eq!(gate.world.minted.load(SeqCst), 0);
}

#[tokio::test]
async fn a_credential_header_with_a_reserved_name_is_read_and_not_forwarded() {
    let gate = start(|realm| {
        realm.classes[0].header = Some("x-auth-token".parse().unwrap());
    })
    .await;
    let token = api_token(1);
    gate.world.know(&token);
    let answer = ask(gate.addr, "GET /api/x", &[("X-Auth-Token", &token)]).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("x-auth-token"), "{}", answer.body);
}

#[tokio::test]
async fn an_external_subject_is_ours_by_its_private_id() {
    let gate = start(|_| {}).await;
    let id = "33333333-3333-3333-3333-333333333333";
    let jwt = gate.world.bearer(|claims| {
        let token = claims["dw"]["t"].clone();
        claims.insert("sub".into(), "auth0|abc".into());
        claims.insert(
            "dw".into(),
            json!({"k": "external", "e": 3, "t": token, "s": id}),
        );
    });
    let answer = ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await;
    assert_eq!(answer.json()["headers"]["x-doorward-subject"], "auth0|abc");
    assert_eq!(answer.json()["headers"]["x-doorward-kind"], "external");
    gate.world.epoch.store(4, SeqCst);
    assert_eq!(get(&gate, &jwt).await, refused("invalid_token"));
}

#[tokio::test]
async fn what_one_realm_verified_says_nothing_to_another() {
    let gate = start(|_| {}).await;
    let mut other = super::support::realm("127.0.0.1:1".parse().unwrap());
    other.name = "other".parse().unwrap();
    other.hosts = vec!["other.test".into()];
    other.issuers[0].issuer = "https://other.test".into();
    let first = super::support::realm("127.0.0.1:1".parse().unwrap());
    gate.gate
        .swap(doorward_gate::lower(vec![first, other]).unwrap());
    let jwt = gate.world.bearer(|_| {});
    let at = async |host: &str| {
        let wire = format!(
            "GET /api/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: {jwt}\r\n\r\n"
        );
        let text = super::support::say(gate.addr, wire.as_bytes()).await;
        text.get(9..12).unwrap_or_default().to_owned()
    };
    assert_eq!(at("gate.test").await, "200");
    assert_eq!(at("other.test").await, "401");
    assert_eq!(at("gate.test").await, "200");
    let denials = gate.gate.denials();
    assert_eq!(
        denials.list(&"other".parse().unwrap(), None, 10)[0].check,
        "issuer"
    );
    assert!(denials.list(&"test".parse().unwrap(), None, 10).is_empty());
}

#[tokio::test]
async fn a_key_that_is_not_known_yet_is_looked_for_before_its_token_is_refused() {
    let gate = start(|_| {}).await;
    let claims = gate.world.claims();
    let signed = |key: &SigningKey| format!("Bearer {}", key.sign_jwt("at+jwt", &claims).unwrap());
    let ask = async |bearer: String| {
        let (status, _) = get(&gate, &bearer).await;
        (status, gate.world.looks.load(SeqCst))
    };
    assert_eq!(ask(signed(&gate.world.key)).await, (200, 0));
    assert_eq!(ask(signed(&gate.world.next_key)).await, (200, 1));
    assert_eq!(ask(signed(&gate.world.next_key)).await, (200, 1));
    let made_up = SigningKey::generate(Algorithm::ES256, &SeededEntropy::new(99)).unwrap();
    assert_eq!(ask(signed(&made_up)).await, (401, 2));
}
