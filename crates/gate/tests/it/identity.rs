//! What an upstream is told about the caller, and that no client can say it.

use super::support::{Running, ask, say, start, start_with};
use doorward_gate::policy::spec::TenantHeaderSpec;
use doorward_gate::{GateOptions, ListenerOptions};
use serde_json::{Value, json};

/// Every header an upstream may take for the gate's word, as a client may spell it.
const FORGED: &[&str] = &[
    "X-User-Id",
    "X_User_Id",
    "x-user_id",
    "X.User.Id",
    "x~user~id",
    "X-Tenant",
    "X-Tenant-Id",
    "X_TENANT_ID",
    "X-Roles",
    "X-Role",
    "X-Doorward-Subject",
    "X_Doorward_Subject",
    "X.Doorward.Subject",
    "x-doorward-anything",
    "X-Hasura-User-Id",
    "X-Hasura-Admin-Secret",
    "x.hasura.user.id",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Forwarded-Uri",
    "X-Forwarded-Prefix",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "Forwarded",
    "X-Real-IP",
    "X-Client-Cert",
    "X-SSL-Client-Verify",
    "Client-Cert",
    "X-Request-Id",
    "X-Remote-User",
    "Remote-User",
    "X-Auth-Subject",
    "X-Org-Id",
    "X-Company-Id",
    "Remote-Groups",
    "Remote-Email",
    "Remote-Name",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-IAP-JWT-Assertion",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "Cf-Access-Jwt-Assertion",
    "Cf-Access-Authenticated-User-Email",
    "Tailscale-User-Login",
    "X-Pomerium-Jwt-Assertion",
    "X-Authentik-Username",
    "X-Email",
    "X-Sub",
    "X-Org",
    "X-Company",
    "X-Account",
    "X-Admin",
    "X-Impersonate-User",
    "Impersonate-User",
    "Oidc-Claim-Sub",
    "X-Client-Dn",
    "X-Client-Verify",
    "X-Appengine-User-Email",
    "X-Spiffe-Id",
    "SM-USER",
    "SM-Universalid",
    "iv-user",
    "OAM-REMOTE-USER",
    "Shib-Session-Id",
    "eppn",
    "Mellon-Name-Id",
    "X-ARR-ClientCert",
    "WL-Proxy-Client-Cert",
    "X-Endpoint-API-UserInfo",
    "Kubeflow-Userid",
    "Authenticated-User",
    "X-Is-Admin",
    "X-True-Client-Ip",
    "Client-Ip",
    "X-Doorward",
    "XDoorward-Subject",
];

fn told(answer: &super::support::Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["headers"].clone()
}

#[tokio::test]
async fn g1_g2_g7_g8_g32_forged_headers_never_arrive() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    for name in FORGED {
        let headers = [
            (*name, "forged"),
            (*name, "forged, forged"),
            ("Authorization", &*jwt),
        ];
        for (path, count) in [("/open/x", 2), ("/api/x", 3)] {
            let given = headers.get(..count).unwrap();
            let answer = ask(gate.addr, &format!("GET {path}"), given).await;
            let seen = told(&answer).to_string();
            assert!(!seen.contains("forged"), "{name} at {path}: {seen}");
        }
    }
}

#[tokio::test]
async fn the_gate_says_who_is_calling() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let answer = ask(
        gate.addr,
        "GET /api/x",
        &[("Authorization", &jwt), ("X-Custom", "kept")],
    )
    .await;
    let seen = told(&answer);
    for (name, value) in [
        ("x-doorward-subject", "11111111-1111-1111-1111-111111111111"),
        ("x-doorward-kind", "user"),
        ("x-doorward-tenant", "acme"),
        ("x-doorward-role", "user"),
        ("x-doorward-scopes", "service:x service:y"),
        (
            "x-doorward-credential",
            "22222222-2222-2222-2222-222222222222",
        ),
        ("x-hasura-user-id", "11111111-1111-1111-1111-111111111111"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "gate.test"),
        ("x-custom", "kept"),
        ("authorization", &*jwt),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    assert_eq!(seen["x-request-id"].as_str(), answer.header("x-request-id"));
    assert_eq!(seen.get("connection"), None);
}

#[tokio::test]
async fn g29_an_access_token_goes_upstream_only_where_the_realm_says_so() {
    let gate = start(|realm| realm.identity.forward_jwt = false).await;
    let jwt = gate.world.bearer(|_| {});
    let seen = told(&ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await);
    assert_eq!(seen.get("authorization"), None);
}

