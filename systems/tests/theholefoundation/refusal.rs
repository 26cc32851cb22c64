//! Tokens with one fault each, and what is said of them: rows 02 to 04, 11, 12, 25, 28, 39 to 43.

use crate::provider::{ANN, API, Provider, Shared, call, explained, invalid, now, refusal, told};
use doorward_testkit::site;
use serde_json::{Value, json};

const FOIA: &str = "/api/foia/requests";

#[test]
fn ho_02_the_issuer_is_compared_byte_by_byte() {
    let shared = Shared::get();
    let issuer = shared.provider.issuer();
    assert!(issuer.ends_with('/'));
    let bare = issuer.trim_end_matches('/');
    for other in [
        bare.to_owned(),
        format!("{issuer}/"),
        issuer.replace("http:", "https:"),
        issuer.replace("127.0.0.1", "localhost"),
        issuer.to_uppercase(),
        format!(" {issuer}"),
        String::new(),
    ] {
        let token = shared.provider.token(&json!({"iss": other}));
        assert_eq!(shared.judge(&token), invalid(), "{other:?}");
    }
    for wrong in [
        json!([issuer]),
        json!(null),
        json!(7),
        json!({"iss": issuer}),
    ] {
        let token = shared.provider.token(&json!({"iss": wrong}));
        assert_eq!(shared.judge(&token), invalid(), "{wrong}");
    }
    assert_eq!(shared.judge(&shared.provider.token(&json!({}))).0, 200);
}

#[test]
fn ho_03_one_of_the_audiences_is_enough() {
    let shared = Shared::get();
    for (audience, opens) in [
        (json!(API), true),
        (json!("https://api.theholetruth.org"), true),
        (json!([API, "https://theholetruth.example/userinfo"]), true),
        (json!([]), false),
        (json!(null), false),
        (json!("https://api.theholefoundation.org/"), false),
        (json!("HTTPS://API.THEHOLEFOUNDATION.ORG"), false),
        (json!(["other"]), false),
        (json!([7, API]), false),
        (json!({"aud": API}), false),
    ] {
        let token = shared.provider.token(&json!({"aud": audience}));
        let expected = if opens {
            (200, String::new())
        } else {
            invalid()
        };
        assert_eq!(shared.judge(&token), expected, "{audience}");
    }
}

#[test]
fn ho_04_rs256_and_nothing_else() {
    let shared = Shared::get();
    let claims = shared.provider.claims();
    let by = |how: &str| {
        let header = json!({"typ": "JWT", "kid": "k1", "alg": how.get(..5).unwrap_or(how)});
        let asked = json!({"header": header, "claims": claims, "how": how});
        shared.judge(&shared.provider.sign(&asked)).0
    };
    assert_eq!(by("RS256"), 200);
    for how in [
        "RS512",
        "PS256",
        "HS256pem",
        "HS256pkcs1",
        "HS256der",
        "HS256jwk",
        "HS256n",
        "HS256empty",
    ] {
        assert_eq!(by(how), 401, "{how}");
    }
    for alg in [
        "none", "None", "nOnE", "none ", "rs256", "RS256 ", "", "ES256", "EdDSA",
    ] {
        for how in ["none", "RS256", "garbage"] {
            let header = json!({"typ": "JWT", "kid": "k1", "alg": alg});
            let asked = json!({"header": header, "claims": claims, "how": how});
            let token = shared.provider.sign(&asked);
            assert_eq!(shared.judge(&token), invalid(), "{alg:?} {how}");
        }
    }
}

