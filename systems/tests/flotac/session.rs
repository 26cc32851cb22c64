//! Sessions of people, by supabase-js as it is published and by the wire: rows 03 to 11, 18,
//! 20, 21, 24, 35, 38 and 42 to 45, and the reading FL-C2 of whose the company is.

use doorward_testkit::{App, Engine, Response, Setup, engine, jwt::Unverified, script, site};
use serde_json::{Value, json};
use std::time::Duration;

const EMAIL: &str = "user@example.com";
const PASSWORD: &str = "secure_password_123";
const CUSTOMERS: &str = "/functions/v1/api-gateway/api/v1/customers";
const HEALTH: &str = "/functions/v1/api-gateway/health";
/// The key of the application that the file lists.
const ANON: &str = "sb_publishable_flotac";
const VERSION: &str = "X-Supabase-Api-Version";

/// Flotac as its file stands, but without TLS, and with two companies.
fn flotac(site: &str) -> Setup {
    Setup::new(site, doorward_systems::FLOTAC).set("realm.flotac.require_https", "off")
}

fn furnished(setup: Setup) -> App {
    let app = setup.start();
    for company in ["acme", "globex"] {
        let _ = run(&app, &["tenant", "create"], &[company]);
    }
    app
}

fn run(app: &App, command: &[&str], further: &[&str]) -> Value {
    let arguments = [&["--realm", "flotac"], further].concat();
    let done = app.run(command, &arguments).success();
    serde_json::from_str(&done.stdout).unwrap_or_default()
}

fn invite(app: &App, company: &str, email: &str) {
    let to = ["--tenant", company, "--email", email, "--sign-up"];
    let _ = run(app, &["tenant", "invite"], &to);
}

fn post(app: &App, path: &str, body: &Value) -> Response {
    let request = app.request("POST", path).header(VERSION, "2024-01-01");
    request.json(body).send()
}

fn remembered(app: &App, answer: &Response) -> Value {
    let session = answer.expect(200).json();
    for member in ["access_token", "refresh_token"] {
        let _ = app.remembered(text(&session, member));
    }
    session
}

fn text(session: &Value, member: &str) -> String {
    session[member].as_str().unwrap().to_owned()
}

/// As the guide's snippet does, for this company.
fn sign_up(app: &App, email: &str, company: &str) -> Value {
    let body = json!({
        "email": email, "password": PASSWORD,
        "data": {"company_id": company, "role": "company_user"},
    });
    remembered(app, &post(app, "/auth/v1/signup", &body))
}

fn sign_in(app: &App, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD});
    let path = "/auth/v1/token?grant_type=password";
    remembered(app, &post(app, path, &body))
}

fn refresh(app: &App, token: &str) -> Response {
    let path = "/auth/v1/token?grant_type=refresh_token";
    post(app, path, &json!({"refresh_token": token}))
}

fn user(app: &App, session: &Value) -> Response {
    let access = text(session, "access_token");
    let request = app.request("GET", "/auth/v1/user").bearer(&access);
    request.header(VERSION, "2024-01-01").send()
}

