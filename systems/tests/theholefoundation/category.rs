//! Ten categories and fifteen scopes: rows 01, 07 to 10, 13 to 24, 27, 32 and 38.

use crate::provider::{ANN, API, Provider, SCOPES, Shared, call, explained, now, refusal, told};
use doorward_testkit::{Response, jwt::Unverified, site};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A category: a path of it, and what opens it for reading and for anything else.
struct Category {
    path: &'static str,
    read: &'static [&'static str],
    write: &'static [&'static str],
}

const fn category(
    path: &'static str,
    read: &'static [&'static str],
    write: &'static [&'static str],
) -> Category {
    Category { path, read, write }
}

const VECTOR_SEARCH: Category = category(
    "/api/vector-search/query",
    &["read:transparency"],
    &["read:transparency"],
);
const TRANSPARENCY: Category = category(
    "/api/transparency/documents",
    &["read:transparency"],
    &["read:transparency"],
);
const FOIA: Category = category("/api/foia/requests", &["read:foia"], &["write:foia"]);
const CHAT: Category = category(
    "/api/chat/messages",
    &["chat:assistant"],
    &["chat:assistant"],
);
const LATEX: Category = category(
    "/api/latex/compile",
    &["compile:documents"],
    &["compile:documents"],
);
const DATABASE: Category = category(
    "/api/database/tables",
    &["read:database", "admin:database"],
    &["admin:database"],
);
const WORKFLOWS: Category = category(
    "/api/workflows/1/run",
    &["execute:workflows"],
    &["execute:workflows"],
);
const STORAGE: Category = category(
    "/api/storage/objects",
    &["read:storage"],
    &["write:storage"],
);
const VECTORS: Category = category(
    "/api/vectors/1",
    &["read:vectors", "admin:vectors"],
    &["write:vectors", "admin:vectors"],
);
const PROJECTS: Category = category("/api/projects/1", &["read:projects"], &["write:projects"]);

const ALL: [&Category; 10] = [
    &VECTOR_SEARCH,
    &TRANSPARENCY,
    &FOIA,
    &CHAT,
    &LATEX,
    &DATABASE,
    &WORKFLOWS,
    &STORAGE,
    &VECTORS,
    &PROJECTS,
];

/// Every scope of the guide alone, at every method: exactly those of the category open it, and
/// the refusal names one that would.
fn try_category(category: &Category) {
    let shared = Shared::get();
    let none = shared.app.get(category.path);
    assert_eq!(told(&none), refusal(401, "AUTH_MISSING_TOKEN"));
    for scope in SCOPES {
        let token = shared.provider.token(&json!({"scope": scope}));
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            let opening = if matches!(method, "GET" | "HEAD") {
                category.read
            } else {
                category.write
            };
            let answer = call(&shared.app, method, category.path, &token);
            let what = format!("{method} {} with {scope}", category.path);
            if opening.contains(&scope) {
                assert_eq!(answer.status, 200, "{what}");
                continue;
            }
            assert_eq!(answer.status, 403, "{what}");
            let challenge = answer.header("www-authenticate").unwrap();
            let named = format!("scope=\"{}\"", sorted(opening).join(" "));
            assert!(challenge.contains(&named), "{what}: {challenge}");
            if method != "HEAD" {
                assert_eq!(answer.code(), "AUTH_INSUFFICIENT_PERMISSIONS", "{what}");
            }
        }
    }
}

fn sorted(names: &[&str]) -> Vec<String> {
    let names: BTreeSet<&str> = names.iter().copied().collect();
    names.into_iter().map(str::to_owned).collect()
}

/// What the upstream saw.
fn seen(answer: &Response) -> Value {
    answer.expect(200).json()["headers"].clone()
}

#[test]
fn ho_01_every_protected_endpoint_needs_a_token() {
    let shared = Shared::get();
    for category in ALL {
        for method in ["GET", "POST", "DELETE"] {
            let answer = shared.app.request(method, category.path).send();
            assert_eq!(told(&answer), refusal(401, "AUTH_MISSING_TOKEN"));
            let challenge = answer.header("www-authenticate").unwrap();
            // RFC 6750 §3.1: no error where nothing was sent; RFC 9728 §5.1: where to look.
            assert!(
                challenge.starts_with("Bearer resource_metadata="),
                "{challenge}"
            );
        }
    }
    // And what does not exist is not told to strangers.
    assert_eq!(
        told(&shared.app.get("/api/nothing")),
        refusal(401, "AUTH_MISSING_TOKEN")
    );
}