#[test]
fn ho_11_an_expired_token_is_told_as_one() {
    let shared = Shared::get();
    let expired = shared.provider.token(&json!({"exp": now() - 31}));
    let answer = call(&shared.app, "GET", FOIA, &expired);
    let body = answer.expect(401).json();
    assert_eq!(body["error"]["code"], "AUTH_EXPIRED_TOKEN");
    assert_eq!(body["error"]["message"], "Expired token");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"invalid_token\""),
        "{challenge}"
    );
    let trace = explained(&shared.app, &answer);
    assert_eq!(trace["check"], "expired");
    assert!(
        trace["required"][0]
            .as_str()
            .unwrap()
            .contains("leeway 30s")
    );
    assert_eq!(trace["held"], json!([(now() - 31).to_string()]));
    // The clocks of two machines differ: half a minute is none.
    let within = shared.provider.token(&json!({"exp": now() - 20}));
    assert_eq!(shared.judge(&within).0, 200);
    // What is said of a token that was good is not said of a forged one.
    let forged = format!("{}AAAA", &expired[..expired.len() - 4]);
    assert_eq!(shared.judge(&forged), invalid());
}

#[test]
fn ho_12_missing_and_invalid_say_the_same_text_and_codes_of_their_own() {
    let shared = Shared::get();
    let missing = shared.app.get(FOIA);
    let malformed = call(&shared.app, "GET", FOIA, "no-token");
    let forged = shared.provider.token(&json!({}));
    let forged = format!("{}AAAA", &forged[..forged.len() - 4]);
    let invalid = call(&shared.app, "GET", FOIA, &forged);
    let mut ids = Vec::new();
    for (answer, code) in [
        (missing, "AUTH_MISSING_TOKEN"),
        (malformed, "AUTH_INVALID_TOKEN"),
        (invalid, "AUTH_INVALID_TOKEN"),
    ] {
        let body = answer.expect(401).json();
        assert_eq!(body["error"]["code"], code);
        assert_eq!(body["error"]["message"], "Missing or invalid token");
        let id = body["error"]["request_id"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("x-request-id"), Some(&*id));
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
        let trace = explained(&shared.app, &answer);
        assert!(trace["cure"].is_string(), "{trace}");
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has an id of its own");
}

#[test]
fn ho_25_each_of_four_faults_alone_is_refused() {
    let shared = Shared::get();
    let good = shared.provider.token(&json!({}));
    assert_eq!(shared.judge(&good).0, 200);
    let issuer = shared
        .provider
        .token(&json!({"iss": "https://other.auth0.example/"}));
    let audience = shared
        .provider
        .token(&json!({"aud": "https://other.example"}));
    let expired = shared.provider.token(&json!({"exp": now() - 3600}));
    let claims = shared.provider.claims();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "k1"});
    let other_key = json!({"header": header, "claims": claims, "by": "stranger"});
    let signature = shared.provider.sign(&other_key);
    for (token, code, check) in [
        (&issuer, "AUTH_INVALID_TOKEN", "issuer"),
        (&audience, "AUTH_INVALID_TOKEN", "audience"),
        (&expired, "AUTH_EXPIRED_TOKEN", "expired"),
        (&signature, "AUTH_INVALID_TOKEN", "signature"),
    ] {
        let answer = call(&shared.app, "GET", FOIA, token);
        assert_eq!(told(&answer), refusal(401, code), "{check}");
        let trace = explained(&shared.app, &answer);
        assert_eq!(trace["check"], check);
        for side in ["required", "held"] {
            assert_ne!(trace[side], json!([]), "{check} {side}: {trace}");
        }
        assert!(trace["cure"].is_string(), "{check}");
    }
    let trace = explained(&shared.app, &call(&shared.app, "GET", FOIA, &audience));
    assert_eq!(trace["held"], json!(["https://other.example"]));
    assert!(trace["required"].as_array().unwrap().contains(&json!(API)));
    let trace = explained(&shared.app, &call(&shared.app, "GET", FOIA, &signature));
    let place = format!("a key of {}", shared.provider.jwks_url());
    assert_eq!(
        (&trace["required"], &trace["held"]),
        (&json!([place]), &json!(["k1"]))
    );
}

