//! The guide's own programs, with the addresses filled in: rows 26 to 28, 32 and 33, and the
//! reading of what cannot work as published.

use crate::furnished::{EMAIL, dxtra, make_pat, sign_up, with_role};
use doorward_testkit::{App, script, site};
use serde_json::{Value, json};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

fn pat(app: &App) -> String {
    let session = with_role(app, EMAIL, "user");
    make_pat(app, &session, &json!({})).1
}

fn printed(program: &str) -> Value {
    let line = script::node(program).success().line();
    serde_json::from_str(&line).unwrap()
}

/// The guide's two functions.
fn published(app: &App) -> String {
    let base = app.url("");
    format!(
        r#"
const authenticateWithPAT = async (personalAccessToken) => {{
  const response = await fetch('{base}/v1/signin/pat', {{
    method: 'POST',
    headers: {{ 'Content-Type': 'application/json' }},
    body: JSON.stringify({{ personalAccessToken }})
  }});
  if (!response.ok) {{
    throw new Error(`Authentication failed: ${{response.statusText}}`);
  }}
  const data = await response.json();
  return {{
    accessToken: data.session.accessToken,
    refreshToken: data.session.refreshToken
  }};
}};
const makeGraphQLCall = async (jwtToken, query, role = 'user') => {{
  const response = await fetch('{base}/v1/graphql', {{
    method: 'POST',
    headers: {{
      'Content-Type': 'application/json',
      'Authorization': `Bearer ${{jwtToken}}`,
      'X-Hasura-Role': role
    }},
    body: JSON.stringify({{ query }})
  }});
  const result = await response.json();
  if (result.errors) {{
    throw new Error(`GraphQL Error: ${{result.errors[0].message}}`);
  }}
  return result.data;
}};
const out = {{}};
"#
    )
}

fn run(app: &App, rest: &str) -> Value {
    let program = format!(
        "{}{rest}\nconsole.log(JSON.stringify(out));",
        published(app)
    );
    printed(&program)
}

#[test]
fn dx_26_the_exchange_in_javascript_works_and_says_why_not() {
    let app = dxtra(site!()).start();
    let pat = pat(&app);
    let rest = format!(
        r#"
const tokens = await authenticateWithPAT("{pat}");
out.good = [tokens.accessToken.split(".").length, typeof tokens.refreshToken];
try {{ await authenticateWithPAT("{UNKNOWN}"); }} catch (error) {{ out.bad = error.message; }}
"#
    );
    let answer = run(&app, &rest);
    assert_eq!(answer["good"], json!([3, "string"]));
    assert_eq!(answer["bad"], "Authentication failed: Unauthorized");
}

#[test]
fn dx_27_the_exchange_in_python_works_and_raises() {
    let app = dxtra(site!()).start();
    let pat = pat(&app);
    let program = format!(
        r#"
import requests

def authenticate_with_pat(personal_access_token: str) -> dict:
    response = requests.post(
        '{base}/v1/signin/pat',
        json={{'personalAccessToken': personal_access_token}}
    )
    response.raise_for_status()
    session = response.json()['session']
    return {{
        'access_token': session['accessToken'],
        'refresh_token': session['refreshToken']
    }}

tokens = authenticate_with_pat('{pat}')
assert len(tokens['access_token'].split('.')) == 3
try:
    authenticate_with_pat('{UNKNOWN}')
except requests.HTTPError as error:
    print(error.response.status_code, error.response.json()['error'])
"#,
        base = app.url("")
    );
    assert_eq!(script::python(&program).success().line(), "401 invalid-pat");
}

#[test]
fn the_exchange_by_curl_answers_as_printed() {
    let app = dxtra(site!()).start();
    let data = json!({"personalAccessToken": pat(&app)}).to_string();
    let url = app.url("/v1/signin/pat");
    let content = "Content-Type: application/json";
    let fetched = script::curl(&["-X", "POST", "-H", content, "--data", &data, &url]);
    assert_eq!(fetched.status, 200);
    let body: Value = serde_json::from_str(&fetched.body).unwrap();
    let session = &body["session"];
    for member in ["accessToken", "refreshToken"] {
        let _ = app.remembered(session[member].as_str().unwrap().to_owned());
    }
    assert_eq!(session["accessTokenExpiresIn"], 3600);
    assert_eq!(session["user"]["email"], EMAIL);
    assert_eq!(session["user"]["defaultRole"], "dataSubject");
    assert_eq!(session["user"]["id"].as_str().unwrap().len(), 36);
}

/// It reads the body whatever the status is, and acts as `user` unless it is told.
#[test]
fn dx_28_the_call_in_javascript_names_a_role() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (_, pat) = make_pat(&app, &session, &json!({}));
    let rest = format!(
        r#"
const {{ accessToken }} = await authenticateWithPAT("{pat}");
try {{ await makeGraphQLCall(accessToken, "{{ a }}"); }} catch (error) {{ out.user = error.message; }}
out.own = await makeGraphQLCall(accessToken, "{{ a }}", "me") ?? "went through";
"#
    );
    let answer = run(&app, &rest);
    assert_eq!(
        answer["user"],
        "GraphQL Error: Your requested role is not in allowed roles"
    );
    assert_eq!(answer["own"], "went through");
}

/// DX-C3: as published nothing is ever tried again, because the error has no status; with the
/// one line that gives it one, it is.
#[test]
fn dx_32_a_call_that_is_refused_throws_its_reason() {
    let app = dxtra(site!()).start();
    let pat = pat(&app);
    let rest = format!(
        r#"
const {{ accessToken }} = await authenticateWithPAT("{pat}");
out.good = await makeGraphQLCall(accessToken, "{{ a }}") === undefined;
for (const [name, token, role] of [["expired", "a.b.c", "user"], ["role", accessToken, "admin"]]) {{
  try {{ await makeGraphQLCall(token, "{{ a }}", role); }}
  catch (error) {{ out[name] = [error.message.startsWith("GraphQL Error: "), error.status ?? null]; }}
}}
"#
    );
    let answer = run(&app, &rest);
    // The upstream of this test answers no `data`.
    assert_eq!(answer["good"], true);
    assert_eq!(answer["expired"], json!([true, null]));
    assert_eq!(answer["role"], json!([true, null]));
}

/// DX-C4: as published it never refreshes, whatever the server does.
#[test]
fn dx_33_the_manager_never_refreshes_as_published() {
    let app = dxtra(site!()).start();
    let pat = pat(&app);
    let rest = format!(
        r#"
class AuthManager {{
  constructor(personalAccessToken) {{
    this.pat = personalAccessToken; this.accessToken = null; this.refreshAt = null;
  }}
  async getAccessToken() {{
    const now = Date.now();
    if (!this.accessToken || now >= this.refreshAt) {{
      const {{ accessToken, accessTokenExpiresIn }} = await authenticateWithPAT(this.pat);
      this.accessToken = accessToken;
      this.refreshAt = now + ((accessTokenExpiresIn - 120) * 1000);
    }}
    return this.accessToken;
  }}
}}
const manager = new AuthManager("{pat}");
const first = await manager.getAccessToken();
out.known = Number.isNaN(manager.refreshAt);
out.same = first === await manager.getAccessToken();
"#
    );
    assert_eq!(run(&app, &rest), json!({"known": true, "same": true}));
}
