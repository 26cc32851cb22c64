//! The published clients, and supabase-js: rows 13, 17 to 19 and 28.

use crate::account::{EMAIL, PASSWORD, post, remembered};
use crate::furnished::QUERY;
use crate::heliosdb;
use doorward_testkit::{App, script, site};
use serde_json::{Value, json};

/// Of the guide's clients.
const GUIDE_EMAIL: &str = "dev@example.com";
const GUIDE_PASSWORD: &str = "password123";

/// The account that the guide's clients sign in to.
fn sign_up_as_in_the_guide(app: &App) {
    let body = json!({"email": GUIDE_EMAIL, "password": GUIDE_PASSWORD});
    let _ = remembered(app, post(app, "/auth/v1/signup", &body).expect(200).json());
}

/// The class of the guide and its values, but for the host: it keeps the refresh token that
/// it got first.
#[test]
fn hd_17_the_python_client_runs() {
    let app = heliosdb(site!()).start();
    sign_up_as_in_the_guide(&app);
    let program = format!(
        r#"
import requests

class HeliosDBClient:
    def __init__(self, base_url: str, email: str, password: str):
        self.base_url = base_url
        self.token = None
        self.refresh_token = None
        self._login(email, password)

    def _login(self, email: str, password: str):
        response = requests.post(
            f"{{self.base_url}}/auth/v1/token", json={{"email": email, "password": password}}
        )
        data = response.json()
        self.token = data["access_token"]
        self.refresh_token = data["refresh_token"]

    def _headers(self):
        return {{"Authorization": f"Bearer {{self.token}}", "Content-Type": "application/json"}}

    def query(self, sql: str):
        response = requests.post(
            f"{{self.base_url}}{QUERY}", headers=self._headers(), json={{"sql": sql}}
        )
        return response.json()

    def refresh(self):
        response = requests.post(
            f"{{self.base_url}}/auth/v1/token?grant_type=refresh_token",
            json={{"refresh_token": self.refresh_token}},
        )
        data = response.json()
        self.token = data["access_token"]

client = HeliosDBClient("{base}", "{GUIDE_EMAIL}", "{GUIDE_PASSWORD}")
users = client.query("SELECT * FROM users")
answers = [users["success"], users["data"]["row_count"]]
for _ in range(3):
    client.refresh()
    answers.append(client.query("SELECT * FROM users")["success"])
print(answers)
"#,
        base = app.url(""),
    );
    let answers = script::python(&program).success().line();
    assert_eq!(answers, "[True, 0, True, True, True]");
}

/// The class of the guide without its types, which nothing reads at run time.
#[test]
fn hd_18_the_typescript_client_runs() {
    let app = heliosdb(site!()).start();
    sign_up_as_in_the_guide(&app);
    let program = format!(
        r#"
class Client {{
  constructor(base) {{ this.base = base; }}
  async post(path, body, headers = {{}}) {{
    return fetch(`${{this.base}}${{path}}`, {{
      method: "POST",
      headers: {{ "Content-Type": "application/json", ...headers }},
      body: JSON.stringify(body),
    }});
  }}
  async login(email, password) {{
    const data = await (await this.post("/auth/v1/token", {{ email, password }})).json();
    this.token = data.access_token;
    this.kept = data.refresh_token;
  }}
  async query(sql) {{
    return this.post("{QUERY}", {{ sql }}, {{ Authorization: `Bearer ${{this.token}}` }});
  }}
  async refresh() {{
    const path = "/auth/v1/token?grant_type=refresh_token";
    const data = await (await this.post(path, {{ refresh_token: this.kept }})).json();
    this.token = data.access_token;
  }}
}}
const client = new Client("{base}");
await client.login("{GUIDE_EMAIL}", "{GUIDE_PASSWORD}");
const statuses = [(await client.query("SELECT 1")).status];
for (let i = 0; i < 3; i++) {{
  await client.refresh();
  statuses.push((await client.query("SELECT 1")).status);
}}
console.log(statuses.join(" "));
"#,
        base = app.url(""),
    );
    assert_eq!(script::node(&program).success().line(), "200 200 200 200");
}

#[test]
fn hd_19_the_bash_script_runs() {
    let app = heliosdb(site!()).start();
    sign_up_as_in_the_guide(&app);
    let program = format!(
        r#"
set -eu
TOKEN=$(curl -s -X POST "{base}/auth/v1/token" -H "Content-Type: application/json" \
  -d "{{\"email\":\"{GUIDE_EMAIL}\",\"password\":\"{GUIDE_PASSWORD}\"}}" \
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl -s -o /dev/null -w '%{{http_code}}\n' -X POST "{base}{QUERY}" \
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{{"sql":"SELECT 1"}}'
"#,
        base = app.url(""),
    );
    assert_eq!(script::bash(&program).success().line(), "200");
}

/// supabase-js as it is published: it names an API version, and so gets what it needs.
#[test]
fn hd_13_and_28_supabase_js_signs_up_refreshes_and_signs_out() {
    let app = heliosdb(site!()).start();
    let program = format!(
        r#"
import {{ createClient }} from "@supabase/supabase-js";
class NoSocket {{}}
const auth = {{ persistSession: false, autoRefreshToken: false }};
const realtime = {{ transport: NoSocket }};
const make = () => createClient("{base}", "sb_publishable_x", {{ auth, realtime }}).auth;
const client = make();
const out = {{}};
const up = await client.signUp({{
  email: "{EMAIL}", password: "{PASSWORD}", options: {{ data: {{ team: "a" }} }},
}});
out.up = [up.error, up.data.user?.email, up.data.session?.token_type];
const signedIn = await client.signInWithPassword({{ email: "{EMAIL}", password: "{PASSWORD}" }});
const kept = signedIn.data.session.refresh_token;
out.refreshed = [];
for (let i = 0; i < 3; i++) {{
  const next = await client.refreshSession({{ refresh_token: kept }});
  out.refreshed.push([next.error, next.data.session?.refresh_token === kept]);
}}
out.user = (await client.getUser()).data.user.user_metadata;
out.updated = (await client.updateUser({{ data: {{ team: null, x: 1 }} }})).data.user.user_metadata;
const access = (await client.getSession()).data.session.access_token;
out.out = (await client.signOut()).error;
const status = async (path) =>
  (await fetch("{base}" + path, {{ headers: {{ Authorization: `Bearer ${{access}}` }} }})).status;
out.after = [await status("/auth/v1/user"), await status("{QUERY}")];
const dead = await make().refreshSession({{ refresh_token: kept }});
out.dead = [dead.data.session, dead.error !== null];
const wrong = await make().signInWithPassword({{ email: "{EMAIL}", password: "wrong-password-1" }});
out.wrong = wrong.error.status;
console.log(JSON.stringify(out));
"#,
        base = app.url(""),
    );
    let printed = script::node(&program).success().line();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        printed,
        json!({
            "up": [null, EMAIL, "bearer"],
            "refreshed": [[null, true], [null, true], [null, true]],
            "user": {"team": "a"},
            "updated": {"x": 1},
            "out": null,
            "after": [401, 401],
            "dead": [null, true],
            "wrong": 401,
        })
    );
}
