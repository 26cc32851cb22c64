//! Deleting people and tenants: what they held is dead when the answer comes, and within a
//! second of a command.
#![cfg(test)]

use doorward_testkit::{App, Person, Setup, secret_of, sign_in, site};
use serde_json::json;

const REALM: &str = r#"
[realm.witboost]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]
tenant_header = { header = "X-Tenant-ID", foreign_scope = "cross" }

[realm.witboost.tokens]
revocation = "immediate"
claims = { scope = "{scope}", tenant = "{tenant}" }

[realm.witboost.api_tokens.access]
kinds = ["personal", "service"]
prefix = "acme-"
presentations = ["exchange", "bearer"]

[realm.witboost.exchange]
path = "/api/auth/access-tokens/jwt"

[[realm.witboost.route]]
path = "/reports/**"
upstream = "builtin:echo"
credentials = ["api_token"]

[[realm.witboost.route]]
path = "/plain/**"
upstream = "builtin:echo"
"#;

const PASSWORD_WRONG: &str = "not the password at all";

fn start(site: &str) -> App {
    Setup::new(site, REALM).start()
}

/// Its JWT of a session, its API token, and a JWT exchanged for that.
struct Held {
    id: String,
    session: String,
    token: String,
    exchanged: String,
}

fn held(app: &App, person: &Person) -> Held {
    let session = person.sign_in(app);
    let token = app.remembered(secret_of(&session.make_own_token(&json!({}))));
    let held = Held {
        id: app.get_as(session.token(), "/me/v1").json()["subject"]["id"]
            .as_str()
            .unwrap()
            .to_owned(),
        session: session.token().to_owned(),
        exchanged: app.jwt(&token, &json!({})),
        token,
    };
    held.is_answered(app, 200);
    held
}

impl Held {
    fn is_answered(&self, app: &App, status: u16) {
        app.get_as(&self.session, "/plain/1").expect(status);
        app.get_as(&self.session, "/me/v1").expect(status);
        app.get_as(&self.exchanged, "/plain/1").expect(status);
        app.get_as(&self.token, "/reports/1").expect(status);
        app.exchange(&self.token, &json!({})).expect(status);
    }
}

#[test]
fn who_is_deleted_is_out_when_the_answer_comes() {
    let app = start(site!());
    let admin = Person::make(&app, "admin@acme.example", &["platform.users.edit"]);
    let admin = admin.sign_in(&app);
    let ada = Person::make(&app, "ada@acme.example", &[]);
    let held = held(&app, &ada);
    let path = format!("/admin/v1/users/{}", held.id);
    app.request("DELETE", &path)
        .bearer(&held.session)
        .send()
        .expect(401);
    admin.request("DELETE", &path).send().expect(204);
    held.is_answered(&app, 401);
    sign_in(&app, ada.email(), ada.password()).expect(401);
    let about = ["--realm", app.realm(), "--subject", &held.id, "--json"];
    let rows = app.run(&["audit"], &about).success().json().to_string();
    assert!(rows.contains("subject.delete"), "{rows}");
    assert!(rows.contains("session.sign_in"), "{rows}");
    assert!(!rows.contains("127.0.0.1"), "where it was is gone: {rows}");
    admin.request("DELETE", &path).send().expect(404);
    // The address is free, and brings nothing.
    let again = Person::make(&app, "ada@acme.example", &[]);
    let again = again.sign_in(&app);
    let tokens = again.own_tokens().json();
    assert_eq!(tokens["items"], json!([]));
    held.is_answered(&app, 401);
}

#[test]
fn a_person_deletes_itself_by_its_password() {
    let app = start(site!());
    let ada = Person::make(&app, "ada@acme.example", &[]);
    let held = held(&app, &ada);
    let delete = |token: &str, password: Option<&str>| {
        app.request("POST", "/me/v1/delete")
            .bearer(token)
            .json(&json!({ "password": password }))
            .send()
    };
    delete(&held.session, None).expect(401);
    delete(&held.session, Some(PASSWORD_WRONG)).expect(401);
    delete(&held.exchanged, Some(ada.password())).expect(403);
    held.is_answered(&app, 200);
    delete(&held.session, Some(ada.password())).expect(204);
    held.is_answered(&app, 401);
}

