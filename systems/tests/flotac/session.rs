//! Sessions of people, by supabase-js as it is published and by the wire: rows 05, 07, 10, 35,
//! 43 and 45; with 04 and 09.

use crate::people::*;
use doorward_testkit::{App, jwt::Unverified, site};
use serde_json::{Value, json};
use std::time::Duration;

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

/// The application's key in both places, as the client puts it there, and it is nobody.
#[test]
fn fl_04_a_client_is_made_by_the_published_key() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let rest = format!(
        r#"
const sent = [];
const client = createClient(base, "{ANON}", {{
  auth: {{ autoRefreshToken: false }}, realtime,
  global: {{ fetch: (url, options) => {{
    const headers = new Headers(options.headers);
    sent.push([headers.get("apikey"), headers.get("authorization")]);
    return fetch(url, options);
  }} }},
}});
const wrong = await client.auth.signInWithPassword({{ email: EMAIL, password: "wrong_password_1" }});
out.wrong = wrong.error.code;
const right = await client.auth.signInWithPassword({{ email: EMAIL, password: PASSWORD }});
out.right = right.error;
out.sent = sent;
"#
    );
    let bearer = format!("Bearer {ANON}");
    assert_eq!(
        printed(&app, &rest),
        json!({"wrong": "invalid_credentials", "right": null, "sent": [[ANON, bearer], [ANON, bearer]]})
    );
}

#[test]
fn fl_09_an_access_token_lives_for_an_hour() {
    let app = furnished(flotac(site!()).with_clock());
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    assert_eq!(session["expires_in"], 3600);
    let access = text(&session, "access_token");
    let claims = Unverified::of(&access).claims;
    let second = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(second("exp") - second("iat"), 3600);
    assert_eq!(session["expires_at"], claims["exp"]);
    app.pass(Duration::from_secs(3500));
    app.get_as(&access, CUSTOMERS).expect(200);
    app.pass(Duration::from_secs(3601));
    app.get_as(&access, CUSTOMERS).expect(401);
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
