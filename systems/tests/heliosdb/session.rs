//! Accounts and sessions: rows 02 to 07, 10 to 13, 17 to 19 and 27 to 33.

use crate::heliosdb;
use doorward_testkit::{App, Fetched, Response, jwt::Unverified, script, site};
use serde_json::{Value, json};
use std::time::Duration;

const EMAIL: &str = "developer@example.com";
const PASSWORD: &str = "secure-password-123";
/// Of the guide's clients.
const GUIDE_EMAIL: &str = "dev@example.com";
const GUIDE_PASSWORD: &str = "password123";
const QUERY: &str = "/api/v1/query";

fn post(app: &App, path: &str, body: &Value) -> Response {
    app.request("POST", path).json(body).send()
}

fn account(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// The account that the guide's clients sign in to.
fn sign_up_as_in_the_guide(app: &App) {
    let body = json!({"email": GUIDE_EMAIL, "password": GUIDE_PASSWORD});
    let _ = remembered(app, post(app, "/auth/v1/signup", &body).expect(200).json());
}

/// Signs up, and keeps the secrets of the answer out of the logs' way.
fn sign_up(app: &App, email: &str) -> Value {
    let answer = post(app, "/auth/v1/signup", &account(email));
    remembered(app, answer.expect(200).json())
}

fn sign_in(app: &App, email: &str) -> Value {
    let answer = post(app, "/auth/v1/token", &account(email));
    remembered(app, answer.expect(200).json())
}

fn remembered(app: &App, session: Value) -> Value {
    for member in ["access_token", "refresh_token"] {
        if let Some(secret) = session[member].as_str() {
            let _ = app.remembered(secret.to_owned());
        }
    }
    session
}

fn text(session: &Value, member: &str) -> String {
    session[member].as_str().unwrap().to_owned()
}

fn refresh(app: &App, token: &str) -> Response {
    let path = "/auth/v1/token?grant_type=refresh_token";
    post(app, path, &json!({"refresh_token": token}))
}

fn of(fetched: &Fetched) -> Value {
    serde_json::from_str(&fetched.body).unwrap()
}

/// The body of a refusal, as the guide prints it.
fn refusal(answer: &Response) -> (u16, Value) {
    (answer.status, answer.json())
}

fn invalid() -> (u16, Value) {
    let body = json!({"error": "invalid_token", "message": "Token is invalid"});
    (401, body)
}

/// The claims of a session's access token, which the server takes: nobody else has the key.
fn claims(app: &App, session: &Value) -> Value {
    let access = text(session, "access_token");
    app.get_as(&access, "/auth/v1/user").expect(200);
    Unverified::of(&access).claims
}

/// The members of a session as the guide prints it.
fn assert_session(session: &Value) {
    assert_eq!(session["token_type"], "bearer");
    assert_eq!(session["expires_in"], 3600);
    assert!(session["access_token"].is_string());
}

#[test]
fn hd_02_an_account_is_made_by_the_published_curl() {
    let app = heliosdb(site!()).start();
    let body = account(EMAIL).to_string();
    let answer = script::curl(&[
        "-X",
        "POST",
        &app.url("/auth/v1/signup"),
        "-H",
        "Content-Type: application/json",
        "-d",
        &body,
    ]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let session = remembered(&app, of(&answer));
    assert_session(&session);
    assert_eq!(session["user"]["email"], EMAIL);
    // It works at once, in a tenant of its own.
    let carried = claims(&app, &session);
    assert_eq!(carried["tenant_id"], session["user"]["id"]);
    app.get_as(&text(&session, "access_token"), QUERY)
        .expect(200);
    let again = post(&app, "/auth/v1/signup", &account(EMAIL));
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "already_exists")
    );
}

#[test]
fn hd_02_a_sign_up_that_is_not_taken_is_told_why() {
    let app = heliosdb(site!()).start();
    for (body, status, code) in [
        (json!({}), 501, "not_implemented"),
        (json!({"email": EMAIL}), 400, "invalid_request"),
        (
            json!({"email": "nobody", "password": PASSWORD}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": EMAIL, "password": "short"}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": EMAIL, "password": "x".repeat(257)}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": 1, "password": PASSWORD}),
            400,
            "body_malformed",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "data": {"a": "b".repeat(17_000)}}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "data": {"a": "b".repeat(70_000)}}),
            413,
            "body_too_large",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "invitation": "invite_none"}),
            404,
            "not_found",
        ),
    ] {
        let answer = post(&app, "/auth/v1/signup", &body);
        let told = (answer.status, answer.code());
        assert_eq!(told, (status, code.to_owned()), "{}", answer.text());
    }
    let body = json!({"email": EMAIL, "password": PASSWORD, "invitation": "invite_none"});
    let answer = post(&app, "/auth/v1/signup", &body);
    assert!(
        answer.text().contains("ask for a new one"),
        "{}",
        answer.text()
    );
    let closed = heliosdb(&format!("{}_closed", site!()))
        .set("realm.heliosdb.users.sign_up", "closed")
        .start();
    let answer = post(&closed, "/auth/v1/signup", &account(EMAIL));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "insufficient_permission")
    );
    assert!(
        answer.text().contains("ask to be invited"),
        "{}",
        answer.text()
    );
}