fn told(answer: &Response) -> (u16, String) {
    let code = answer.json()["code"].as_str().map(str::to_owned);
    (answer.status, code.unwrap_or_default())
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn metadata(session: &Value) -> Value {
    Unverified::of(&text(session, "access_token")).claims["user_metadata"].clone()
}

/// What comes before each script: a client, and what it needs to be one in Node.
fn script_of(app: &App, rest: &str) -> String {
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

fn printed(app: &App, rest: &str) -> Value {
    let line = script::node(&script_of(app, rest)).success().line();
    serde_json::from_str(&line).unwrap()
}

/// And FL-03, FL-04, FL-07 to FL-11: every call of the guide, by the client that it names.
#[test]
fn fl_05_supabase_js_signs_up_and_works_at_once() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let rest = format!(
        r#"
const supabase = make();
const events = [];
supabase.auth.onAuthStateChange((event) => events.push(event));
const up = await supabase.auth.signUp({{
  email: EMAIL, password: PASSWORD,
  options: {{ data: {{ company_id: "acme", role: "company_user" }} }},
}});
out.up = [up.error, up.data.session.expires_in, up.data.user.email];
out.company = up.data.user.user_metadata;
out.works = await status("{CUSTOMERS}", up.data.session.access_token);
const again = await supabase.auth.signInWithPassword({{ email: EMAIL, password: PASSWORD }});
out.again = again.error;
out.kept = (await supabase.auth.getSession()).data.session.user.id === up.data.user.id;
out.user = (await supabase.auth.getUser()).data.user.email;
const before = again.data.session;
const {{ data, error }} = await supabase.auth.refreshSession();
out.refreshed = [error, data.session.refresh_token !== before.refresh_token];
out.refreshed.push(await status("{CUSTOMERS}", data.session.access_token));
out.seen = events.includes("TOKEN_REFRESHED");
out.update = (await supabase.auth.updateUser({{ data: {{ team: "a" }} }})).data.user.user_metadata;
out.gone = (await supabase.auth.updateUser({{ data: {{ team: null }} }})).data.user.user_metadata;
out.out = (await supabase.auth.signOut()).error;
out.after = (await supabase.auth.getSession()).data.session;
"#
    );
    let company = json!({"company_id": "acme", "role": "company_user"});
    let mut team = company.clone();
    team["team"] = json!("a");
    assert_eq!(
        printed(&app, &rest),
        json!({
            "up": [null, 3600, EMAIL],
            "company": company,
            "works": 200,
            "again": null,
            "kept": true,
            "user": EMAIL,
            "refreshed": [null, true, 200],
            "seen": true,
            "update": team,
            "gone": company,
            "out": null,
            "after": null,
        })
    );
}

/// Tabs, and clients of 2.107 and later, refresh without a lock.
#[test]
fn fl_11_overlapping_refreshes_end_in_one_session() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let rest = r#"
const first = await make().auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
const token = first.data.session.refresh_token;
const tabs = Array.from({ length: 8 }, (_, at) => make(base, { storageKey: `tab${at}` }).auth);
const all = await Promise.all(tabs.map((tab) => tab.refreshSession({ refresh_token: token })));
out.errors = all.filter((one) => one.error !== null).length;
const next = all.map((one) => one.data.session.refresh_token);
out.different = new Set(next).size;
const on = await tabs[3].refreshSession();
out.on = on.error;
"#;
    let expected = json!({"errors": 0, "different": 1, "on": null});
    assert_eq!(printed(&app, rest), expected);
}

#[test]
fn fl_10_signing_out_ends_what_is_asked_for() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let rest = r#"
for (const scope of ["global", "local", "others"]) {
  const [here, there] = [make(base, { storageKey: "here" }), make(base, { storageKey: "there" })];
  const tokens = [];
  for (const one of [here, there]) {
    const signed = await one.auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
    tokens.push(signed.data.session.refresh_token);
  }
  const { error } = await here.auth.signOut({ scope });
  const lives = [];
  for (const refresh_token of tokens) {
    const next = await make(base, { storageKey: "next" }).auth.refreshSession({ refresh_token });
    lives.push(next.error === null ? "on" : next.error.code);
  }
  const gone = await there.auth.getUser();
  out[scope] = [error, lives, gone.error?.name ?? null];
}
"#;
    let (on, gone) = ("on", "refresh_token_not_found");
    let missing = "AuthSessionMissingError";
    let expected = json!({
        "global": [null, [gone, gone], missing],
        "local": [null, [gone, on], null],
        "others": [null, [on, gone], missing],
    });
    assert_eq!(printed(&app, rest), expected);
}

/// And FL-06, FL-18: who is not invited belongs to no company, whatever he says.
#[test]
fn fl_24_without_a_company_nothing_is_served() {
    let app = furnished(flotac(site!()));
    let session = sign_up(&app, EMAIL, "acme");
    assert_eq!(metadata(&session).get("company_id"), None);
    assert_eq!(session["user"]["user_metadata"].get("company_id"), None);
    let answer = app.get_as(&text(&session, "access_token"), CUSTOMERS);
    assert_eq!(answer.status, 403);
}