#[test]
fn ho_07_a_machine_gets_a_token_by_its_client_secret() {
    let shared = Shared::get();
    let given = shared.provider.machine_answer("read:foia");
    assert_eq!(
        (&given["token_type"], &given["expires_in"], &given["scope"]),
        (&json!("Bearer"), &json!(86400), &json!("read:foia"))
    );
    let token = shared.provider.machine("read:foia");
    assert_eq!(Unverified::of(&token).life(), 86400);
    let headers = seen(&call(&shared.app, "GET", FOIA.path, &token));
    assert_eq!(headers["x-doorward-subject"], "machine@clients");
    assert_eq!(headers["x-doorward-role"], "client-credentials");
    assert_eq!(call(&shared.app, "POST", FOIA.path, &token).status, 403);
}

#[test]
fn ho_08_a_token_is_sent_as_a_bearer() {
    let shared = Shared::get();
    let token = shared.provider.token(&json!({}));
    let with = |name: &str, value: &str| {
        told(
            &shared
                .app
                .request("GET", FOIA.path)
                .header(name, value)
                .send(),
        )
    };
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(with("Authorization", &format!("{scheme} {token}")).0, 200);
    }
    for (name, value) in [
        ("Authorization", token.clone()),
        ("Authorization", format!("Token {token}")),
        ("Authorization", format!("Bearer {token} ")),
    ] {
        let found = with(name, &value);
        let trimmed = value.ends_with(' ') && found.0 == 200;
        assert!(trimmed || found == crate::provider::invalid(), "{found:?}");
    }
    for name in ["X-Access-Token", "X-Auth-Token"] {
        assert_eq!(with(name, &token), refusal(401, "AUTH_MISSING_TOKEN"));
    }
    let query = shared
        .app
        .get(&format!("{}?access_token={token}", FOIA.path));
    assert_eq!(told(&query), refusal(401, "AUTH_MISSING_TOKEN"));
}

#[test]
fn ho_09_who_are_you_comes_before_may_you() {
    let shared = Shared::get();
    // Neither good nor enough: the first is what is told.
    for wrong in [
        json!({"scope": "read:storage", "exp": now() - 3600}),
        json!({"scope": "read:storage", "aud": "other"}),
        json!({"scope": "read:storage", "iss": "https://other.example/"}),
    ] {
        let token = shared.provider.token(&wrong);
        assert_eq!(shared.judge(&token).0, 401, "{wrong}");
    }
    let token = shared.provider.token(&json!({"scope": "read:storage"}));
    assert_eq!(shared.judge(&token).0, 403);
}

#[test]
fn ho_10_the_user_is_the_sub_as_it_is() {
    let provider = Provider::start(site!());
    let app = provider
        .realm(site!())
        .set("realm.theholefoundation.identity.headers", true)
        .start();
    for sub in [ANN, "google-oauth2|1234", "samlp|idp|a b", "x@clients"] {
        let token = provider.token(&json!({"sub": sub}));
        let headers = seen(&call(&app, "GET", FOIA.path, &token));
        assert_eq!(headers["x-doorward-subject"], sub);
        assert_eq!(headers["x-doorward-kind"], "external");
        assert_eq!(headers["x-doorward-issuer"], provider.issuer());
        assert_eq!(headers["x-doorward-tenant"], "foundation");
    }
    // Byte by byte: these are two people.
    let two = ["auth0|caf\u{e9}", "auth0|cafe\u{301}"].map(|sub| {
        let token = provider.token(&json!({"sub": sub}));
        seen(&call(&app, "GET", FOIA.path, &token))["x-doorward-subject"].clone()
    });
    assert_ne!(two[0], two[1]);
}

#[test]
fn ho_13_without_the_scope_it_is_403_and_the_scope_is_named() {
    let shared = Shared::get();
    let token = shared.provider.user(ANN, "read:foia");
    let answer = call(&shared.app, "POST", FOIA.path, &token);
    let body = answer.expect(403).json();
    assert_eq!(body["error"]["code"], "AUTH_INSUFFICIENT_PERMISSIONS");
    assert_eq!(body["error"]["message"], "Insufficient permissions");
    assert_eq!(
        body["error"]["request_id"],
        answer.header("x-request-id").unwrap()
    );
    let challenge = answer.header("www-authenticate").unwrap();
    let expected = "Bearer error=\"insufficient_scope\", scope=\"write:foia\"";
    assert!(challenge.starts_with(expected), "{challenge}");
    let trace = explained(&shared.app, &answer);
    assert_eq!(trace["required"], json!(["write:foia"]));
    assert_eq!(
        (&trace["held"], &trace["read"]),
        (&json!(["read:foia"]), &json!(["scope"]))
    );
    assert!(trace["cure"].as_str().unwrap().contains("ask for a token"));
}