/// And HD-C4: the tenant is never the client's to say.
#[test]
fn hd_02_an_operators_invitation_is_taken_by_the_first_sign_up() {
    let app = heliosdb(site!()).start();
    let realm = ["--realm", "heliosdb"];
    let _ = app
        .run(
            &["tenant", "create"],
            &[&realm[..], &["acme-corp"]].concat(),
        )
        .success();
    let invite = |further: &[&str]| {
        let to = ["--tenant", "acme-corp", "--email", EMAIL];
        app.run(&["tenant", "invite"], &[&realm[..], &to, further].concat())
    };
    let _ = invite(&["--sign-up", "--expires", "2d"]).exit(1);
    let made = invite(&["--sign-up", "--role", "member", "--json"]).success();
    assert_eq!(made.json()["delivery"], "sign_up");
    assert!(made.json()["invitation"].is_null());
    let body = json!({
        "email": "other@example.com", "password": PASSWORD,
        "tenant_id": "acme-corp", "data": {"tenant_id": "acme-corp"},
    });
    let other = post(&app, "/auth/v1/signup", &body);
    let other = remembered(&app, other.expect(200).json());
    assert_eq!(claims(&app, &other)["tenant_id"], other["user"]["id"]);
    let invited = sign_up(&app, EMAIL);
    assert_eq!(claims(&app, &invited)["tenant_id"], "acme-corp");
    // What passes on the wire is not proven.
    let user = &invited["user"];
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(
        user["identities"][0]["identity_data"]["email_verified"],
        false
    );
}

#[test]
fn hd_04_a_password_gives_a_session_without_a_grant_type() {
    let app = heliosdb(site!()).start();
    let _ = sign_up(&app, EMAIL);
    let session = sign_in(&app, EMAIL);
    assert_session(&session);
    assert!(session["refresh_token"].is_string());
    for (query, named) in [
        ("?grant_type=password", None),
        ("", Some("password")),
        ("?apikey=sb_publishable_x", None),
    ] {
        let mut body = account(EMAIL);
        if let Some(named) = named {
            body["grant_type"] = json!(named);
        }
        let answer = post(&app, &format!("/auth/v1/token{query}"), &body);
        let _ = remembered(&app, answer.expect(200).json());
    }
    // Wrong and unknown look the same.
    let mut wrong = account(EMAIL);
    wrong["password"] = json!("another-password-123");
    for body in [wrong, account("nobody@example.com")] {
        let answer = post(&app, "/auth/v1/token", &body);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_credentials")
        );
    }
    let other = post(&app, "/auth/v1/token?grant_type=device", &json!({}));
    assert_eq!(
        (other.status, other.code().as_str()),
        (400, "invalid_request")
    );
}

#[test]
fn hd_05_the_token_type_is_lower_case() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    assert_eq!(session["token_type"], "bearer");
    let answer = refresh(&app, &text(&session, "refresh_token"));
    assert_eq!(remembered(&app, answer.json())["token_type"], "bearer");
}

#[test]
fn hd_06_the_access_token_is_hs256_and_typ_jwt() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let header = Unverified::of(&text(&session, "access_token")).header;
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("HS256"), &json!("JWT"))
    );
    // In the order of the guide's token, whose beginning this is.
    let printed = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVC";
    assert!(text(&session, "access_token").starts_with(printed));
    // Nobody is given a symmetric key.
    let keys = app.get("/auth/v1/.well-known/jwks.json").expect(200).json();
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["kty"] == "EC"), "{keys:?}");
}

#[test]
fn hd_07_the_refresh_token_says_nothing() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = text(&session, "refresh_token");
    assert!(
        !token.contains('.') && !token.contains(EMAIL),
        "a readable token"
    );
    app.get_as(&token, QUERY).expect(401);
}

