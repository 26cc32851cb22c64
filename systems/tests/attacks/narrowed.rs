//! Rows of a table that tells roles apart, asked for by narrowed credentials: whatever narrows
//! one never shows it more than the whole of it sees. And what everybody is given opens nothing
//! in tenants that one is no member of.

use doorward_testkit::{App, Setup, secret_of, sign_in_to, site};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const REALM: &str = r#"
[realm.acme]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth", "data"]
exchange = { path = "/exchange", token_field = "access_token", scope_field = "scope", answer_field = "jwt" }
role_header = "X-Role"
roles = { guest = ["read", "write"], viewer = ["read"], keeper = ["keys:make", "read"] }
users = { default_roles = ["guest", "viewer", "keeper"], default_role = "guest" }

[realm.acme.tokens]
revocation = "immediate"
default_scopes = "all"
claims = { scope = "{scope}", roles = "{roles}", org = "{tenant}" }

[realm.acme.api_tokens.access]
kinds = ["personal", "service"]
prefix = "acme-"
presentations = ["exchange", "bearer"]

[realm.acme.api_tokens.key]
kinds = ["key"]
prefix = "key-"
presentations = ["exchange", "bearer"]
create_permission = "keys:make"

[realm.acme.data]
schema = ["CREATE TABLE notes (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, owner TEXT, PRIMARY KEY (tenant_id, id))"]

[[realm.acme.data.policies]]
table = "notes"
select = ["*"]
insert = ["*"]

[[realm.acme.data.policies]]
table = "notes"
role = "guest"
select = ["id"]
filter = { compare = { column = "owner", to = { claim = "sub" } } }

[[realm.acme.data.policies]]
table = "notes"
role = "viewer"
select = ["id"]
filter = { compare = { column = "owner", to = { literal = "viewer" } } }

[[realm.acme.route]]
path = "/rest/v1/**"
upstream = "builtin:data"
scopes_read = ["read"]
scopes_write = ["write"]
tenant = "required"
"#;

fn start(site: &str) -> App {
    let app = Setup::new(site, REALM).start();
    for tenant in ["acme", "globex"] {
        let _ = app
            .run(&["tenant", "create"], &["--realm", "acme", tenant])
            .success();
    }
    app
}

fn session(app: &App, email: &str, tenant: &str) -> String {
    let password = app.user(email, &["--tenant", tenant]);
    let answer = sign_in_to(app, tenant, email, &password).expect(200).json();
    app.remembered(answer["access_token"].as_str().unwrap().to_owned())
}

fn own_token(app: &App, session: &str, body: &Value) -> String {
    let made = app.request("POST", "/me/v1/tokens").bearer(session);
    app.remembered(secret_of(made.json(body).send().expect(201)))
}

fn exchanged(app: &App, token: &str, scope: &str) -> String {
    let request = app.request("POST", "/exchange");
    let body = json!({ "access_token": token, "scope": scope });
    let answer = request.json(&body).send().expect(200).json();
    app.remembered(answer["jwt"].as_str().unwrap().to_owned())
}

/// The ids of the notes that a credential sees.
fn seen(app: &App, bearer: &str, role: Option<&str>) -> BTreeSet<i64> {
    let mut request = app
        .request("GET", "/rest/v1/notes?select=id")
        .bearer(bearer);
    if let Some(role) = role {
        request = request.header("X-Role", role);
    }
    let answer = request.send();
    // A table that is closed is not there.
    if answer.status != 200 {
        return BTreeSet::new();
    }
    let rows = answer.json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

#[test]
fn hd_21_whatever_is_narrowed_sees_no_more_rows() {
    let app = start(site!());
    let key = app.token(
        "key",
        "tenant:acme",
        &["--scope", "read", "--scope", "write"],
    );
    let guest = session(&app, "guest@example.com", "acme");
    let me = app.request("GET", "/me/v1").bearer(&guest).send();
    let id = me.expect(200).json()["subject"]["id"].clone();
    for (note, owner) in [(1, id), (2, json!("boss")), (3, json!("viewer"))] {
        let request = app.request("POST", "/rest/v1/notes").bearer(&key);
        let note = json!({ "id": note, "owner": owner });
        request.json(&note).send().expect(201);
    }
    // Who has no role at all is under the policy for those.
    assert_eq!(seen(&app, &key, None), BTreeSet::from([1, 2, 3]));
    let whole = own_token(&app, &guest, &json!({}));
    let own = BTreeSet::from([1]);
    for bearer in [
        &guest,
        &whole,
        &exchanged(&app, &whole, "read write keys:make"),
    ] {
        assert_eq!(seen(&app, bearer, None), own);
    }
    let narrow = own_token(&app, &guest, &json!({ "scopes": ["read"] }));
    for bearer in [
        &narrow,
        &exchanged(&app, &narrow, "read"),
        &exchanged(&app, &whole, "read"),
    ] {
        assert_eq!(seen(&app, bearer, None), own);
        // A role that is left is selected as by the whole of it.
        assert_eq!(seen(&app, bearer, Some("viewer")), BTreeSet::from([3]));
        assert!(seen(&app, bearer, Some("guest")).is_empty());
    }
    let nothing = exchanged(&app, &whole, "keys:make");
    assert!(seen(&app, &nothing, None).is_empty());
}

#[test]
fn what_everybody_is_given_opens_no_other_tenant() {
    let app = start(site!());
    let theirs = app.token("key", "tenant:globex", &["--scope", "read"]);
    let member = session(&app, "member@example.com", "acme");
    let key = |tenant: &str| {
        let body = json!({
            "kind": "key", "owner": format!("tenant:{tenant}"), "tenant": tenant, "scopes": ["read"],
        });
        let request = app.request("POST", "/admin/v1/tokens").bearer(&member);
        request.json(&body).send()
    };
    assert_eq!(key("globex").status, 404);
    let _ = app.remembered(secret_of(key("acme").expect(201)));
    let id = app.tokens("tenant:globex")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = app.request("DELETE", &format!("/admin/v1/tokens/{id}"));
    assert_eq!(request.bearer(&member).send().status, 404);
    let lives = app.request("GET", "/rest/v1/notes").bearer(&theirs).send();
    lives.expect(200);
}

/// Whoever was brought into a tenant goes by himself, and a token of his does not.
#[test]
fn a_member_leaves_by_himself() {
    let app = start(site!());
    let member = session(&app, "member@example.com", "acme");
    let token = own_token(&app, &member, &json!({}));
    let leave = |bearer: &str, tenant: &str| {
        let request = app.request("DELETE", &format!("/me/v1/memberships/{tenant}"));
        request.bearer(bearer).send().status
    };
    assert_eq!(leave(&token, "acme"), 401);
    assert_eq!(leave(&exchanged(&app, &token, "read"), "acme"), 403);
    assert_eq!(leave(&member, "globex"), 404);
    assert_eq!(leave(&member, "acme"), 204);
    for bearer in [&member, &token] {
        let after = app.request("GET", "/rest/v1/notes").bearer(bearer).send();
        assert_eq!(after.status, 401);
    }
}
