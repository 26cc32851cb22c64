//! What the guide's readers run, with the code that its page lacks written anew: rows 06, 36
//! and 38. The clients are curl, Python's `requests` and Node's `fetch`.

use crate::provider::{ANN, API, Provider};
use doorward_testkit::{App, jwt::Unverified, script, site};
use serde_json::{Value, json};

fn pair(site: &str) -> (Provider, App) {
    let provider = Provider::start(site);
    let app = provider.realm(site).start();
    (provider, app)
}

#[test]
fn ho_06_a_login_at_the_provider_gives_the_token_that_opens_the_api() {
    let (provider, app) = pair(site!());
    let given = provider.login(ANN, Some(API), "read:foia write:foia");
    let token = app.remembered(given["access_token"].as_str().unwrap().to_owned());
    assert_eq!(Unverified::of(&token).claims["sub"], ANN);
    assert_eq!(Unverified::of(&token).claims["aud"], API);
    let foia = app.url("/api/foia/requests");
    let bearer = format!("Authorization: Bearer {token}");
    for arguments in [
        &[&*foia, "-H", &*bearer][..],
        &[&*foia, "-H", &*bearer, "-X", "POST", "-d", "{}"],
    ] {
        assert_eq!(script::curl(arguments).status, 200, "{}", arguments.len());
    }
    // The ID token that came with it is not the one.
    let id_token = app.remembered(given["id_token"].as_str().unwrap().to_owned());
    let wrong = format!("Authorization: Bearer {id_token}");
    let refused = script::curl(&[&foia, "-H", &wrong]);
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("AUTH_ID_TOKEN"), "{}", refused.body);
}

/// As the SDKs are called in the guide; that they send a bearer is all that it says of them.
const TYPESCRIPT: &str = r#"
class HoleFoundationClient {
  constructor({ environment, token }) {
    this.base = environment;
    this.headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  }
  async request(method, path, body) {
    const answer = await fetch(this.base + path, {
      method, headers: this.headers, body: body && JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }
}
"#;

const PYTHON: &str = r#"
import json, requests

class HoleFoundationClient:
    def __init__(self, environment, token):
        self.base = environment
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, body=None):
        answer = self.session.request(method, self.base + path, json=body)
        return {"status": answer.status_code, "body": answer.json()}
"#;

#[test]
fn ho_36_the_sdk_classes_send_their_token_as_a_bearer() {
    let (provider, app) = pair(site!());
    let token = app.remembered(provider.user(ANN, "read:transparency chat:assistant"));
    let base = app.url("");
    let typescript = format!(
        r#"{TYPESCRIPT}
const client = new HoleFoundationClient({{ environment: "{base}", token: "{token}" }});
const out = [
  await client.request("POST", "/api/vector-search/query", {{ query: "mk-ultra" }}),
  await client.request("POST", "/api/chat/messages", {{ message: "hello" }}),
  await client.request("GET", "/api/storage/objects"),
];
console.log(JSON.stringify(out.map(({{ status, body }}) => [status, body.error?.code ?? null])));
"#
    );
    let python = format!(
        r#"{PYTHON}
client = HoleFoundationClient(environment="{base}", token="{token}")
out = [
    client.request("POST", "/api/vector-search/query", {{"query": "mk-ultra"}}),
    client.request("POST", "/api/chat/messages", {{"message": "hello"}}),
    client.request("GET", "/api/storage/objects"),
]
print(json.dumps([[one["status"], one["body"].get("error", {{}}).get("code")] for one in out]))
"#
    );
    let expected = json!([
        [200, null],
        [200, null],
        [403, "AUTH_INSUFFICIENT_PERMISSIONS"]
    ]);
    for (client, outcome) in [
        ("node", script::node(&typescript)),
        ("python", script::python(&python)),
    ] {
        let said: Value = serde_json::from_str(&outcome.success().line()).unwrap();
        assert_eq!(said, expected, "{client}");
    }
}

/// The page's thirteen blocks: a machine's request, the header, the four steps of a validator,
/// the claims, three errors, the row policy (in `rows`), and two clients (above).
#[test]
fn ho_38_the_blocks_that_the_page_lacks() {
    let (provider, app) = pair(site!());
    let (issuer, secret) = (provider.issuer(), provider.secret());
    // The machine's request and the header, by curl.
    let body = json!({
        "client_id": "machine", "client_secret": secret, "audience": API,
        "grant_type": "client_credentials", "scope": "read:foia",
    });
    let url = format!("{issuer}oauth/token");
    let body = body.to_string();
    let json_type = "Content-Type: application/json";
    let given = script::curl(&["-X", "POST", &url, "-H", json_type, "-d", &body]);
    assert_eq!(given.status, 200, "{}", given.body);
    let given: Value = serde_json::from_str(&given.body).unwrap();
    let token = app.remembered(given["access_token"].as_str().unwrap().to_owned());
    let header = format!("Authorization: Bearer {token}");
    let called = script::curl(&["-H", &header, &app.url("/api/foia/requests")]);
    assert_eq!(called.status, 200, "{}", called.body);
    // The four steps as a backend takes them by itself: it comes to what the gate comes to.
    let steps = format!(
        r#"
import {{ createPublicKey, verify }} from "node:crypto";
const token = "{token}", issuer = "{issuer}", audience = "{API}";
const [head, claims, signature] = token.split(".");
const part = (text) => JSON.parse(Buffer.from(text, "base64url"));
const {{ keys }} = await (await fetch(`${{issuer}}.well-known/jwks.json`)).json();
const jwk = keys.find((key) => key.kid === part(head).kid);
const sound = part(head).alg === "RS256" && verify("sha256", Buffer.from(`${{head}}.${{claims}}`),
  createPublicKey({{ key: jwk, format: "jwk" }}), Buffer.from(signature, "base64url"));
const {{ iss, aud, exp, iat, sub, scope, gty }} = part(claims);
const scopes = scope.split(" ");
console.log(JSON.stringify({{
  sound, iss: iss === issuer, aud: aud === audience, fresh: exp > Date.now() / 1000,
  life: exp - iat, sub, gty, may: scopes.includes("read:foia"),
}}));
"#
    );
    let said: Value = serde_json::from_str(&script::node(&steps).success().line()).unwrap();
    assert_eq!(
        said,
        json!({
            "sound": true, "iss": true, "aud": true, "fresh": true, "life": 86400,
            "sub": "machine@clients", "gty": "client-credentials", "may": true,
        })
    );
    // The three errors.
    let expired = provider.token(&json!({"exp": crate::provider::now() - 3600}));
    let scoped = provider.token(&json!({"scope": "read:storage"}));
    let foia = app.url("/api/foia/requests");
    for (header, status, code, message) in [
        (
            "X-None: 1".to_owned(),
            401,
            "AUTH_MISSING_TOKEN",
            "Missing or invalid token",
        ),
        (
            format!("Authorization: Bearer {expired}"),
            401,
            "AUTH_EXPIRED_TOKEN",
            "Expired token",
        ),
        (
            format!("Authorization: Bearer {scoped}"),
            403,
            "AUTH_INSUFFICIENT_PERMISSIONS",
            "Insufficient permissions",
        ),
    ] {
        let answer = script::curl(&["-H", &header, &foia]);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(body["error"]["code"], code);
        assert_eq!(body["error"]["message"], message);
        assert!(body["error"]["request_id"].is_string());
    }
}