#[test]
fn a_command_deletes_users_and_tenants_when_it_is_meant() {
    let app = start(site!());
    let person = Person::make_in(&app, "acme", "ada@acme.example", &[]);
    let bob = Person::make(&app, "bob@acme.example", &[]);
    let (ada, bob) = (held(&app, &person), held(&app, &bob));
    let realm = ["--realm", app.realm()];
    let user = [&realm[..], &["--email", "bob@acme.example"]].concat();
    let tenant = [&realm[..], &["acme"]].concat();
    for (words, arguments, token) in [
        (["user", "delete"], user, &bob.exchanged),
        (["tenant", "delete"], tenant, &ada.exchanged),
    ] {
        let plain = app.request("GET", "/plain/1").bearer(token);
        let _ = app.run(&words, &arguments).exit(2);
        plain.send().expect(200);
        let _ = app
            .run(&words, &[&arguments[..], &["--yes"]].concat())
            .success();
        app.until_status(&plain, 401);
        let _ = app
            .run(&words, &[&arguments[..], &["--yes"]].concat())
            .exit(1);
    }
    bob.is_answered(&app, 401);
    // She was in no other tenant, where her token and her session were, and is a user still.
    app.get_as(&ada.session, "/plain/1").expect(401);
    app.exchange(&ada.token, &json!({})).expect(401);
    let session = person.sign_in(&app);
    app.get_as(session.token(), "/plain/1").expect(200);
    let _ = app
        .run(&["tenant", "create"], &[&realm[..], &["acme"]].concat())
        .exit(1);
}

/// Who may act in all of them may act in no other, also a moment after it did.
#[test]
fn nobody_acts_in_a_tenant_that_is_not_there() {
    let app = start(site!());
    let realm = ["--realm", app.realm()];
    let make = |id: &str| app.run(&["tenant", "create"], &[&realm[..], &[id]].concat());
    let _ = make("globex").success();
    app.service_account("ops@acme.example", &["--permission", "cross"]);
    let token = app.token("service", "ops@acme.example", &[]);
    let named = |tenant: &str| {
        let request = app.request("GET", "/reports/1").bearer(&token);
        request.header("X-Tenant-ID", tenant)
    };
    let refused = |tenant: &str| {
        let answer = app.until_status(&named(tenant), 403);
        assert_eq!(answer.code(), "tenant_forbidden", "{tenant}");
    };
    for _ in 0..2 {
        let seen = named("globex").send();
        let told = seen.expect(200).json()["headers"]["x-doorward-tenant"].clone();
        assert_eq!(told, "globex");
    }
    refused("initech");
    let _ = make("initech").success();
    named("initech").send().expect(200);
    let globex = [&realm[..], &["globex", "--yes"]].concat();
    let _ = app.run(&["tenant", "delete"], &globex).success();
    refused("globex");
    named("initech").send().expect(200);
}

#[test]
fn a_ban_is_felt_at_once_and_lifted() {
    let app = start(site!());
    let ada = Person::make(&app, "ada@acme.example", &[]);
    let held = held(&app, &ada);
    let by_session = app.request("GET", "/plain/1").bearer(&held.session);
    let by_token = app.request("GET", "/reports/1").bearer(&held.token);
    let named = ["--realm", app.realm(), "--email", "ada@acme.example"];
    let _ = app
        .run(&["user", "ban"], &[&named[..], &["--until", "1h"]].concat())
        .success();
    app.until_status(&by_session, 401);
    held.is_answered(&app, 401);
    sign_in(&app, ada.email(), ada.password()).expect(401);
    let _ = app.run(&["user", "unban"], &named).success();
    app.until_status(&by_token, 200);
    sign_in(&app, ada.email(), ada.password()).expect(200);
}