#[test]
fn hd_10_the_claims_are_those_of_the_guide() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let carried = claims(&app, &session);
    assert_eq!(carried["sub"], session["user"]["id"]);
    assert_eq!(carried["email"], EMAIL);
    assert_eq!(carried["role"], "authenticated");
    assert_eq!(carried["tenant_id"], session["user"]["id"]);
    // Who signs up is no administrator.
    assert_eq!(carried["scopes"], json!(["read", "write"]));
}

#[test]
fn hd_11_an_access_token_lives_an_hour_or_as_configured() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = Unverified::of(&text(&session, "access_token"));
    assert_eq!(token.life(), 3600);
    assert_eq!(session["expires_at"], token.number("exp"));
    let app = heliosdb(&format!("{}_short", site!()))
        .set("realm.heliosdb.tokens.access_ttl", "15m")
        .start();
    let session = sign_up(&app, EMAIL);
    assert_eq!(session["expires_in"], 900);
    assert_eq!(Unverified::of(&text(&session, "access_token")).life(), 900);
}

#[test]
fn hd_12_a_refresh_token_lives_seven_days() {
    let app = heliosdb(site!()).with_clock().start();
    let token = text(&sign_up(&app, EMAIL), "refresh_token");
    let day = 86_400;
    app.pass(Duration::from_secs(7 * day - 60));
    let _ = remembered(&app, refresh(&app, &token).expect(200).json());
    app.pass(Duration::from_secs(7 * day + 1));
    assert_eq!(refusal(&refresh(&app, &token)), invalid());
}

#[test]
fn hd_13_the_same_refresh_token_works_again_and_again() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = text(&session, "refresh_token");
    for _ in 0..3 {
        let again = remembered(&app, refresh(&app, &token).expect(200).json());
        assert_session(&again);
        assert!(again.get("refresh_token").is_none());
        assert_eq!(again["user"]["id"], session["user"]["id"]);
        app.get_as(&text(&again, "access_token"), QUERY).expect(200);
    }
    for bad in ["", "x", "dGhpcyBpcyBhIHJlZnJlc2ggdG9rZW4"] {
        assert_eq!(refusal(&refresh(&app, bad)), invalid(), "{bad}");
    }
    let cut = &token[..token.len() - 1];
    assert_eq!(refusal(&refresh(&app, cut)), invalid());
    let none = post(&app, "/auth/v1/token?grant_type=refresh_token", &json!({}));
    assert_eq!(
        (none.status, none.code().as_str()),
        (400, "invalid_request")
    );
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

/// As the published timer does: each minute, whenever the token has less than five left.
#[test]
fn hd_27_a_client_that_refreshes_each_minute_goes_on() {
    let app = heliosdb(site!()).with_clock().start();
    let token = text(&sign_up(&app, EMAIL), "refresh_token");
    for minute in 55..65 {
        app.pass(Duration::from_secs(60 * minute));
        let next = remembered(&app, refresh(&app, &token).expect(200).json());
        app.get_as(&text(&next, "access_token"), QUERY).expect(200);
    }
}

#[test]
fn hd_28_after_logout_nothing_of_the_session_works() {
    let app = heliosdb(site!()).start();
    let _ = sign_up(&app, EMAIL);
    for (scope, ends_own, ends_other) in [
        ("", true, true),
        ("?scope=global", true, true),
        ("?scope=local", true, false),
        ("?scope=others", false, true),
    ] {
        let (own, other) = (sign_in(&app, EMAIL), sign_in(&app, EMAIL));
        let access = text(&own, "access_token");
        let answer = script::curl(&[
            "-X",
            "POST",
            &app.url(&format!("/auth/v1/logout{scope}")),
            "-H",
            &format!("Authorization: Bearer {access}"),
        ]);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{scope}");
        for (session, ends) in [(&own, ends_own), (&other, ends_other)] {
            let answer = app.get_as(&text(session, "access_token"), QUERY);
            let refreshed = refresh(&app, &text(session, "refresh_token"));
            if ends {
                assert_eq!(refusal(&answer), invalid(), "{scope}");
                assert_eq!(refusal(&refreshed), invalid(), "{scope}");
            } else {
                answer.expect(200);
                let _ = remembered(&app, refreshed.expect(200).json());
            }
        }
    }
    let session = sign_in(&app, EMAIL);
    let odd = app
        .request("POST", "/auth/v1/logout?scope=all")
        .bearer(&text(&session, "access_token"))
        .send();
    assert_eq!((odd.status, odd.code().as_str()), (400, "invalid_request"));
    app.get_as(&text(&session, "access_token"), QUERY)
        .expect(200);
}

