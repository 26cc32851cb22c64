//! Sessions over the wire: refresh tokens and what ends them, one's own list, and that a
//! credential for machines manages none of its siblings.
#![cfg(test)]

use doorward_testkit::{App, Person, Response, Setup, id_of, secret_of, sign_in, site};
use serde_json::{Value, json};
use std::time::Duration;

const REALM: &str = r#"
[realm.witboost]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]

[realm.witboost.tokens]
access_ttl = "5m"
claims = { scope = "{scope}", amr = "{amr}", aal = "{aal}", role = "authenticated" }

[realm.witboost.sessions]
refresh = "rotate"
reuse_interval = "10s"
idle_ttl = "1h"

[realm.witboost.api_tokens.access]
kinds = ["personal", "service"]
prefix = "acme-"
presentations = ["exchange"]

[realm.witboost.exchange]
path = "/api/auth/access-tokens/jwt"

[[realm.witboost.route]]
path = "/plain/**"
upstream = "builtin:echo"
"#;

fn realm(site: &str) -> Setup {
    Setup::new(site, REALM)
}

/// What a sign-in or a refresh gave.
struct Given {
    access: String,
    refresh: String,
    session: String,
}

impl Given {
    fn of(app: &App, answer: &Response) -> Self {
        let body = answer.expect(200).json();
        let text = |place: &str| {
            body.pointer(place)
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        };
        Self {
            access: app.remembered(text("/access_token")),
            refresh: app.remembered(text("/refresh_token")),
            session: text("/session/id"),
        }
    }

    fn sign_in(app: &App, person: &Person) -> Self {
        Self::of(app, &sign_in(app, person.email(), person.password()))
    }
}

fn refresh(app: &App, token: &str) -> Response {
    app.request("POST", "/me/v1/session/refresh")
        .json(&json!({"refresh_token": token}))
        .send()
}

fn refused(answer: &Response) -> String {
    assert_eq!(answer.status, 401);
    answer.code()
}

#[test]
fn a_session_goes_on_until_a_token_is_replayed() {
    let app = realm(site!()).with_clock().start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let first = Given::sign_in(&app, &ada);
    let claims = app.verified(&first.access);
    assert_eq!(claims["amr"], json!(["password"]));
    assert_eq!(claims["aal"], "aal1");
    assert_eq!(claims["role"], "authenticated");
    assert_eq!(claims["sid"], first.session);
    let second = Given::of(&app, &refresh(&app, &first.refresh));
    assert_eq!(second.session, first.session);
    assert_ne!(second.refresh, first.refresh);
    app.get_as(&second.access, "/plain/1").expect(200);
    // Another tab comes a moment later.
    let again = Given::of(&app, &refresh(&app, &first.refresh));
    assert_eq!(again.refresh, second.refresh);
    app.pass(Duration::from_secs(11));
    let third = Given::of(&app, &refresh(&app, &second.refresh));
    app.get_as(&third.access, "/plain/1").expect(200);
    // A thief comes later. Then nobody goes on, and no access token of the session works.
    assert_eq!(refused(&refresh(&app, &first.refresh)), "invalid_token");
    for access in [&third.access, &second.access] {
        app.get_as(access, "/plain/1").expect(401);
    }
    assert_eq!(refused(&refresh(&app, &third.refresh)), "invalid_token");
}

#[test]
fn a_session_that_nobody_refreshes_ends() {
    let app = realm(site!()).with_clock().start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let mut given = Given::sign_in(&app, &ada);
    for times in 1..=3 {
        app.pass(Duration::from_secs(3000 * times));
        app.get_as(&given.access, "/plain/1").expect(401);
        given = Given::of(&app, &refresh(&app, &given.refresh));
    }
    app.pass(Duration::from_secs(9000 + 3601));
    let _ = refused(&refresh(&app, &given.refresh));
}