#[tokio::test]
async fn g4_connection_cannot_take_the_gates_headers_away() {
    let gate = start(|_| {}).await;
    let jwt = gate.world.bearer(|_| {});
    let wire = format!(
        "GET /api/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close, X-Doorward-Subject, X-Hasura-User-Id, X-Custom, Authorization\r\nX-Custom: 1\r\nAuthorization: {jwt}\r\n\r\n"
    );
    let text = say(gate.addr, wire.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("\"x-doorward-subject\":\"1111"), "{text}");
    assert!(text.contains("\"x-hasura-user-id\":\"1111"), "{text}");
    assert!(!text.contains("x-custom"), "{text}");
    // Local targets get no such field either.
    for (connection, custom) in [("close", true), ("close, X-Custom, X-Other", false)] {
        let wire = format!(
            "GET /local/x HTTP/1.1\r\nHost: gate.test\r\nConnection: {connection}\r\nX-Custom: 1\r\n\r\n"
        );
        let text = say(gate.addr, wire.as_bytes()).await;
        let told = format!("\"custom\":{custom}");
        assert!(text.contains(&told), "{connection}: {text}");
    }
}

#[tokio::test]
async fn g3_trailers_are_dropped() {
    let gate = start(|_| {}).await;
    let wire = "POST /up/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nTrailer: X-User-Id\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-User-Id: forged\r\n\r\n";
    let text = say(gate.addr, wire.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("abc"), "{text}");
    assert!(!text.to_ascii_lowercase().contains("x-user-id"), "{text}");
}

async fn behind_proxy() -> Running {
    let options = GateOptions {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..GateOptions::default()
    };
    start_with(ListenerOptions::default(), options, |_| {}).await
}

#[tokio::test]
async fn g8_a_trusted_proxy_names_its_client() {
    let gate = behind_proxy().await;
    let headers = [
        ("X-Forwarded-For", "6.6.6.6, 192.0.2.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.test"),
    ];
    let seen = told(&ask(gate.addr, "GET /open/x", &headers).await);
    assert_eq!(seen["x-forwarded-for"], "192.0.2.7");
    assert_eq!(seen["x-forwarded-proto"], "https");
    assert_eq!(seen["x-forwarded-host"], "gate.test");
}

#[tokio::test]
async fn wb_38_basic_over_plain_http_is_for_loopback_only() {
    use base64::Engine as _;
    let gate = behind_proxy().await;
    let token = super::support::api_token(1);
    gate.world.know(&token);
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("witboost:{token}"));
    let authorization = format!("Basic {pair}");
    let get = async |proto: &str| {
        let headers = [
            ("Authorization", &*authorization),
            ("X-Forwarded-For", "192.0.2.7"),
            ("X-Forwarded-Proto", proto),
        ];
        ask(gate.addr, "GET /scoped/x", &headers).await
    };
    assert_eq!(get("http").await.code(), (403, "https_required".into()));
    assert_eq!(get("https").await.status, 200);
    assert_eq!(
        ask(
            gate.addr,
            "GET /scoped/x",
            &[("Authorization", &authorization)]
        )
        .await
        .status,
        200
    );
}