#[test]
fn ho_14_vector_search() {
    try_category(&VECTOR_SEARCH);
}

#[test]
fn ho_15_transparency() {
    try_category(&TRANSPARENCY);
}

#[test]
fn ho_16_foia_dashboard() {
    try_category(&FOIA);
}

#[test]
fn ho_17_chat() {
    try_category(&CHAT);
}

#[test]
fn ho_18_latex_compilation() {
    try_category(&LATEX);
}

#[test]
fn ho_19_neon_database() {
    try_category(&DATABASE);
    // The administrator's route asks for the administrator's scope, also to read.
    try_category(&category(
        "/api/database/migrations/1",
        &["admin:database"],
        &["admin:database"],
    ));
}

#[test]
fn ho_20_integration_workflows() {
    try_category(&WORKFLOWS);
}

#[test]
fn ho_21_s3_storage() {
    try_category(&STORAGE);
}

#[test]
fn ho_22_vector_store() {
    try_category(&VECTORS);
}

#[test]
fn ho_23_project_api() {
    try_category(&PROJECTS);
}

#[test]
fn ho_24_ten_categories_ask_for_fifteen_scopes() {
    let asked: BTreeSet<&str> = ALL
        .iter()
        .flat_map(|category| category.read.iter().chain(category.write))
        .copied()
        .collect();
    assert_eq!((ALL.len(), asked.len()), (10, 15));
    assert_eq!(asked, BTreeSet::from(SCOPES));
    // And this is what the realm tells everybody.
    let shared = Shared::get();
    let metadata = shared.app.get("/.well-known/oauth-protected-resource");
    let metadata = metadata.expect(200).json();
    assert_eq!(metadata["scopes_supported"], json!(asked));
    assert_eq!(metadata["resource"], API);
    let issuers = json!([shared.provider.issuer()]);
    assert_eq!(metadata["authorization_servers"], issuers);
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
}

#[test]
fn ho_27_nothing_reaches_the_upstream_without_the_scope() {
    let provider = Provider::start(site!());
    let upstream = doorward_testkit::upstream::Upstream::start();
    let app = provider
        .realm(site!())
        .edit(|config| {
            let routes = config["realm"]["theholefoundation"]["route"].as_array_mut();
            for route in routes.unwrap() {
                if route["upstream"].as_str() == Some("builtin:echo") {
                    route["upstream"] = upstream.origin().into();
                }
            }
        })
        .start();
    let reader = provider.token(&json!({"scope": "read:foia"}));
    let denied = app.request("POST", FOIA.path).bearer(&reader);
    denied.body("a-body-for-nobody").send().expect(403);
    let _ = call(&app, "DELETE", "/api/foia/requests/7", &reader).expect(403);
    let _ = app.get("/api/foia/nobody").expect(401);
    let _ = call(&app, "GET", "/api/foia/let-through", &reader).expect(200);
    let seen = upstream.seen();
    assert!(seen.contains("/api/foia/let-through"), "{seen}");
    assert!(
        !seen.contains("nobody") && !seen.contains("DELETE"),
        "{seen}"
    );
}

#[test]
fn ho_32_the_realm_verifies_and_issues_nothing() {
    let shared = Shared::get();
    // No exchange, no sign-up: nothing here makes a token of a password or a secret.
    for path in [
        "/oauth/token",
        "/oauth/exchange",
        "/auth/v1/signup",
        "/auth/v1/token",
    ] {
        let answer = shared.app.request("POST", path).json(&json!({})).send();
        assert_eq!(told(&answer), refusal(401, "AUTH_MISSING_TOKEN"), "{path}");
    }
    // A token that says it is the realm's own is nobody's.
    let claims = json!({
        "iss": API, "sub": ANN, "aud": API, "exp": now() + 600, "scope": "read:foia",
    });
    let token = shared.provider.sign(&json!({ "claims": claims }));
    assert_eq!(shared.judge(&token).0, 401);
    assert_eq!(shared.judge(&shared.provider.user(ANN, "read:foia")).0, 200);
}