#[test]
fn ho_28_plain_http_is_refused() {
    let provider = Provider::start(site!());
    let app = provider
        .realm_over_tls(site!())
        .set("server.trusted_proxies", vec!["127.0.0.1/32"])
        .start();
    let token = provider.token(&json!({}));
    let request = app.request("GET", FOIA).bearer(&token);
    assert_eq!(told(&request.send()), refusal(403, "https_required"));
    let by_tls = request.clone().header("X-Forwarded-Proto", "https");
    by_tls.send().expect(200);
}

#[test]
fn ho_39_an_opaque_token_is_told_what_was_forgotten() {
    let shared = Shared::get();
    // As the provider gives one where no audience was asked for.
    let opaque = shared.provider.login(ANN, None, "");
    let opaque = opaque["access_token"].as_str().unwrap();
    assert!(!opaque.contains('.'), "it is no JWT");
    for token in [opaque, "Mv9_6pdt3pVTwMyMQnk1ZqDUpn7sZ2sL"] {
        let answer = call(&shared.app, "GET", FOIA, token);
        assert_eq!(told(&answer), refusal(401, "AUTH_OPAQUE_TOKEN"));
        let message = answer.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains("audience"), "{message}");
        let trace = explained(&shared.app, &answer);
        assert_eq!(trace["check"], "opaque");
        assert!(trace["required"].as_array().unwrap().contains(&json!(API)));
        assert!(!trace.to_string().contains(token));
    }
}

#[test]
fn ho_40_an_id_token_is_named() {
    let shared = Shared::get();
    let given = shared.provider.login(ANN, None, "");
    let id_token = given["id_token"].as_str().unwrap();
    let answer = call(&shared.app, "GET", FOIA, id_token);
    assert_eq!(told(&answer), refusal(401, "AUTH_ID_TOKEN"));
    let message = answer.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.contains("ID token") && message.contains("access token"),
        "{message}"
    );
    let cure = explained(&shared.app, &answer)["cure"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(cure.contains("access token"), "{cure}");
    // As Auth0 writes it: typ JWT, the application as its audience, a profile.
    let claims = json!({
        "iss": shared.provider.issuer(), "sub": ANN, "aud": "RrMfG6lhAtzAUu8MuN4a", "exp": now() + 60,
        "nickname": "ann", "name": "Ann", "picture": "https://cdn.example/a.png", "sid": "1",
    });
    let token = shared.provider.sign(&json!({ "claims": claims }));
    assert_eq!(shared.judge(&token), refusal(401, "AUTH_ID_TOKEN"));
}

#[test]
fn ho_41_permissions_or_scope_or_both() {
    let provider = Provider::start(site!());
    let both = json!({"scope": "read:storage", "permissions": ["read:foia"]});
    for (name, paths, opens) in [
        ("scope", json!("scope"), false),
        ("permissions", json!("permissions"), true),
        ("union", json!(["scope", "permissions"]), true),
    ] {
        let value: toml::Value = serde_json::from_value(paths.clone()).unwrap();
        let app = provider
            .realm(&format!("{}_{name}", site!()))
            .edit(|config| {
                let external = &mut config["realm"]["theholefoundation"]["issuers"][0];
                external["claims"]["scope"] = value;
            })
            .start();
        let token = provider.token(&both);
        let answer = call(&app, "GET", FOIA, &token);
        assert_eq!(answer.status, if opens { 200 } else { 403 }, "{name}");
        if !opens {
            assert_eq!(explained(&app, &answer)["read"], json!(["scope"]));
        }
        // The other scope is there where its claim is read.
        let other = call(&app, "GET", "/api/storage/objects", &token).status;
        assert_eq!(
            other,
            if name == "permissions" { 403 } else { 200 },
            "{name}"
        );
        let strict = provider.token(&json!({"scope": 7, "permissions": 7}));
        assert_eq!(told(&call(&app, "GET", FOIA, &strict)), invalid(), "{name}");
    }
    // `check` warns of a route that no token of this issuer can pass.
    let app = provider
        .realm_over_tls(&format!("{}_none", site!()))
        .edit(|config| {
            let external = &mut config["realm"]["theholefoundation"]["issuers"][0];
            external["claims"] = toml::Table::new().into();
        })
        .prepare();
    let said = app.run(&["check"], &[]).success();
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(
        said.contains("no token of an external issuer can pass"),
        "{said}"
    );
}