#[test]
fn hd_29_an_expired_token_is_called_expired() {
    let app = heliosdb(site!()).with_clock().start();
    let session = sign_up(&app, EMAIL);
    app.pass(Duration::from_secs(3700));
    let body = json!({"error": "token_expired", "message": "Token has expired"});
    for path in [QUERY, "/auth/v1/user"] {
        let answer = app.get_as(&text(&session, "access_token"), path);
        assert_eq!(refusal(&answer), (401, body.clone()), "{path}");
    }
}

#[test]
fn hd_30_an_invalid_token_is_called_invalid() {
    let app = heliosdb(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "access_token");
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    for path in [QUERY, "/auth/v1/user"] {
        assert_eq!(refusal(&app.get_as(&forged, path)), invalid(), "{path}");
    }
}

#[test]
fn hd_31_a_missing_header_is_called_missing() {
    let app = heliosdb(site!()).start();
    let body = json!({"error": "unauthorized", "message": "Missing authorization header"});
    for path in [QUERY, "/auth/v1/user"] {
        let answer = app.get(path);
        assert_eq!(refusal(&answer), (401, body.clone()), "{path}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
    let logout = app.request("POST", "/auth/v1/logout").send();
    assert_eq!(refusal(&logout), (401, body));
}

/// curl says `application/x-www-form-urlencoded` of a body it is not told of.
#[test]
fn hd_32_a_body_is_json_whatever_it_is_called() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let bare = |path: &str, body: &Value| {
        script::curl(&["-X", "POST", &app.url(path), "-d", &body.to_string()])
    };
    let signed_in = bare("/auth/v1/token", &account(EMAIL));
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    let _ = remembered(&app, of(&signed_in));
    let body = json!({"refresh_token": text(&session, "refresh_token")});
    let refreshed = bare("/auth/v1/token?grant_type=refresh_token", &body);
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let _ = remembered(&app, of(&refreshed));
    for body in ["", "email=a", "[]", "{\"email\":\"a\",\"email\":\"b\"}"] {
        let answer = app.request("POST", "/auth/v1/token").body(body).send();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "body_malformed"),
            "{body}"
        );
    }
}

#[test]
fn hd_33_the_current_user_is_told_and_says_something_of_itself() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "access_token");
    let user = app.get_as(&access, "/auth/v1/user").expect(200).json();
    assert_eq!(user["id"], session["user"]["id"]);
    assert_eq!(user["email"], EMAIL);
    assert_eq!(user["role"], "authenticated");
    assert!(user["created_at"].is_string());
    let put = |body: &Value| {
        let request = app.request("PUT", "/auth/v1/user").bearer(&access);
        request.json(body).send()
    };
    let changed = put(&json!({"data": {"tenant_id": "acme-corp", "team": "a"}}));
    let metadata = changed.expect(200).json()["user_metadata"].clone();
    assert_eq!(metadata, json!({"tenant_id": "acme-corp", "team": "a"}));
    let changed = put(&json!({"data": {"tenant_id": null}}));
    assert_eq!(
        changed.expect(200).json()["user_metadata"],
        json!({"team": "a"})
    );
    // It is not where the tenant comes from.
    let next = sign_in(&app, EMAIL);
    assert_eq!(claims(&app, &next)["tenant_id"], user["id"]);
    put(&json!({"app_metadata": {"role": "admin"}})).expect(403);
    let new = json!({"password": "another-password-123"});
    put(&new).expect(400);
    // What is refused in a part changes nothing.
    let half = json!({
        "password": "another-password-123", "current_password": PASSWORD,
        "data": {"a": "b".repeat(17_000)},
    });
    put(&half).expect(400);
    let new = json!({"password": "another-password-123", "current_password": PASSWORD});
    put(&new).expect(200);
    app.get_as(&access, QUERY).expect(200);
    app.get_as(&text(&next, "access_token"), QUERY).expect(401);
}

/// As many changes as the product takes.
#[test]
fn hd_33_a_user_changes_itself_thirty_times_in_five_minutes() {
    let app = heliosdb(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "access_token");
    let put = || {
        let request = app.request("PUT", "/auth/v1/user").bearer(&access);
        request.json(&json!({"data": {"a": 1}})).send()
    };
    for _ in 0..30 {
        put().expect(200);
    }
    put().expect(429);
    app.get_as(&access, "/auth/v1/user").expect(200);
    let other = text(&sign_up(&app, "other@example.com"), "access_token");
    let request = app.request("PUT", "/auth/v1/user").bearer(&other);
    request.json(&json!({"data": {"a": 1}})).send().expect(200);
}

