//! The rows of the catalogue that were added of late (`n_01` to `n_12`), with callers of an
//! external issuer.

use crate::provider::{ANN, BOB, Provider, REALM, Shared, call, invalid, now, refusal, told};
use doorward_testkit::{App, Request, site};
use serde_json::{Value, json};

const FOIA: &str = "/api/foia/requests";

#[test]
fn n_01_the_key_decides_the_algorithm() {
    let provider = Provider::start(site!());
    // Even where the realm would take all of these.
    let app = provider
        .realm(site!())
        .edit(|config| {
            let external = &mut config["realm"][REALM]["issuers"][0];
            external["algorithms"] = toml::Value::from(vec!["RS256", "RS512", "PS256"]);
        })
        .start();
    for (how, status) in [("RS256", 200), ("RS512", 401), ("PS256", 401)] {
        let header = json!({"alg": how, "typ": "JWT", "kid": "k1"});
        let asked = json!({"header": header, "claims": provider.claims(), "how": how});
        assert_eq!(
            call(&app, "GET", FOIA, &provider.sign(&asked)).status,
            status,
            "{how}"
        );
    }
}

#[test]
fn n_02_what_is_not_said_is_not_open() {
    let provider = Provider::start(site!());
    let without = |name: &str, keys: &[&str]| {
        let app = provider
            .realm(&format!("{}_{name}", site!()))
            .edit(|config| {
                let external = config["realm"][REALM]["issuers"][0].as_table_mut().unwrap();
                for key in keys {
                    external.remove(*key);
                }
            });
        app.prepare().run(&["check"], &[])
    };
    for (name, keys, said) in [
        (
            "audience",
            &["audiences"][..],
            "names no audience and no claim condition",
        ),
        ("algorithm", &["algorithms"], "names no algorithm"),
        ("keys", &["jwks_url"], "no token could be verified"),
    ] {
        let outcome = without(name, keys);
        assert_eq!(outcome.code, 2, "{name}");
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(text.contains(said), "{name}: {text}");
    }
    // Without claims that are named nothing is read of them.
    let app = provider
        .realm(&format!("{}_claims", site!()))
        .edit(|config| {
            let external = &mut config["realm"][REALM]["issuers"][0];
            external["claims"] = toml::Table::new().into();
        })
        .start();
    assert_eq!(
        call(&app, "GET", FOIA, &provider.token(&json!({}))).status,
        403
    );
}

/// A realm that tells its upstreams who is calling.
fn telling(site: &str) -> (Provider, App) {
    let provider = Provider::start(site);
    let app = provider
        .realm(site)
        .set("realm.theholefoundation.identity.headers", true)
        .edit(|config| {
            let realm = config["realm"][REALM].as_table_mut().unwrap();
            let route = toml::toml! {
                path = "/public/**"
                upstream = "builtin:echo"
                public = true
            };
            realm["route"].as_array_mut().unwrap().push(route.into());
            let forward = toml::toml! {
                path = "/forward-auth"
                trusted_only = false
            };
            realm.insert("forward_auth".to_owned(), forward.into());
        })
        .start();
    (provider, app)
}

const FORGED: [(&str, &str); 6] = [
    ("X-Doorward-Subject", "auth0|forged"),
    ("x_doorward_subject", "auth0|forged"),
    ("X-Doorward-Role", "forged"),
    ("X-User-Id", "forged"),
    ("X-Forwarded-User", "forged"),
    ("Remote-User", "forged"),
];