/// FL-C2, FL-18, FL-20, FL-38: no call of the client moves it into another company, or to
/// another role, in the token or in what an upstream reads of the user.
#[test]
fn fl_21_a_company_is_never_the_clients_to_say() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "globex");
    let owned = json!({"company_id": "acme", "role": "company_user"});
    assert_eq!(metadata(&session), owned);
    assert_eq!(session["user"]["user_metadata"], owned);
    let access = text(&session, "access_token");
    let put = |body: &Value| {
        let request = app.request("PUT", "/auth/v1/user").bearer(&access);
        request.header(VERSION, "2024-01-01").json(body).send()
    };
    for data in [
        json!({"company_id": "globex", "role": "company_admin"}),
        json!({"company_id": null, "role": null}),
        json!({"company_id": {"$ne": 1}, "role": ["company_admin"], "app_metadata": {"role": "x"}}),
    ] {
        let changed = put(&json!({ "data": data }));
        let shown = changed.expect(200).json()["user_metadata"].clone();
        let named = [&shown["company_id"], &shown["role"]];
        assert_eq!(named, ["acme", "company_user"], "{data}");
        assert_eq!(user(&app, &session).json()["user_metadata"], shown);
        for next in [
            sign_in(&app, EMAIL),
            remembered(
                &app,
                &refresh(&app, &text(&sign_in(&app, EMAIL), "refresh_token")),
            ),
        ] {
            let signed = metadata(&next);
            let named = [&signed["company_id"], &signed["role"]];
            assert_eq!(named, ["acme", "company_user"], "{data}");
            let claims = Unverified::of(&text(&next, "access_token")).claims;
            assert_eq!(claims["permissions"], json!(["customers:read"]));
            let access = text(&next, "access_token");
            app.get_as(&access, CUSTOMERS).expect(200);
            let write = app.request("POST", CUSTOMERS).bearer(&access);
            write.json(&json!({})).send().expect(403);
        }
    }
    let refused = put(&json!({"app_metadata": {"company_id": "globex"}}));
    assert_eq!(told(&refused), refusal(403, "not_admin"));
}

/// A leaver is out at the next refresh, and belongs to no company when he signs in again.
#[test]
fn fl_42_a_leaver_is_refused() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    let id = text(&session["user"], "id");
    let _ = run(
        &app,
        &["membership", "end"],
        &["--tenant", "acme", "--id", &id],
    );
    let refreshed = refresh(&app, &text(&session, "refresh_token"));
    assert_eq!(told(&refreshed), refusal(400, "refresh_token_not_found"));
    let next = sign_in(&app, EMAIL);
    assert_eq!(metadata(&next).get("company_id"), None);
    let answer = app.get_as(&text(&next, "access_token"), CUSTOMERS);
    assert_eq!(answer.status, 403);
}

/// FL-04 with it. A key of the application is nobody, wherever it stands.
#[test]
fn fl_43_a_publishable_key_is_nobody() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let with = |method: &str, path: &str, bearer: bool| {
        let request = app.request(method, path).header("apikey", ANON);
        if bearer {
            request.bearer(ANON)
        } else {
            request
        }
    };
    let body = json!({"email": EMAIL, "password": PASSWORD});
    for bearer in [false, true] {
        with("GET", HEALTH, bearer).send().expect(200);
        with("GET", CUSTOMERS, bearer).send().expect(401);
        with("GET", "/auth/v1/settings", bearer).send().expect(200);
        let answer = with("GET", "/auth/v1/user", bearer).send();
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["error_code"], "no_authorization");
        let path = "/auth/v1/token?grant_type=password";
        let signed_in = with("POST", path, bearer).json(&body).send();
        let _ = remembered(&app, &signed_in);
    }
    // Any other bearer is a bad one.
    app.get_as("sb_publishable_other", CUSTOMERS).expect(401);
    let session = sign_in(&app, EMAIL);
    let request = app.request("GET", CUSTOMERS).header("apikey", ANON);
    let request = request.bearer(&text(&session, "access_token"));
    request.send().expect(200);
}

/// Sessions that were begun under HS256 go on under ES256, and so do their access tokens.
#[test]
fn fl_44_the_algorithm_changes_under_living_sessions() {
    let mut app = furnished(flotac(site!()).set("realm.flotac.limits.company.burst", 1000));
    invite(&app, "acme", EMAIL);
    let before = sign_up(&app, EMAIL, "acme");
    let alg = |session: &Value| {
        let token = Unverified::of(&text(session, "access_token"));
        token.header["alg"].clone()
    };
    assert_eq!(alg(&before), "HS256");
    app.reconfigure(|config| {
        config["realm"]["flotac"]["tokens"]["algorithm"] = "ES256".into();
    });
    app.start();
    let access = text(&before, "access_token");
    for _ in 0..200 {
        app.get_as(&access, CUSTOMERS).expect(200);
    }
    let after = remembered(&app, &refresh(&app, &text(&before, "refresh_token")));
    assert_eq!(alg(&after), "ES256");
    app.get_as(&text(&after, "access_token"), CUSTOMERS)
        .expect(200);
    app.get_as(&access, CUSTOMERS).expect(200);
    user(&app, &after).expect(200);
}

