//! Issuers that are not the realm: what of their tokens is accepted, whose subjects they
//! speak of, bearers that they alone can read, and what is said of those that are refused.

use super::support::{Answer, Running, ask, realm, start};
use doorward_base::limit::Quota;
use doorward_base::{RequestId, Secret};
use doorward_gate::policy::spec::{
    Audited, ClaimRule, IntrospectionSpec, IssuerSpec, KeySource, LimitKey, LimitSpec, RealmSpec,
    RemoteSource,
};
use doorward_surface::Denial;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

const IDP: &str = "https://idp.test/";
const OPAQUE: &str = "Mv9_6pdt3pVTwMyMQnk1ZqDUpn7sZ2sL";

fn external(realm: &mut RealmSpec) -> &mut IssuerSpec {
    let url = "https://idp.test/jwks".parse().unwrap();
    let external = IssuerSpec {
        issuer: IDP.into(),
        keys: KeySource::Remote(RemoteSource::Jwks(url)),
        ..realm.issuers[0].clone()
    };
    realm.issuers.push(external);
    realm.issuers.last_mut().unwrap()
}

/// A gate with such an issuer, whose key is the world's.
async fn gate(change: impl FnOnce(&mut RealmSpec)) -> Running {
    let gate = start(change).await;
    gate.world.remote.publish([&gate.world.key]);
    gate
}

/// What it says of a subject, in a token of these claims.
fn bearer(gate: &Running, claims: &Value) -> String {
    gate.world.bearer(|all| {
        all.remove("dw");
        all.insert("iss".into(), IDP.into());
        all.insert("sub".into(), "auth0|507f".into());
        all.extend(claims.as_object().unwrap().clone());
    })
}

/// The same with a signature that is none.
fn unsigned(bearer: &str) -> String {
    let (start, _) = bearer.rsplit_once('.').unwrap();
    format!("{start}.AAAA")
}

async fn at(gate: &Running, line: &str, authorization: &str) -> Answer {
    ask(gate.addr, line, &[("Authorization", authorization)]).await
}

fn trace(gate: &Running, answer: &Answer) -> Denial {
    let id = answer.header("x-request-id").unwrap();
    let id: RequestId = id.parse().unwrap();
    let realm = "test".parse().unwrap();
    gate.gate.denials().find(&realm, id).unwrap()
}