fn forged(request: Request) -> Request {
    let all = FORGED.iter();
    all.fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

#[test]
fn n_03_headers_that_name_a_caller_are_ours_on_every_way() {
    let (provider, app) = telling(site!());
    let token = provider.token(&json!({}));
    let signed = forged(app.request("GET", FOIA).bearer(&token)).send();
    let headers = signed.expect(200).json()["headers"].clone();
    assert_eq!(headers["x-doorward-subject"], ANN);
    assert!(!headers.to_string().contains("forged"), "{headers}");
    let public = forged(app.request("GET", "/public/x")).send();
    let headers = public.expect(200).json()["headers"].clone();
    assert!(!headers.to_string().contains("forged"), "{headers}");
    assert_eq!(headers["x-doorward-subject"], Value::Null);
}

#[test]
fn n_04_one_network_has_one_bucket_however_its_addresses_are_written() {
    let provider = Provider::start(site!());
    let app = provider
        .realm(site!())
        .set("server.trusted_proxies", vec!["127.0.0.1/32"])
        .edit(|config| {
            let limit = toml::toml! {
                rate = "1/1h"
                burst = 3
            };
            config["realm"][REALM]
                .as_table_mut()
                .unwrap()
                .insert("failed_credentials".to_owned(), limit.into());
        })
        .start();
    let bad = provider.token(&json!({"aud": "other"}));
    let from = |address: &str| {
        let request = app.request("GET", FOIA).bearer(&bad);
        request.header("X-Forwarded-For", address).send().status
    };
    for address in ["2001:db8::1", "2001:0db8:0:0::2", "2001:DB8:0:0:ffff::3"] {
        assert_eq!(from(address), 401, "{address}");
    }
    for address in ["2001:db8::1", "2001:db8:0:0:1::9"] {
        assert_eq!(from(address), 429, "{address}");
    }
    assert_eq!(from("2001:db8:1::1"), 401, "another network");
}

#[test]
fn n_05_a_token_of_another_login_manages_no_credential() {
    let shared = Shared::get();
    let scope = "read:foia platform.users.edit platform.tenants.edit platform.audit.read";
    let token = shared
        .provider
        .token(&json!({"scope": scope, "permissions": [scope]}));
    for (method, path) in [
        ("GET", "/me/v1/tokens"),
        ("POST", "/me/v1/tokens"),
        ("GET", "/admin/v1/users"),
        ("POST", "/admin/v1/users"),
        ("GET", "/admin/v1/audit"),
        ("POST", "/admin/v1/tenants"),
    ] {
        let request = shared.app.request(method, path).bearer(&token);
        let answer = request.json(&json!({"kind": "personal", "id": "x"})).send();
        assert!(
            matches!(answer.status, 401 | 403),
            "{method} {path}: {}",
            answer.text()
        );
    }
}

#[test]
fn n_06_what_is_told_to_everybody_holds_no_secret() {
    let shared = Shared::get();
    let secret = shared.provider.secret();
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
        "/healthz",
        FOIA,
        "/",
    ] {
        let answer = shared.app.get(path);
        let text = format!("{:?}{}", answer.headers, answer.text());
        for hidden in [
            &*secret,
            "client_secret",
            "\"d\":",
            "\"k\":",
            "doorward.key",
        ] {
            assert!(!text.contains(hidden), "{path}: {hidden}");
        }
    }
}

#[test]
fn n_07_the_presence_of_a_header_proves_nothing() {
    let shared = Shared::get();
    let reader = shared.provider.token(&json!({"scope": "read:storage"}));
    for (name, value) in [
        ("X-API-Key", "anything"),
        ("apikey", "anything"),
        ("X-Doorward-Scopes", "read:foia"),
        ("X-Internal", "1"),
        ("Cookie", "session=1"),
        ("X-Original-URL", "/public"),
    ] {
        let alone = shared.app.request("GET", FOIA).header(name, value).send();
        assert_eq!(alone.status, 401, "{name}");
        let beside = shared
            .app
            .request("GET", FOIA)
            .bearer(&reader)
            .header(name, value);
        assert_eq!(beside.send().status, 403, "{name}");
    }
}

#[test]
fn n_08_a_dry_run_takes_the_authority_of_what_it_shows() {
    let shared = Shared::get();
    let token = shared
        .provider
        .token(&json!({"scope": "read:projects write:projects"}));
    let asked = json!({"sql": "SELECT 1", "explain_as": {"tenant": "foundation", "sub": BOB}});
    let request = shared
        .app
        .request("POST", "/api/projects/query")
        .bearer(&token);
    assert_eq!(request.json(&asked).send().status, 403);
    let denials = call(&shared.app, "GET", "/admin/v1/denials", &token);
    assert!(matches!(denials.status, 401 | 403));
}

#[test]
fn n_09_a_path_is_compared_in_one_form() {
    let shared = Shared::get();
    let storage = shared.provider.token(&json!({"scope": "read:storage"}));
    for path in [
        "/api/storage/../foia/requests",
        "/api/storage/%2e%2e/foia/requests",
        "/api/storage/..%2ffoia/requests",
        "//api/foia/requests",
        "/api//foia/requests",
        "/api/./foia/requests",
        "/api/%66oia/requests",
        "/api/foia/requests/",
        "/api/foia;a=b/requests",
        "/API/FOIA/requests",
        "/api/storage/..;/foia/requests",
        "/api\\foia\\requests",
    ] {
        let status = call(&shared.app, "GET", path, &storage).status;
        assert!(matches!(status, 400 | 403 | 404), "{path}: {status}");
    }
}

