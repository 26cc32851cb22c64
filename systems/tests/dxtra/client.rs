//! Nhost's own clients, unmodified: version 3 with React's machine behind it, and version 4.
//! Rows 30 and 53 and, by a library, what `session` holds by the wire.

use crate::furnished::{EMAIL, PASSWORD, dxtra};
use doorward_testkit::{App, script, site};
use serde_json::{Value, json};

/// What comes before each script.
fn script_of(app: &App, rest: &str) -> String {
    format!(
        r#"
const base = "{base}", EMAIL = "{EMAIL}", PASSWORD = "{PASSWORD}";
const out = {{}};
{rest}
console.log(JSON.stringify(out));
process.exit(0);
"#,
        base = app.url(""),
    )
}

fn printed(app: &App, rest: &str) -> Value {
    let line = script::node(&script_of(app, rest)).success().line();
    serde_json::from_str(&line).unwrap()
}

/// DX-C5: as published it lacks `functionsUrl`, and throws; with that one line it works, at
/// addresses without `/v1`.
#[test]
fn dx_30_nhost_js_3_signs_in_and_makes_tokens() {
    let app = dxtra(site!()).start();
    let rest = r#"
import { NhostClient } from "nhost-js-v3";
const urls = { authUrl: base, graphqlUrl: base + "/v1/graphql", storageUrl: base + "/v1/storage" };
try { new NhostClient(urls); } catch (error) { out.published = error.message; }
// Clients of one program share their session as tabs do, unless each has a store of its own.
const make = () => {
  const kept = new Map();
  const clientStorage = { getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  return new NhostClient({ ...urls, functionsUrl: base + "/v1/functions",
    clientStorageType: "custom", clientStorage, autoSignIn: false, autoRefreshToken: false });
};
const one = make();
const up = await one.auth.signUp({ email: EMAIL, password: PASSWORD,
  options: { displayName: "Ada", metadata: { team: "a" } } });
out.up = [up.error, up.session.user.email, up.session.user.displayName];
out.signedIn = one.auth.isAuthenticated();
out.roles = one.auth.getHasuraClaims()["x-hasura-allowed-roles"];
const made = await one.auth.createPAT(new Date(Date.now() + 86400000), { name: "CI/CD Pipeline" });
out.made = [made.error, made.data.personalAccessToken.length];
const two = make();
const by = await two.auth.signInPAT(made.data.personalAccessToken);
out.by = [by.error, by.session.user.email, by.session.user.defaultRole];
const before = two.auth.getAccessToken();
const next = await two.auth.refreshSession(by.session.refreshToken);
out.refreshed = [next.error, two.auth.getAccessToken() !== before];
const other = await make().auth.signIn({ email: EMAIL, password: "another_password" });
out.wrong = [other.error.status, other.error.error];
const off = await make().auth.signIn({ email: EMAIL });
out.off = [off.error.status, off.error.error];
const query = await one.graphql.request("{ a }");
out.graphql = query.error.error;
const refused = await one.graphql.request("{ a }", {}, { headers: { "x-hasura-role": "user" } });
out.refused = refused.error.status;
const all = await one.auth.signOut({ all: true });
out.out = all.error;
const dead = await make().auth.refreshSession(up.session.refreshToken);
out.dead = dead.error.error;
"#;
    let answer = printed(&app, rest);
    assert_eq!(
        answer["published"],
        "Please provide `subdomain` or `functionsUrl`."
    );
    assert_eq!(answer["up"], json!([null, EMAIL, "Ada"]));
    assert_eq!(answer["signedIn"], true);
    assert_eq!(answer["roles"], json!(["dataSubject", "me"]));
    assert_eq!(answer["made"], json!([null, 36]));
    assert_eq!(answer["by"], json!([null, EMAIL, "dataSubject"]));
    assert_eq!(answer["refreshed"], json!([null, true]));
    assert_eq!(answer["wrong"], json!([401, "invalid-email-password"]));
    assert_eq!(answer["off"], json!([409, "disabled-endpoint"]));
    // It went through: the upstream of this test answers no `data`.
    assert_eq!(answer["graphql"], "invalid-response");
    assert_eq!(answer["refused"], 403);
    assert_eq!(answer["out"], Value::Null);
    assert_eq!(answer["dead"], "invalid-refresh-token");
}

/// Version 4, at an address that ends in `/v1`, as it needs.
#[test]
fn nhost_js_4_signs_in_refreshes_and_makes_tokens() {
    let app = dxtra(site!()).start();
    let rest = r#"
import { createClient } from "@nhost/nhost-js";
const make = () => createClient({ authUrl: base + "/v1", graphqlUrl: base + "/v1/graphql",
  storageUrl: base + "/v1/storage", functionsUrl: base + "/v1/functions" });
const told = async (promise) => {
  try { const { status, body } = await promise; return [status, body]; }
  catch (error) { return [error.status, error.body?.error, error.message]; }
};
const one = make();
const up = await one.auth.signUpEmailPassword({ email: EMAIL, password: PASSWORD });
out.up = [up.status, up.body.session.user.email, one.getUserSession() !== null];
const made = await one.auth.createPAT({
  expiresAt: new Date(Date.now() + 86400000).toISOString(), metadata: { name: "Production API" } });
const two = make();
const by = await two.auth.signInPAT({ personalAccessToken: made.body.personalAccessToken });
out.by = [by.status, by.body.session.user.defaultRole];
const first = two.getUserSession();
const next = await two.refreshSession(4000);
out.refreshed = [next.refreshToken !== first.refreshToken, next.refreshTokenId === first.refreshTokenId];
out.user = (await two.auth.getUser()).body.email;
out.verified = await told(two.auth.verifyToken({ token: next.accessToken }));
const roles = two.getUserSession().decodedToken["https://hasura.io/jwt/claims"];
out.roles = roles["x-hasura-allowed-roles"];
out.echo = (await told(two.graphql.request({ query: "{ a }" })))[0];
out.role = (await told(two.graphql.request({ query: "{ a }" },
  { headers: { "x-hasura-role": "user" } })))[0];
out.pat = await told(two.auth.createPAT({ expiresAt: new Date(Date.now() + 86400000).toISOString() }));
out.anonymous = await told(make().auth.signInAnonymous());
out.wrong = await told(make().auth.signInEmailPassword({ email: EMAIL, password: "another_password" }));
out.password = await told(one.auth.changeUserPassword({ newPassword: PASSWORD + "4" }));
out.out = await told(two.auth.signOut({ refreshToken: next.refreshToken }));
out.gone = two.getUserSession();
out.health = (await make().auth.healthCheckGet()).body;
out.version = typeof (await make().auth.getVersion()).body.version;
"#;
    let _ = app.remembered(format!("{PASSWORD}4"));
    let answer = printed(&app, rest);
    assert_eq!(answer["up"], json!([200, EMAIL, true]));
    assert_eq!(answer["by"], json!([200, "dataSubject"]));
    assert_eq!(answer["refreshed"], json!([true, true]));
    assert_eq!(answer["user"], EMAIL);
    assert_eq!(answer["verified"], json!([200, "OK"]));
    assert_eq!(answer["roles"], json!(["dataSubject", "me"]));
    assert_eq!(
        (&answer["echo"], &answer["role"]),
        (&json!(200), &json!(403))
    );
    assert_eq!(answer["pat"][1], "elevated-claim-required");
    assert_eq!(
        answer["anonymous"],
        json!([409, "disabled-endpoint", "This endpoint is disabled"])
    );
    assert_eq!(
        answer["wrong"],
        json!([401, "invalid-email-password", "Incorrect email or password"])
    );
    assert_eq!(answer["password"], json!([200, "OK"]));
    assert_eq!(answer["out"], json!([200, "OK"]));
    assert_eq!(answer["gone"], Value::Null);
    assert_eq!(answer["health"], "OK");
    assert_eq!(answer["version"], "string");
}