fn said(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

/// WB-46: where only a claim tells whose tokens are for us, nothing else does.
#[tokio::test]
async fn wb_46_a_condition_on_claims_pins_a_shared_issuer() {
    let gate = gate(|realm| {
        let issuer = external(realm);
        issuer.audiences = vec![];
        issuer.require = vec![ClaimRule {
            path: "org.id".parse().unwrap(),
            values: vec![json!("ours"), json!("theirs too")],
        }];
    })
    .await;
    for (claims, status) in [
        (json!({"org": {"id": "ours"}, "aud": "somebody"}), 200),
        (json!({"org": {"id": ["x", "theirs too"]}}), 200),
        (json!({"org": {"id": "other"}}), 401),
        (json!({"org": "ours"}), 401),
        (json!({}), 401),
        // Of a login, whatever else it says.
        (json!({"org": {"id": "ours"}, "nonce": "n"}), 401),
    ] {
        let answer = at(&gate, "GET /api/x", &bearer(&gate, &claims)).await;
        assert_eq!(answer.status, status, "{claims}");
    }
    let other = bearer(&gate, &json!({"org": {"id": "other"}}));
    let told = trace(&gate, &at(&gate, "GET /api/x", &other).await);
    assert_eq!(told.check, "claim_condition");
    assert_eq!(told.held, ["org.id = \"other\""]);
    assert!(told.required.contains(&"org.id = \"ours\"".to_owned()));
    assert!(told.cure.is_some());
}

/// HO-41: one claim, the other, or both together.
#[tokio::test]
async fn ho_41_scopes_are_read_from_the_claims_that_are_named() {
    for (paths, holds) in [
        (&["scope"][..], [true, false]),
        (&["permissions"], [false, true]),
        (&["scope", "permissions"], [true, true]),
        (&[], [false, false]),
    ] {
        let gate = gate(|realm| {
            external(realm).claims.scopes =
                paths.iter().map(|path| path.parse().unwrap()).collect();
        })
        .await;
        let tokens = [
            json!({"scope": "service:x", "permissions": ["a:b"]}),
            json!({"scope": "a:b", "permissions": ["service:x"]}),
        ];
        for (claims, holds) in tokens.into_iter().zip(holds) {
            let answer = at(&gate, "GET /scoped/x", &bearer(&gate, &claims)).await;
            let expected = if holds { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{paths:?} {claims}");
            if !holds {
                let told = trace(&gate, &answer);
                assert_eq!(
                    (told.read, told.required),
                    (said(paths), said(&["service:x"]))
                );
                assert!(told.cure.is_some());
            }
        }
    }
}

/// HO-42: its tenant is the one that is configured, or that of its claim, and no header's.
#[tokio::test]
async fn ho_42_the_tenant_is_the_issuers_or_the_claims_alone() {
    for fixed in [true, false] {
        let gate = gate(|realm| {
            let issuer = external(realm);
            issuer.claims.tenant = Some("org_id".parse().unwrap());
            issuer.tenant = fixed.then(|| "foundation".parse().unwrap());
        })
        .await;
        let jwt = bearer(&gate, &json!({"org_id": "org_1", "tenant": "globex"}));
        let headers = [
            ("Authorization", &*jwt),
            ("X-Doorward-Tenant", "globex"),
            ("X-Tenant-Id", "globex"),
        ];
        let answer = ask(gate.addr, "GET /api/x", &headers).await;
        let expected = if fixed { "foundation" } else { "org_1" };
        assert_eq!(answer.json()["headers"]["x-doorward-tenant"], expected);
        assert!(!answer.body.contains("x-tenant-id"), "{}", answer.body);
    }
}

/// HO-43: a subject is the same by both names of its login, and by no third one.
#[tokio::test]
async fn ho_43_two_issuers_of_one_login_have_one_subject() {
    let gate = gate(|realm| {
        let first = external(realm).clone();
        let named = |name: &str, subjects_of: Option<&str>| IssuerSpec {
            issuer: name.into(),
            subjects_of: subjects_of.map(Into::into),
            ..first.clone()
        };
        realm.issuers.push(named("https://login.test/", Some(IDP)));
        realm.issuers.push(named("https://other.test/", None));
        let quota = Quota::new(1, Duration::from_secs(60), 1).unwrap();
        realm.limits = vec![LimitSpec::rate("each", LimitKey::Subject, quota)];
    })
    .await;
    for (issuer, status) in [
        (IDP, 200),
        ("https://login.test/", 429),
        ("https://other.test/", 200),
    ] {
        let jwt = bearer(&gate, &json!({"iss": issuer}));
        assert_eq!(
            at(&gate, "GET /api/x", &jwt).await.status,
            status,
            "{issuer}"
        );
    }
}

/// HO-39: what says nothing to us is told apart from what is no token at all.
#[tokio::test]
async fn ho_39_an_opaque_bearer_has_a_code_of_its_own_where_a_login_could_have_sent_it() {
    let gate = gate(|realm| drop(external(realm).clone())).await;
    let encrypted = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn";
    for (text, code) in [
        (OPAQUE, "token_opaque"),
        (encrypted, "token_opaque"),
        ("junk", "invalid_token"),
        ("junk{that-is-no-token-at-all}", "invalid_token"),
    ] {
        let answer = at(&gate, "GET /api/x", &format!("Bearer {text}")).await;
        assert_eq!(answer.code(), (401, code.to_owned()), "{text}");
    }
    let answer = at(&gate, "GET /api/x", &format!("Bearer {OPAQUE}")).await;
    assert!(
        answer.body.contains("audience of this API"),
        "{}",
        answer.body
    );
    let told = trace(&gate, &answer);
    assert_eq!((told.check, told.required), ("opaque", said(&["api"])));
    // A realm without such a login has no use for the advice.
    let alone = start(|_| {}).await;
    let answer = at(&alone, "GET /api/x", &format!("Bearer {OPAQUE}")).await;
    assert_eq!(answer.code(), (401, "invalid_token".to_owned()));
}

/// HO-40.
#[tokio::test]
async fn ho_40_an_id_token_is_named_as_the_mistake_it_is() {
    let gate = gate(|realm| drop(external(realm).clone())).await;
    for (claims, code) in [
        (json!({"aud": "app", "nonce": "n"}), "token_for_login"),
        (json!({"aud": "app", "at_hash": "h"}), "token_for_login"),
        (
            json!({"aud": ["app"], "email": "a@b.example", "scope": null}),
            "invalid_token",
        ),
        (json!({"aud": "app"}), "invalid_token"),
        // It is for us, whatever else it says.
        (json!({"nonce": "n"}), ""),
    ] {
        let answer = at(&gate, "GET /api/x", &bearer(&gate, &claims)).await;
        if code.is_empty() {
            assert_eq!(answer.status, 200, "{claims}");
        } else {
            assert_eq!(answer.code(), (401, code.to_owned()), "{claims}");
        }
    }
    // What another key signed is nothing but that.
    let forged = bearer(&gate, &json!({"aud": "app", "nonce": "n"}));
    let forged = unsigned(&forged);
    let answer = at(&gate, "GET /api/x", &forged).await;
    assert_eq!(answer.code(), (401, "invalid_token".to_owned()));
}

fn introspecting(realm: &mut RealmSpec) {
    external(realm).introspection = Some(IntrospectionSpec {
        url: "https://idp.test/introspect".parse().unwrap(),
        client_id: "api".into(),
        client_secret: Secret::new("secret".into()),
        cache: Duration::from_secs(30),
    });
}

#[tokio::test]
async fn an_opaque_bearer_is_asked_about_and_its_issuers_word_is_believed_for_a_while() {
    let gate = gate(introspecting).await;
    let now = doorward_base::Clock::now(&gate.world.clock).as_seconds();
    let remote = &gate.world.remote;
    let say = |said: Value| {
        let mut all = json!({
            "active": true, "sub": "auth0|507f", "aud": "api", "exp": now + 20, "scope": "service:x",
        });
        all.as_object_mut()
            .unwrap()
            .extend(said.as_object().unwrap().clone());
        remote.said.lock().unwrap().insert(OPAQUE.to_owned(), all);
    };
    let bearer = format!("Bearer {OPAQUE}");
    let look = async || {
        let answer = at(&gate, "GET /scoped/x", &bearer).await;
        (answer.status, remote.asked.load(SeqCst))
    };
    assert_eq!(look().await, (401, 1), "it is not active");
    say(json!({}));
    assert_eq!(look().await, (200, 2));
    assert_eq!(look().await, (200, 2), "its word is believed");
    remote.said.lock().unwrap().clear();
    gate.world.clock.advance(Duration::from_secs(19));
    assert_eq!(look().await, (200, 2));
    gate.world.clock.advance(Duration::from_secs(1));
    assert_eq!(look().await, (401, 3), "the token is over");
    // Without an end of its own it is asked about again.
    say(json!({"exp": null}));
    assert_eq!(look().await.0, 401, "a claim of the wrong type");
    let unending = json!({"active": true, "sub": "x", "aud": "api", "scope": "service:x"});
    remote
        .said
        .lock()
        .unwrap()
        .insert(OPAQUE.to_owned(), unending);
    assert_eq!(look().await, (200, 5));
    gate.world.clock.advance(Duration::from_secs(29));
    assert_eq!(look().await, (200, 5));
    gate.world.clock.advance(Duration::from_secs(1));
    assert_eq!(look().await, (200, 6));
    gate.world.clock.advance(Duration::from_secs(30));
    for (said, status) in [
        (json!({"aud": "other"}), 401),
        (json!({"aud": []}), 401),
        (json!({"iss": "https://other.test/"}), 401),
        (json!({"iss": IDP, "exp": now + 9999}), 200),
    ] {
        say(json!({"exp": now + 9999}));
        say(said.clone());
        let mut all = remote.said.lock().unwrap()[OPAQUE].clone();
        all["exp"] = json!(now + 9999);
        all.as_object_mut()
            .unwrap()
            .extend(said.as_object().unwrap().clone());
        remote.said.lock().unwrap().insert(OPAQUE.to_owned(), all);
        assert_eq!(look().await.0, status, "{said}");
    }
}

#[tokio::test]
async fn what_an_issuer_says_of_another_kind_of_token_or_does_not_say_opens_nothing() {
    let gate = gate(introspecting).await;
    let remote = &gate.world.remote;
    let bearer = format!("Bearer {OPAQUE}");
    let active = json!({"active": true, "sub": "x", "aud": "api"});
    for (said, status) in [
        (json!("nothing"), 503),
        (json!({"token_type": "DPoP"}), 401),
        (json!({"cnf": {"jkt": "x"}}), 401),
        (json!({"sub": null}), 401),
        (json!({"token_type": "bearer"}), 200),
    ] {
        let mut all = active.clone();
        match said.as_object() {
            Some(said) => all.as_object_mut().unwrap().extend(said.clone()),
            None => all = said.clone(),
        }
        remote.said.lock().unwrap().insert(OPAQUE.to_owned(), all);
        let answer = at(&gate, "GET /api/x", &bearer).await;
        assert_eq!(answer.status, status, "{said}");
    }
    // An API token of the realm is never shown to somebody else's login.
    let asked = remote.asked.load(SeqCst);
    let token = super::support::api_token(1);
    let answer = at(&gate, "GET /api/x", &format!("Bearer {token}")).await;
    assert_eq!((answer.status, remote.asked.load(SeqCst)), (401, asked));
}

/// Each made-up bearer would be a request to somebody else.
#[tokio::test]
async fn an_address_that_makes_bearers_up_has_nobody_asked_for_long() {
    let gate = gate(introspecting).await;
    let mut statuses = Vec::new();
    for number in 0..150 {
        let bearer = format!("Bearer {OPAQUE}{number}");
        statuses.push(at(&gate, "GET /api/x", &bearer).await.status);
    }
    let asked = gate.world.remote.asked.load(SeqCst);
    assert!((60..=100).contains(&asked), "{asked}");
    assert_eq!(
        (statuses.first(), statuses.last()),
        (Some(&401), Some(&429))
    );
}

/// Each trace says what was required and what was held, and what mends it.
#[tokio::test]
async fn a_refused_token_is_explained_with_both_sides_and_the_cure() {
    let gate = gate(|realm| drop(external(realm).clone())).await;
    let now = doorward_base::Clock::now(&gate.world.clock).as_seconds();
    let other_key = {
        let claims = gate.world.claims();
        let mut claims = claims;
        claims.insert("iss".into(), IDP.into());
        claims.remove("dw");
        format!(
            "Bearer {}",
            gate.world.next_key.sign_jwt("at+jwt", &claims).unwrap()
        )
    };
    let good = bearer(&gate, &json!({}));
    assert_eq!(at(&gate, "GET /api/x", &good).await.status, 200);
    let tampered = unsigned(&good);
    for (jwt, check, required, held) in [
        (
            bearer(&gate, &json!({"iss": "https://idp.test"})),
            "issuer",
            IDP,
            "https://idp.test",
        ),
        (
            bearer(&gate, &json!({"aud": ["a", "b"]})),
            "audience",
            "api",
            "b",
        ),
        (
            bearer(&gate, &json!({"exp": now - 1})),
            "expired",
            "now ",
            &*(now - 1).to_string(),
        ),
        (
            bearer(&gate, &json!({"nbf": now + 60})),
            "not_before",
            "now ",
            &*(now + 60).to_string(),
        ),
        (other_key, "kid_unknown", "https://idp.test/jwks", ""),
        (tampered, "signature", "https://idp.test/jwks", ""),
        (
            bearer(&gate, &json!({"scope": 7})),
            "scope_claim",
            "names in scope",
            "",
        ),
    ] {
        let answer = at(&gate, "GET /api/x", &jwt).await;
        assert_eq!(answer.status, 401, "{check}");
        let told = trace(&gate, &answer);
        assert_eq!(told.check, check);
        assert!(
            told.required.join(" ").contains(required),
            "{check}: {told:?}"
        );
        assert!(told.held.join(" ").contains(held), "{check}: {told:?}");
        assert!(told.cure.is_some(), "{check}");
        // Neither the answer nor the trace has any of the token.
        let signature = jwt.rsplit('.').next().unwrap();
        assert!(!format!("{told:?}").contains(signature), "{check}");
    }
    let missing = ask(gate.addr, "GET /api/x", &[]).await;
    let told = trace(&gate, &missing);
    assert_eq!((told.check, told.cure.is_some()), ("credential", true));
}

/// Roles, and a claim that is missing: what is held, what is required, and where it was read.
#[tokio::test]
async fn a_missing_role_is_explained_with_those_that_are_held() {
    let gate = gate(|realm| {
        let _ = external(realm);
        let route = realm
            .routes
            .iter_mut()
            .find(|route| route.path == "/api/**");
        route.unwrap().roles = vec!["admin".parse().unwrap()];
    })
    .await;
    for (claims, held) in [
        (
            json!({"roles": ["editor", "user"], "role": "user"}),
            &["editor", "user"][..],
        ),
        (json!({"roles": null, "role": null}), &[]),
    ] {
        let answer = at(&gate, "GET /api/x", &bearer(&gate, &claims)).await;
        assert_eq!(answer.code(), (403, "role_not_allowed".to_owned()));
        let told = trace(&gate, &answer);
        assert_eq!((told.required, told.held), (said(&["admin"]), said(held)));
        assert_eq!(told.read, ["roles", "role"]);
        assert!(told.cure.is_some());
    }
}

/// HO-31.
#[tokio::test]
async fn ho_31_requests_are_told_to_the_audit_log_as_the_realm_says() {
    for (audited, expected) in [
        (Audited::Nothing, &[][..]),
        (
            Audited::Refused,
            &[
                " GET /api/** unauthorized",
                "auth0|507f GET /scoped/** insufficient_scope",
            ],
        ),
        (
            Audited::All,
            &[
                "auth0|507f GET /api/** allow",
                " GET /api/** unauthorized",
                "auth0|507f GET /scoped/** insufficient_scope",
            ],
        ),
    ] {
        let gate = gate(|realm| {
            let _ = external(realm);
            realm.audited = audited;
        })
        .await;
        let jwt = bearer(&gate, &json!({"scope": "service:z"}));
        assert_eq!(at(&gate, "GET /api/x", &jwt).await.status, 200);
        assert_eq!(ask(gate.addr, "GET /api/x", &[]).await.status, 401);
        assert_eq!(at(&gate, "GET /scoped/x", &jwt).await.status, 403);
        assert_eq!(*gate.world.noted.lock().unwrap(), expected);
    }
}

/// RFC 9728 §5.1.
#[tokio::test]
async fn a_challenge_says_where_it_is_told_whose_tokens_are_taken() {
    let gate = gate(|realm| {
        let _ = external(realm);
        realm.resource_metadata = Some("https://api.test/meta".parse().unwrap());
    })
    .await;
    let metadata = "resource_metadata=\"https://api.test/meta\"";
    let missing = ask(gate.addr, "GET /api/x", &[]).await;
    assert_eq!(
        missing.header("www-authenticate").unwrap(),
        format!("Bearer {metadata}")
    );
    let jwt = bearer(&gate, &json!({"scope": "service:z"}));
    let scope = at(&gate, "GET /scoped/x", &jwt).await;
    let challenge = scope.header("www-authenticate").unwrap().to_owned();
    assert_eq!(
        challenge,
        format!("Bearer error=\"insufficient_scope\", scope=\"service:x\", {metadata}")
    );
}

#[tokio::test]
async fn a_second_issuer_that_is_asked_is_a_contradiction() {
    let mut spec = realm(([127, 0, 0, 1], 1).into());
    introspecting(&mut spec);
    let mut second = spec.issuers[1].clone();
    second.issuer = "https://b.test/".into();
    spec.issuers.push(second);
    let problems = doorward_gate::lower(vec![spec]).unwrap_err();
    let text = problems[0].to_string();
    assert!(text.contains("https://b.test/ is the second one"), "{text}");
}