#[test]
fn a_person_sees_its_sessions_and_ends_them() {
    let app = realm(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let eve = Person::make(&app, "eve@example.com", &[]);
    let [here, there, elsewhere] = [(); 3].map(|()| Given::sign_in(&app, &ada));
    let stranger = Given::sign_in(&app, &eve);
    let ask = |method: &str, target: &str, by: &Given| {
        app.request(method, target).bearer(&by.access).send()
    };
    let listed = ask("GET", "/me/v1/sessions", &here).expect(200).json();
    let sessions = listed["items"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 3);
    for session in &sessions {
        assert_eq!(session["current"], session["id"] == here.session.as_str());
        assert_eq!(session["amr"], json!(["password"]));
        assert_eq!(session["address"], "127.0.0.1");
    }
    let one = format!("/me/v1/sessions/{}", there.session);
    ask("DELETE", &one, &stranger).expect(404);
    app.get_as(&there.access, "/plain/1").expect(200);
    ask("DELETE", &one, &here).expect(204);
    // Acknowledged here, so refused here.
    app.get_as(&there.access, "/plain/1").expect(401);
    let _ = refused(&refresh(&app, &there.refresh));
    ask("DELETE", "/me/v1/sessions", &here).expect(204);
    app.get_as(&elsewhere.access, "/plain/1").expect(401);
    let _ = refused(&refresh(&app, &elsewhere.refresh));
    app.get_as(&here.access, "/plain/1").expect(200);
    let _ = Given::of(&app, &refresh(&app, &here.refresh));
    let _ = Given::of(&app, &refresh(&app, &stranger.refresh));
    // An operator's command reaches the server within a second.
    let realm = [
        "--realm",
        "witboost",
        "--email",
        "eve@example.com",
        "--json",
    ];
    let listed = app.run(&["session", "list"], &realm).success().json();
    assert_eq!(listed[0]["id"], stranger.session.as_str());
    let ending = ["--realm", "witboost", stranger.session.as_str()];
    let _ = app.run(&["session", "end"], &ending).success();
    app.until_status(
        &app.request("GET", "/plain/1").bearer(&stranger.access),
        401,
    );
}

/// N5: whoever finds what a machine presents reaches nothing else of its owner.
#[test]
fn n5_a_credential_manages_none_of_its_siblings() {
    let app = realm(site!()).start();
    let all = [
        "platform.users.read",
        "platform.users.edit",
        "platform.users.service-accounts.access-tokens.edit",
    ];
    let ada = Person::make(&app, "ada@example.com", &all);
    let session = ada.sign_in(&app);
    let made = session.make_own_token(&json!({"name": "laptop"}));
    let (token, id) = (secret_of(made.expect(201)), id_of(&made));
    app.service_account("ci@example.com", &[]);
    let _secret = app.token("service", "ci@example.com", &[]);
    let others = app.tokens("ci@example.com");
    let other = others[0]["id"].as_str().unwrap();
    let jwt = app.jwt(&token, &json!({"scope": all.join(" ")}));
    app.get_as(&jwt, "/plain/1").expect(200);
    let own = format!("/me/v1/tokens/{id}");
    let its = format!("/admin/v1/tokens/{other}");
    for (method, target, body) in [
        ("GET", "/me/v1/tokens".to_owned(), json!(null)),
        ("GET", "/admin/v1/tokens".to_owned(), json!(null)),
        ("POST", "/me/v1/tokens".to_owned(), json!({})),
        (
            "POST",
            "/admin/v1/tokens".to_owned(),
            json!({"kind": "service", "owner": "ci@example.com"}),
        ),
        ("POST", format!("{own}/regenerate"), json!({})),
        ("POST", format!("{its}/regenerate"), json!({})),
        ("DELETE", its.clone(), json!(null)),
        ("GET", "/me/v1/sessions".to_owned(), json!(null)),
        ("DELETE", "/me/v1/sessions".to_owned(), json!(null)),
    ] {
        let mut request = app.request(method, &target).bearer(&jwt);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "insufficient_permission"),
            "{method} {target}"
        );
    }
    // It ends itself.
    app.request("DELETE", &own).bearer(&jwt).send().expect(204);
    app.get_as(&jwt, "/plain/1").expect(401);
}

/// A token of no tenant acts in none: nobody gets one without asking for it.
#[test]
fn a_token_is_of_the_sessions_tenant_unless_it_is_said() {
    let app = realm(site!()).start();
    let ada = Person::make_in(&app, "acme", "ada@example.com", &["read:x"]);
    let _globex = Person::make_in(&app, "globex", "bob@example.com", &[]);
    let named = ["--realm", "witboost", "--email", "ada@example.com"];
    let globex = [&named[..], &["--tenant", "globex"]].concat();
    let _ = app.run(&["membership", "create"], &globex).success();
    let sign_in = |tenant: Option<&str>| {
        let body = json!({"email": ada.email(), "password": ada.password(), "tenant": tenant});
        let answer = app.request("POST", "/me/v1/session").json(&body).send();
        Given::of(&app, &answer).access
    };
    let id = app.get_as(&sign_in(None), "/me/v1").json()["subject"]["id"].clone();
    for (session, asked, expected) in [
        (Some("acme"), json!({}), json!("acme")),
        (Some("globex"), json!({}), json!("globex")),
        (Some("acme"), json!({"tenant": "globex"}), json!("globex")),
        (Some("acme"), json!({"tenant": null}), json!(null)),
        (None, json!({}), json!(null)),
        (None, json!({"tenant": "acme"}), json!("acme")),
    ] {
        let access = sign_in(session);
        let mut as_administrator = json!({"kind": "personal", "owner": id});
        let members = as_administrator.as_object_mut().unwrap();
        members.extend(asked.as_object().unwrap().clone());
        for (path, body) in [
            ("/me/v1/tokens", &asked),
            ("/admin/v1/tokens", &as_administrator),
        ] {
            let request = app.request("POST", path).bearer(&access).json(body);
            let made = request.send();
            let _ = app.remembered(secret_of(made.expect(201)));
            assert_eq!(made.json()["tenant"], expected, "{session:?} {path} {body}");
        }
    }
}

/// What its owner could not use is refused, and said.
#[test]
fn a_scope_that_its_owner_does_not_hold_is_named() {
    let app = realm(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &["read:x"]);
    let session = ada.sign_in(&app);
    let made = session.make_own_token(&json!({"scopes": ["read:x", "write:x"]}));
    assert_eq!((made.status, &*made.code()), (400, "invalid_scope"));
    assert!(made.text().contains("write:x"), "{}", made.text());
    session
        .make_own_token(&json!({"scopes": ["read:x"]}))
        .expect(201);
}

/// The refusal says how far the permission must go, and how one gets it.
#[test]
fn what_takes_the_whole_realm_says_so_and_its_fix_works() {
    let app = realm(site!()).start();
    let clerk = Person::make_in(&app, "acme", "clerk@example.com", &["platform.users.read"]);
    let session = clerk.sign_in(&app);
    let refused = session.request("GET", "/admin/v1/users").send();
    assert_eq!(refused.status, 403);
    let text = refused.text();
    assert!(text.contains("in the whole realm"), "{text}");
    let command = text.split('`').nth(1).unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let [
        "doorward",
        "grant",
        "add",
        "--config",
        "FILE",
        "--realm",
        "REALM",
        rest @ ..,
    ] = &words[..]
    else {
        panic!("{command}");
    };
    let arguments = [&["--realm", app.realm()], rest].concat();
    let _ = app.run(&["grant", "add"], &arguments).success();
    let session = clerk.sign_in(&app);
    session.request("GET", "/admin/v1/users").send().expect(200);
}