#[test]
fn n_10_a_request_adds_no_series_to_the_metrics() {
    let provider = Provider::start(site!());
    let app = provider.realm(site!()).start();
    let token = provider.token(&json!({}));
    let _ = call(&app, "GET", FOIA, &token).expect(200);
    let series = || {
        let text = Request::new(app.ops(), "GET", "/metrics")
            .send()
            .expect(200)
            .text();
        // Jobs have theirs once they ran for the first time.
        let of_requests = |line: &&str| !line.starts_with('#') && !line.contains("_job_");
        let lines = text.lines().filter(of_requests);
        let mut names: Vec<String> = lines
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort();
        names
    };
    let wrong = |n: u32| {
        let path = format!("/api/foia/{n}-{}", "x".repeat(20));
        let bad = provider.token(&json!({"sub": format!("auth0|{n}"), "aud": format!("a{n}")}));
        let _ = app
            .request("GET", &path)
            .bearer(&bad)
            .header("User-Agent", &n.to_string())
            .send();
        let _ = app.request(&format!("M{n}"), &path).bearer(&token).send();
        let _ = call(&app, "GET", &path, &token);
    };
    wrong(0);
    let before = series();
    for n in 1..150 {
        wrong(n);
    }
    let after = series();
    let added: Vec<_> = after.iter().filter(|name| !before.contains(name)).collect();
    assert!(added.is_empty(), "{added:?}");
}

#[test]
fn n_11_a_token_does_not_say_how_it_is_read() {
    let (provider, app) = telling(site!());
    // The members by which our own tokens say what they are, in one that is not ours.
    for claims in [
        json!({"dw": {"k": "user", "s": "00000000-0000-7000-8000-000000000001", "e": 0}}),
        json!({"dw": {"k": "service", "x": true, "o": "other"}, "sid": "1"}),
        json!({"act": {"sub": "admin"}, "tenant": "other", "tenant_id": "other", "role": "admin"}),
        json!({"claims": {"scope": "admin:database"}, "gty": "password"}),
    ] {
        let token = provider.token(&claims);
        let headers = call(&app, "GET", FOIA, &token).expect(200).json()["headers"].clone();
        assert_eq!(headers["x-doorward-kind"], "external", "{claims}");
        assert_eq!(headers["x-doorward-tenant"], "foundation", "{claims}");
        assert_eq!(headers["x-doorward-subject"], ANN, "{claims}");
        assert_eq!(
            call(&app, "POST", "/api/database/x", &token).status,
            403,
            "{claims}"
        );
    }
    for path in ["/register", "/connect/register", "/oauth/register"] {
        let answer = app
            .request("POST", path)
            .json(&json!({"redirect_uris": []}))
            .send();
        assert_eq!(told(&answer), refusal(401, "AUTH_MISSING_TOKEN"), "{path}");
    }
}

#[test]
fn n_12_forward_auth_answers_every_header_that_names_a_caller() {
    let (provider, app) = telling(site!());
    let ask = |token: Option<&str>, path: &str| {
        let request = forged(app.request("GET", "/forward-auth"));
        let request = request
            .header("X-Forwarded-Method", "GET")
            .header("X-Forwarded-Uri", path);
        let request = request.header("X-Forwarded-Proto", "http");
        let request = request.header("X-Forwarded-Host", &app.addr().to_string());
        match token {
            Some(token) => request.bearer(token).send(),
            None => request.send(),
        }
    };
    let token = provider.token(&json!({}));
    let allowed = ask(Some(&token), FOIA);
    assert_eq!(allowed.expect(200).header("x-doorward-subject"), Some(ANN));
    for name in ["x-doorward-role", "x-doorward-credential"] {
        assert_eq!(allowed.header(name), Some(""), "{name}");
    }
    let public = ask(None, "/public/x");
    let _ = public.expect(200);
    for name in [
        "subject",
        "kind",
        "issuer",
        "tenant",
        "role",
        "scopes",
        "credential",
    ] {
        assert_eq!(
            public.header(&format!("x-doorward-{name}")),
            Some(""),
            "{name}"
        );
    }
    let expired = provider.token(&json!({"exp": now() - 3600}));
    for (token, status) in [(None, 401), (Some(&expired), 401)] {
        assert_eq!(ask(token.map(String::as_str), FOIA).status, status);
    }
    let scoped = provider.token(&json!({"scope": "read:storage"}));
    assert_eq!(ask(Some(&scoped), FOIA).status, 403);
    assert_eq!(told(&ask(Some("a.b.c"), FOIA)), invalid());
}