#[test]
fn fl_45_no_cache_keeps_a_token() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let signed_up = post(&app, "/auth/v1/signup", &body);
    let session = remembered(&app, &signed_up);
    let signed_in = post(&app, "/auth/v1/token?grant_type=password", &body);
    let _ = remembered(&app, &signed_in);
    let refreshed = refresh(&app, &text(&session, "refresh_token"));
    let _ = remembered(&app, &refreshed);
    for answer in [&signed_up, &signed_in, &refreshed] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// FL-10, and that a transient fault is never a 4xx: the client would delete its session.
#[test]
fn fl_10_a_refresh_that_fails_for_a_while_keeps_the_session() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let rest = r#"
// The first connections are reset, as by a proxy that restarts; then one answer is a 503.
const target = new URL(base);
let faults = 0;
const open = new Set();
const between = net.createServer((socket) => {
  open.add(socket);
  socket.on("error", () => {});
  const fault = faults;
  if (faults > 0) faults -= 1;
  if (fault > 1) { socket.resetAndDestroy(); return; }
  if (fault === 1) {
    socket.once("data", () => socket.end(
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    return;
  }
  const on = net.connect(Number(target.port), target.hostname);
  on.on("error", () => socket.destroy());
  socket.pipe(on).pipe(socket);
});
await new Promise((ready) => between.listen(0, "127.0.0.1", ready));
const through = `http://127.0.0.1:${between.address().port}`;
console.error = () => {};
const client = make(through);
const events = [];
client.auth.onAuthStateChange((event) => events.push(event));
const signed = await client.auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
out.signed = signed.error;
const kept = signed.data.session.refresh_token;
// No connection is left to go on with.
for (const socket of open) socket.resetAndDestroy();
faults = 3;
const next = await client.auth.refreshSession({ refresh_token: kept });
out.next = [next.error, typeof next.data.session?.access_token];
out.left = faults;
out.out = events.includes("SIGNED_OUT");
"#;
    assert_eq!(
        printed(&app, rest),
        json!({"signed": null, "next": [null, "string"], "left": 0, "out": false})
    );
}

/// What the store cannot do now is 503 with `Retry-After`, and the same token works after it.
#[test]
fn fl_11_a_refresh_waits_for_the_store() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    // PostgreSQL's own faults: `standing` and `nodes`.
    if engine() != Engine::Sqlite {
        return;
    }
    let lock = rusqlite::Connection::open(app.store_path()).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let token = text(&session, "refresh_token");
    let waiting = refresh(&app, &token);
    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(told(&waiting), refusal(503, "unexpected_failure"));
    assert!(waiting.header("retry-after").is_some());
    let _ = remembered(&app, &refresh(&app, &token));
}

/// And FL-09: what is over is told by the product's codes, in both of its forms.
#[test]
fn fl_35_what_is_over_is_told_as_the_product_tells_it() {
    let app = furnished(flotac(site!()).with_clock());
    invite(&app, "acme", EMAIL);
    let first = sign_up(&app, EMAIL, "acme");
    let id = text(&first["user"], "id");
    let [ended, second] = [(); 2].map(|()| sign_in(&app, EMAIL));
    let access = text(&ended, "access_token");
    let log_out = app
        .request("POST", "/auth/v1/logout?scope=local")
        .bearer(&access);
    log_out.send().expect(204);
    assert_eq!(told(&user(&app, &ended)), refusal(403, "session_not_found"));
    let dead = refresh(&app, &text(&ended, "refresh_token"));
    assert_eq!(told(&dead), refusal(400, "refresh_token_not_found"));
    let ask = |path: &str, bearer: Option<&str>| {
        let request = app.request("GET", path).header(VERSION, "2024-01-01");
        match bearer {
            Some(value) => request.header("Authorization", value).send(),
            None => request.send(),
        }
    };
    let me = "/auth/v1/user";
    for (bearer, expected) in [
        (None, refusal(401, "no_authorization")),
        (
            Some("sb_publishable_flotac"),
            refusal(401, "no_authorization"),
        ),
        (Some("Bearer nonsense"), refusal(403, "bad_jwt")),
        (Some("Bearer e30.e30.c2ln"), refusal(403, "bad_jwt")),
    ] {
        assert_eq!(told(&ask(me, bearer)), expected, "{bearer:?}");
    }
    let older = app.request("GET", me).bearer(&access).send().json();
    assert_eq!(
        (&older["code"], &older["error_code"]),
        (&json!(403), &json!("session_not_found"))
    );
    for (token, code) in [
        ("short", "validation_failed"),
        ("abcdefghijkl", "refresh_token_not_found"),
    ] {
        assert_eq!(told(&refresh(&app, token)), refusal(400, code), "{token}");
    }
    let wrong = ask("/auth/v1/token", None);
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    assert_eq!(wrong.json()["code"], "unknown");
    // Banned, and then no more.
    let _ = run(&app, &["user", "disable"], &["--id", &id]);
    assert_eq!(told(&user(&app, &second)), refusal(403, "user_banned"));
    let _ = run(&app, &["user", "enable"], &["--id", &id]);
    let third = sign_in(&app, EMAIL);
    // Used before: the session is over.
    let token = text(&third, "refresh_token");
    let _ = remembered(&app, &refresh(&app, &token));
    app.pass(Duration::from_secs(60));
    let replayed = refresh(&app, &token);
    assert_eq!(told(&replayed), refusal(400, "refresh_token_already_used"));
    assert_eq!(told(&user(&app, &third)), refusal(403, "session_not_found"));
    let last = sign_in(&app, EMAIL);
    app.pass(Duration::from_secs(3700));
    let expired = user(&app, &last);
    assert_eq!(told(&expired), refusal(403, "bad_jwt"));
    assert!(
        expired.text().contains("token is expired"),
        "{}",
        expired.text()
    );
    app.pass(Duration::from_secs(31 * 86_400));
    let over = refresh(&app, &text(&last, "refresh_token"));
    assert_eq!(told(&over), refusal(400, "session_expired"));
}