#[tokio::test]
async fn g1_a_realms_own_names_are_stripped_in_every_spelling() {
    let gate = start(|realm| {
        realm.identity.mapped = vec![("Company-Id".parse().unwrap(), "tenant".parse().unwrap())];
        realm.identity.strip = vec!["Acme-User".parse().unwrap()];
        realm.role_header = Some("Acme-Role".parse().unwrap());
        realm.tenant_header = Some(TenantHeaderSpec {
            header: "Acme-Org".parse().unwrap(),
            foreign_scope: super::support::scope("tenant:assume"),
        });
        realm.classes[0].header = Some("Acme-Key".parse().unwrap());
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    for name in [
        "Company-Id",
        "Acme-User",
        "Acme-Role",
        "Acme-Org",
        "Acme-Key",
    ] {
        for separator in [".", "~", "!", "_", "+"] {
            let spelled = name.replace('-', separator);
            let headers = [(&*spelled, "forged"), ("Authorization", &*jwt)];
            for (path, count) in [("/open/x", 1), ("/api/x", 2)] {
                let given = headers.get(..count).unwrap();
                let seen = told(&ask(gate.addr, &format!("GET {path}"), given).await);
                assert!(!seen.to_string().contains("forged"), "{spelled}: {seen}");
            }
        }
    }
    let exact = [("Company-Id", "forged"), ("Acme-User", "forged")];
    let seen = told(&ask(gate.addr, "GET /open/x", &exact).await).to_string();
    assert!(!seen.contains("forged"), "{seen}");
    let seen = told(&ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await);
    assert_eq!(seen["company-id"], "acme");
    // A name that only begins alike is another name.
    let seen = told(&ask(gate.addr, "GET /open/x", &[("Acme-Users", "kept")]).await);
    assert_eq!(seen["acme-users"], "kept");
}

/// An upstream that trims a value, or takes a list apart, must not read somebody else.
#[tokio::test]
async fn an_identity_that_reads_as_another_is_refused() {
    let gate = start(|realm| {
        let map = [
            ("acme-name", "name"),
            ("acme-groups", "groups"),
            ("acme-more", "\"https://a.test/roles\""),
        ];
        let map = map.map(|(name, path)| (name.parse().unwrap(), path.parse().unwrap()));
        realm.identity.mapped = map.to_vec();
    })
    .await;
    for (claim, value, wanted) in [
        ("sub", json!("admin "), None),
        ("name", json!(" admin"), None),
        ("name", json!("admin\t"), None),
        ("name", json!("\u{a0}admin"), None),
        ("name", json!("Doe, John"), Some("Doe, John")),
        ("groups", json!("staff,admin"), None),
        ("groups", json!("staff"), Some("staff")),
        ("groups", json!(["staff", "dev"]), Some("staff,dev")),
        ("groups", json!(["staff,admin"]), None),
        ("https://a.test/roles", json!("staff,admin"), None),
    ] {
        let jwt = gate.world.bearer(|claims| {
            if claim == "sub" {
                let token = claims["dw"]["t"].clone();
                let external = json!({
                    "k": "external", "e": 3, "t": token,
                    "s": "33333333-3333-3333-3333-333333333333",
                });
                claims.insert("dw".into(), external);
            }
            claims.insert(claim.into(), value.clone());
        });
        let answer = ask(gate.addr, "GET /api/x", &[("Authorization", &jwt)]).await;
        let Some(wanted) = wanted else {
            assert_eq!(answer.code(), (401, "invalid_token".into()), "{value}");
            continue;
        };
        assert_eq!(told(&answer)[format!("acme-{claim}")], wanted, "{value}");
    }
}

/// G7: a realm may let a name of that look pass, in the spelling that it wrote, and never
/// one that the gate sets.
#[tokio::test]
async fn g7_a_realm_may_let_a_name_pass() {
    let gate = start(|realm| {
        realm.identity.pass = vec![
            "X-Goog-Api-Client".parse().unwrap(),
            "X-Account".parse().unwrap(),
            "X-Hasura-User-Id".parse().unwrap(),
        ];
    })
    .await;
    let sent = [
        ("X-Goog-Api-Client", "kept"),
        ("X.Goog.Api.Client", "forged"),
        ("X-Goog-Iap-Jwt-Assertion", "forged"),
        ("X-Account", "kept too"),
        ("X-Hasura-User-Id", "forged"),
    ];
    let seen = told(&ask(gate.addr, "GET /open/x", &sent).await);
    assert_eq!(seen["x-goog-api-client"], "kept");
    assert_eq!(seen["x-account"], "kept too");
    assert!(!seen.to_string().contains("forged"), "{seen}");
}

#[tokio::test]
async fn a_credential_may_stand_under_a_reserved_name_and_goes_no_further() {
    let token = super::support::api_token(1);
    for name in ["X-Auth-Token", "X_Api_Key", "X-User-Key", "Acme-User"] {
        let gate = start(|realm| {
            realm.classes[0].header = Some(name.parse().unwrap());
            realm.identity.strip = vec!["Acme-User".parse().unwrap()];
        })
        .await;
        gate.world.know(&token);
        assert_eq!(ask(gate.addr, "GET /api/x", &[]).await.status, 401);
        let answer = ask(gate.addr, "GET /api/x", &[(name, &token)]).await;
        let seen = told(&answer).to_string();
        assert!(!seen.contains(&token), "{name}: {seen}");
        assert!(seen.contains("x-doorward-subject"), "{name}: {seen}");
        let other = name.replace(['-', '_'], ".");
        let answer = ask(gate.addr, "GET /api/x", &[(&*other, &*token)]).await;
        assert_eq!(answer.status, 401, "{other}");
        let seen = told(&ask(gate.addr, "GET /open/x", &[(&*other, &*token)]).await);
        assert!(!seen.to_string().contains(&token), "{other}: {seen}");
    }
}
