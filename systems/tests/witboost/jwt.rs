//! What the JWT is and opens: rows 21 to 23, 26 and 41.

use crate::{GOVERNANCE, robot, witboost};
use doorward_testkit::{Person, jwt, jwt::Unverified, script, site};
use serde_json::{Value, json};

#[test]
fn wb_21_the_jwt_opens_the_catalogue() {
    let app = witboost(site!()).start();
    let jwt = app.jwt(&robot(&app), &json!({}));
    let answer = script::curl(&[
        &app.url("/api/catalog/entities"),
        "-H",
        &format!("Authorization: Bearer {jwt}"),
    ]);
    assert_eq!(answer.status, 200);
    let seen: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&seen["method"], &seen["path"]),
        (&json!("GET"), &json!("/api/catalog/entities"))
    );
}

#[test]
fn wb_22_the_jwt_is_signed_with_an_asymmetric_key_that_is_published() {
    let app = witboost(site!()).start();
    let token = app.jwt(&robot(&app), &json!({}));
    let parts = Unverified::of(&token);
    // The guide prints an HS256 header; its own governance page accepts only ES256.
    assert_eq!(parts.header["alg"], "ES256");
    let jwks = app.get("/.well-known/jwks.json");
    let keys = jwks.expect(200).json();
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == parts.header["kid"]);
    assert_eq!(key.unwrap()["kty"], "EC");
    assert!(jwks.header("cache-control").unwrap().contains("max-age"));
    for private in ["d", "p", "q", "k"] {
        assert!(
            keys["keys"]
                .as_array()
                .unwrap()
                .iter()
                .all(|key| key.get(private).is_none())
        );
    }
    // An independent library agrees, and the gate refuses what that key did not sign.
    assert_eq!(app.verified(&token)["sub"], parts.claims["sub"]);
    let forged = jwt::forge_hs256(
        &parts.claims,
        parts.header["kid"].as_str().unwrap(),
        parts.header["typ"].as_str().unwrap(),
        keys.to_string().as_bytes(),
    );
    app.get_as(&forged, "/api/catalog/entities").expect(401);
    let discovery = app.get("/.well-known/openid-configuration");
    let discovery = discovery.expect(200).json();
    assert_eq!(discovery["issuer"], "http://127.0.0.1:8080");
    assert!(
        discovery["jwks_uri"]
            .as_str()
            .unwrap()
            .ends_with("/.well-known/jwks.json")
    );
}

#[test]
fn wb_23_the_published_python_program_runs() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let program = format!(
        "import requests

# Get JWT token
token_response = requests.post(
'{base}/api/auth/access-tokens/jwt',
json={{
'access_token': '{token}',
'duration_seconds': 3600
}}
)
jwt_token = token_response.json()['jwt']

# Use JWT to call API
response = requests.get(
'{base}/api/catalog/entities',
headers={{'Authorization': f'Bearer {{jwt_token}}'}}
)

print(response.json())
",
        base = app.url("")
    );
    let outcome = script::python(&program).success();
    assert!(outcome.stdout.contains("'path': '/api/catalog/entities'"));
}

#[test]
fn wb_26_the_jwt_carries_the_scope_it_was_asked_for() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({"scope": GOVERNANCE}));
    assert_eq!(app.verified(&jwt)["scope"], GOVERNANCE);
    // A scope narrows; it never grants.
    for scope in [
        "service:other",
        &format!("{GOVERNANCE} service:other"),
        "*",
        "service:computational-governance2",
    ] {
        let answer = app.exchange(&token, &json!({"scope": scope}));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_scope"),
            "{scope}"
        );
    }
    let ada = Person::make(&app, "ada@example.com", &[]);
    let without = app.token("personal", ada.email(), &[]);
    let answer = app.exchange(&without, &json!({"scope": GOVERNANCE}));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "invalid_scope")
    );
}

#[test]
fn wb_41_governance_takes_the_scope() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let validate = |jwt: &str| {
        app.request("POST", "/api/computational-governance/validate")
            .bearer(jwt)
            .json(&json!({"policy": "..."}))
            .send()
    };
    let refused = validate(&app.jwt(&token, &json!({})));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_scope")
    );
    assert_eq!(refused.json()["error"]["name"], "NotAllowedError");
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains(GOVERNANCE),
        "{challenge}"
    );
    let allowed = validate(&app.jwt(&token, &json!({"scope": GOVERNANCE})));
    assert_eq!(
        allowed.expect(200).json()["path"],
        "/api/computational-governance/validate"
    );
}
