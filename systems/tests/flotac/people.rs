//! People of Flotac as they come by supabase-js and by the wire, and what they are told.

use doorward_testkit::{App, Response, Setup, jwt::Unverified, script};
use serde_json::{Value, json};

pub(crate) const EMAIL: &str = "user@example.com";
pub(crate) const PASSWORD: &str = "secure_password_123";
pub(crate) const CUSTOMERS: &str = "/functions/v1/api-gateway/api/v1/customers";
pub(crate) const HEALTH: &str = "/functions/v1/api-gateway/health";
/// The key of the application that the file lists.
pub(crate) const ANON: &str = "sb_publishable_flotac";
pub(crate) const VERSION: &str = "X-Supabase-Api-Version";

/// Flotac as its file stands, but without TLS, and with two companies.
pub(crate) fn flotac(site: &str) -> Setup {
    Setup::new(site, doorward_systems::FLOTAC).set("realm.flotac.require_https", "off")
}

pub(crate) fn furnished(setup: Setup) -> App {
    let app = setup.start();
    for company in ["acme", "globex"] {
        let _ = run(&app, &["tenant", "create"], &[company]);
    }
    app
}

pub(crate) fn run(app: &App, command: &[&str], further: &[&str]) -> Value {
    let arguments = [&["--realm", "flotac"], further].concat();
    let done = app.run(command, &arguments).success();
    serde_json::from_str(&done.stdout).unwrap_or_default()
}

pub(crate) fn invite(app: &App, company: &str, email: &str) {
    let to = ["--tenant", company, "--email", email, "--sign-up"];
    let _ = run(app, &["tenant", "invite"], &to);
}

pub(crate) fn post(app: &App, path: &str, body: &Value) -> Response {
    let request = app.request("POST", path).header(VERSION, "2024-01-01");
    request.json(body).send()
}

pub(crate) fn remembered(app: &App, answer: &Response) -> Value {
    let session = answer.expect(200).json();
    for member in ["access_token", "refresh_token"] {
        let _ = app.remembered(text(&session, member));
    }
    session
}

pub(crate) fn text(session: &Value, member: &str) -> String {
    session[member].as_str().unwrap().to_owned()
}

/// As the guide's snippet does, for this company.
pub(crate) fn sign_up(app: &App, email: &str, company: &str) -> Value {
    let body = json!({
        "email": email, "password": PASSWORD,
        "data": {"company_id": company, "role": "company_user"},
    });
    remembered(app, &post(app, "/auth/v1/signup", &body))
}

pub(crate) fn sign_in(app: &App, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD});
    let path = "/auth/v1/token?grant_type=password";
    remembered(app, &post(app, path, &body))
}

pub(crate) fn refresh(app: &App, token: &str) -> Response {
    let path = "/auth/v1/token?grant_type=refresh_token";
    post(app, path, &json!({"refresh_token": token}))
}

pub(crate) fn user(app: &App, session: &Value) -> Response {
    let access = text(session, "access_token");
    let request = app.request("GET", "/auth/v1/user").bearer(&access);
    request.header(VERSION, "2024-01-01").send()
}

pub(crate) fn told(answer: &Response) -> (u16, String) {
    let code = answer.json()["code"].as_str().map(str::to_owned);
    (answer.status, code.unwrap_or_default())
}

pub(crate) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(crate) fn metadata(session: &Value) -> Value {
    Unverified::of(&text(session, "access_token")).claims["user_metadata"].clone()
}

/// What comes before each script: a client, and what it needs to be one in Node.
pub(crate) fn script_of(app: &App, rest: &str) -> String {
    format!(
        r#"
import {{ createClient }} from "@supabase/supabase-js";
import net from "node:net";
const base = "{base}", EMAIL = "{EMAIL}", PASSWORD = "{PASSWORD}";
const realtime = {{ transport: class {{}} }};
const make = (url = base, further = {{}}) =>
  createClient(url, "{ANON}", {{
    auth: {{ autoRefreshToken: false, detectSessionInUrl: false, ...further }}, realtime,
  }});
const status = async (path, token) =>
  (await fetch(base + path, {{ headers: {{ Authorization: `Bearer ${{token}}` }} }})).status;
const out = {{}};
{rest}
console.log(JSON.stringify(out));
process.exit(0);
"#,
        base = app.url(""),
    )
}

pub(crate) fn printed(app: &App, rest: &str) -> Value {
    let line = script::node(&script_of(app, rest)).success().line();
    serde_json::from_str(&line).unwrap()
}