#[test]
fn ho_42_an_organisation_is_the_tenant_and_no_header_is() {
    let provider = Provider::start(site!());
    let app = provider
        .realm(site!())
        .set("realm.theholefoundation.identity.headers", true)
        .edit(|config| {
            let external = config["realm"]["theholefoundation"]["issuers"][0].as_table_mut();
            let external = external.unwrap();
            external.remove("tenant");
            external["claims"]
                .as_table_mut()
                .unwrap()
                .insert("tenant".to_owned(), "org_id".into());
        })
        .start();
    let tenant = |claims: &Value| {
        let request = app.request("GET", FOIA).bearer(&provider.token(claims));
        let request = request.header("X-Tenant-ID", "org_other");
        let request = request.header("X-Doorward-Tenant", "org_other");
        let headers = request.send().expect(200).json()["headers"].clone();
        assert!(!headers.to_string().contains("org_other"), "{headers}");
        headers["x-doorward-tenant"].clone()
    };
    assert_eq!(
        tenant(&json!({"org_id": "org_9ybsU1dN2dKfDkBi"})),
        "org_9ybsU1dN2dKfDkBi"
    );
    assert_eq!(tenant(&json!({"tenant": "org_other"})), Value::Null);
    for wrong in [json!(7), json!("a|b"), json!(["org_1"])] {
        let token = provider.token(&json!({"org_id": wrong}));
        assert_eq!(told(&call(&app, "GET", FOIA, &token)), invalid(), "{wrong}");
    }
}

#[test]
fn ho_43_two_names_of_the_login_are_one_subject_space() {
    let old = Provider::start(site!());
    let custom = Provider::start(&format!("{}_custom", site!()));
    let (of, issuer, jwks_url) = (old.issuer(), custom.issuer(), custom.jwks_url());
    let app = old
        .realm(site!())
        .set("realm.theholefoundation.limits.subject.rate", "1/1h")
        .set("realm.theholefoundation.limits.subject.burst", 1)
        .set("realm.theholefoundation.identity.headers", true)
        .edit(|config| {
            let issuers = config["realm"]["theholefoundation"]["issuers"].as_array_mut();
            let issuers = issuers.unwrap();
            let mut second = issuers[0].as_table().unwrap().clone();
            for key in ["claims", "tenant"] {
                second.remove(key);
            }
            second.insert("issuer".to_owned(), issuer.into());
            second.insert("jwks_url".to_owned(), jwks_url.into());
            second.insert("subjects_of".to_owned(), of.clone().into());
            issuers.push(second.into());
        })
        .start();
    let by_custom = call(&app, "GET", FOIA, &custom.user(ANN, "read:foia"));
    let headers = by_custom.expect(200).json()["headers"].clone();
    assert_eq!(headers["x-doorward-subject"], ANN);
    assert_eq!(headers["x-doorward-issuer"], of);
    assert_eq!(headers["x-doorward-tenant"], "foundation");
    // The same subject by its other name: it has used up what it may.
    let by_old = call(&app, "GET", FOIA, &old.user(ANN, "read:foia"));
    assert_eq!(told(&by_old), refusal(429, "RATE_LIMIT_EXCEEDED"));
    // Keys belong to the issuer that publishes them.
    let mixed = custom.token(&json!({"iss": old.issuer(), "sub": "auth0|other"}));
    assert_eq!(told(&call(&app, "GET", FOIA, &mixed)), invalid());
}