/// As often as the product takes, and told as the product tells it.
#[test]
fn fl_11_a_session_is_refreshed_so_often_and_no_more() {
    let app = furnished(flotac(site!()).set("realm.flotac.sessions.refresh_rate", "3/5m"));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let mut token = text(&sign_in(&app, EMAIL), "refresh_token");
    for _ in 0..3 {
        let next = remembered(&app, &refresh(&app, &token));
        token = text(&next, "refresh_token");
    }
    let refused = refresh(&app, &token);
    assert_eq!(told(&refused), refusal(429, "over_request_rate_limit"));
    assert!(refused.header("retry-after").is_some());
    // The limit is the session's.
    let other = sign_in(&app, EMAIL);
    let _ = remembered(&app, &refresh(&app, &text(&other, "refresh_token")));
}

#[test]
fn fl_07_a_password_changes_for_who_knows_it_or_signed_in_lately() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    let put = |app: &App, session: &Value, body: Value| {
        let request = app.request("PUT", "/auth/v1/user");
        let request = request.bearer(&text(session, "access_token"));
        request.header(VERSION, "2024-01-01").json(&body).send()
    };
    let new = "another_password_456";
    for (body, status, code) in [
        (json!({"password": new}), 400, "current_password_required"),
        (
            json!({"password": new, "current_password": "wrong_password_1"}),
            400,
            "current_password_invalid",
        ),
        (
            json!({"password": PASSWORD, "current_password": PASSWORD}),
            422,
            "same_password",
        ),
        (
            json!({"password": "short", "current_password": PASSWORD}),
            422,
            "weak_password",
        ),
        (
            json!({"email": "x@example.com"}),
            422,
            "email_provider_disabled",
        ),
    ] {
        let answer = put(&app, &session, body.clone());
        assert_eq!(told(&answer), refusal(status, code), "{body}");
    }
    put(
        &app,
        &session,
        json!({"email": "User@Example.com", "data": {}}),
    )
    .expect(200);
    let lenient = flotac(&format!("{}_recent", site!()));
    let lenient = lenient.set("realm.flotac.sessions.password_change", "recent_sign_in");
    let app = furnished(lenient.with_clock());
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    let same = put(&app, &session, json!({"password": PASSWORD}));
    assert_eq!(told(&same), refusal(422, "same_password"));
    put(&app, &session, json!({"password": new})).expect(200);
    app.pass(Duration::from_secs(25 * 3600));
    let later = refresh(&app, &text(&session, "refresh_token"));
    let later = remembered(&app, &later);
    for (body, status, code) in [
        (
            json!({"password": PASSWORD}),
            400,
            "reauthentication_needed",
        ),
        (
            json!({"password": PASSWORD, "nonce": "123456"}),
            422,
            "reauthentication_not_valid",
        ),
    ] {
        let answer = put(&app, &later, body);
        assert_eq!(told(&answer), refusal(status, code));
    }
}