/// A command that gives authority by an address means no squatter.
#[test]
fn hd_02_an_address_that_nobody_has_shown_names_nobody_to_an_operator() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let id = text(&session["user"], "id");
    let realm = ["--realm", "heliosdb"];
    let _ = app
        .run(
            &["tenant", "create"],
            &[&realm[..], &["acme-corp"]].concat(),
        )
        .success();
    let run =
        |command: &[&str], further: &[&str]| app.run(command, &[&realm[..], further].concat());
    let by_address = ["--tenant", "acme-corp", "--email", EMAIL];
    let role = ["--role", "owner"];
    let _ = run(&["membership", "create"], &by_address).exit(1);
    let _ = run(&["grant", "add"], &[&by_address[..], &role].concat()).exit(1);
    let by_id = ["--tenant", "acme-corp", "--id", &id];
    let _ = run(&["membership", "create"], &by_id).success();
    let _ = run(&["grant", "add"], &[&by_id[..], &role].concat()).success();
    let _ = run(&["grant", "remove"], &[&by_address[..], &role].concat()).success();
    let listed = run(&["user", "list"], &["--json"]).success().json();
    assert_eq!(listed[0]["email_proven"], false);
}

/// The guide's own example.
#[test]
fn hd_02_the_commonest_password_of_the_guide_is_taken() {
    let app = heliosdb(site!()).start();
    let body = json!({"email": EMAIL, "password": "password123"});
    let _ = remembered(
        &app,
        post(&app, "/auth/v1/signup", &body).expect(200).json(),
    );
}

#[test]
fn hd_33_a_page_reads_what_supabases_clients_go_by() {
    let app = heliosdb(site!())
        .set("realm.heliosdb.cors_origins", vec!["https://app.test"])
        .start();
    let request = app.request("GET", "/auth/v1/user");
    let answer = request.header("Origin", "https://app.test").send();
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for name in [
        "x-supabase-api-version",
        "x-sb-error-code",
        "x-total-count",
        "link",
    ] {
        assert!(exposed.split(", ").any(|one| one == name), "{exposed}");
    }
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

/// What the product has and this version does not is told as the product tells it, where
/// the realm has its form.
#[test]
fn what_is_off_answers_as_the_product_does() {
    let app = heliosdb(site!())
        .set("realm.heliosdb.supabase.errors", "gotrue")
        .start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "access_token");
    for (method, path, status, code) in [
        ("POST", "/recover", 422, "email_provider_disabled"),
        ("POST", "/otp", 422, "otp_disabled"),
        (
            "GET",
            "/authorize?provider=github",
            400,
            "validation_failed",
        ),
        ("POST", "/sso", 404, "saml_provider_disabled"),
        ("POST", "/verify", 403, "otp_expired"),
        ("POST", "/factors", 422, "mfa_totp_enroll_not_enabled"),
        ("GET", "/user/oauth/grants", 404, "feature_disabled"),
        ("GET", "/admin/users", 403, "not_admin"),
        (
            "POST",
            "/token?grant_type=web3",
            422,
            "web3_provider_disabled",
        ),
        ("POST", "/token?grant_type=x", 400, "invalid_credentials"),
        ("POST", "/signup", 422, "anonymous_provider_disabled"),
        ("GET", "/nothing", 404, "unknown"),
    ] {
        let answer = app
            .request(method, &format!("/auth/v1{path}"))
            .header("X-Supabase-Api-Version", "2024-01-01")
            .bearer(&access)
            .json(&json!({}))
            .send();
        let told = (answer.status, answer.json()["code"].clone());
        assert_eq!(told, (status, json!(code)), "{method} {path}");
    }
    for path in ["/factors", "/admin/users", "/user"] {
        let answer = app.get(&format!("/auth/v1{path}"));
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.json()["error_code"], "no_authorization");
    }
    let health = app.get("/auth/v1/health");
    assert_eq!(health.expect(200).json()["name"], "GoTrue");
    let settings = app.get("/auth/v1/settings").expect(200).json();
    assert_eq!(settings["disable_signup"], false);
    assert_eq!(settings["external"]["email"], true);
    app.get("/auth/v1/.well-known/openid-configuration")
        .expect(200);
}

#[test]
fn sign_ups_from_one_address_are_limited() {
    let app = heliosdb(site!()).start();
    let mut statuses = Vec::new();
    for _ in 0..31 {
        // Nothing is hashed for a password that is not taken.
        let body = json!({"email": EMAIL, "password": "short"});
        statuses.push(post(&app, "/auth/v1/signup", &body).status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 30);
    assert_eq!(statuses.last(), Some(&429));
}
