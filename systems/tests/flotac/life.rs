//! The life of a company's keys: rows 19, 26, 36 and 49, and that none manages another.

use crate::furnished::{ACME, CUSTOMERS, GLOBEX, customers, flotac, furnish, key};
use doorward_testkit::{App, Engine, Person, Setup, engine, site};
use serde_json::{Value, json};
use std::time::Duration;

/// What a listing says of a company's keys, the newest last.
fn listed(app: &App, company: &str) -> Vec<Value> {
    let mut keys = app.tokens(&format!("tenant:{company}"));
    keys.sort_by_key(|key| key["created_at"].as_str().unwrap().to_owned());
    keys
}

fn id(listed: &Value) -> String {
    listed["id"].as_str().unwrap().to_owned()
}

fn run(app: &App, words: &[&str], arguments: &[&str]) -> Value {
    let arguments = [&["--realm", "flotac", "--json"], arguments].concat();
    app.run(words, &arguments).success().json()
}

/// Regenerates a key and returns the new secret.
fn regenerated(app: &App, id: &str, overlap: &[&str]) -> String {
    let arguments = [&["--realm", "flotac", "--quiet"], overlap, &[id]].concat();
    let made = app.run_secret(&["token", "regenerate"], &arguments, "");
    app.remembered(made.success().line())
}

#[test]
fn fl_19_the_company_of_a_key_is_the_stores_word() {
    let app = flotac(site!()).start();
    furnish(&app);
    for company in [ACME, GLOBEX] {
        let key = key(&app, company, &["customers:read"]);
        let keys = listed(&app, company);
        let [listed] = keys.as_slice() else {
            panic!("one key");
        };
        assert_eq!(listed["tenant"], company);
        for header in ["X-Company-Id", "X-Doorward-Tenant", "X-Tenant-Id"] {
            let asked = customers(&app, &key).header(header, "initech").send();
            let rows = asked.expect(200).json()["data"].clone();
            let mut rows = rows.as_array().unwrap().iter();
            assert!(rows.all(|row| row["company_id"] == company), "{header}");
        }
    }
}

/// With FL-48: a year's key says when it ends, and its successor when the next year does.
#[test]
fn fl_26_a_key_is_replaced_each_year() {
    let app = flotac(site!())
        .set("realm.flotac.api_tokens.key.regenerate_keeps_expiry", false)
        .with_clock()
        .start();
    furnish(&app);
    let further = [
        "--environment",
        "live",
        "--scope",
        "customers:read",
        "--name",
        "billing",
        "--expires",
        "365d",
    ];
    let old = app.token("key", &format!("tenant:{ACME}"), &further);
    let first = listed(&app, ACME).remove(0);
    for member in ["created_at", "expires_at"] {
        assert!(first[member].is_string(), "{first}");
    }
    app.pass(Duration::from_secs(360 * 86_400));
    let new = regenerated(&app, &id(&first), &["--expires", "365d"]);
    app.until_status(&customers(&app, &new), 200);
    app.until_status(&customers(&app, &old), 200);
    app.pass(Duration::from_secs(370 * 86_400));
    app.until_status(&customers(&app, &old), 401);
    customers(&app, &new).send().expect(200);
    let keys = listed(&app, ACME);
    assert_eq!(keys[1]["name"], "billing");
    assert_eq!(keys[1]["replaces"], keys[0]["id"]);
    assert!(keys[1]["expires_at"].as_str() > keys[0]["expires_at"].as_str());
}

#[test]
fn fl_36_a_key_is_kept_as_a_digest_may_expire_and_is_revoked_for_good() {
    let app = flotac(site!()).start();
    furnish(&app);
    let secret = key(&app, ACME, &["customers:read"]);
    customers(&app, &secret).send().expect(200);
    let keys = listed(&app, ACME);
    let [listed_key] = keys.as_slice() else {
        panic!("one key");
    };
    assert_eq!(listed_key["state"], "active");
    let digits = secret.rsplit('_').next().unwrap();
    assert!(!listed_key.to_string().contains(&digits[..16]));
    if engine() == Engine::Sqlite {
        // The log too, where what was committed last is.
        let store = app.store_path();
        for suffix in ["", "-wal"] {
            let mut name = store.clone().into_os_string();
            name.push(suffix);
            let bytes = std::fs::read(name).unwrap_or_default();
            let mut windows = bytes.windows(16);
            assert!(!windows.any(|part| part == &digits.as_bytes()[..16]));
        }
    }
    app.revoke(&secret);
    app.until_status(&customers(&app, &secret), 401);
    assert_eq!(listed(&app, ACME)[0]["state"], "revoked");
    let again = id(&listed(&app, ACME)[0]);
    let arguments = ["--realm", "flotac", again.as_str()];
    let refused = app.run(&["token", "regenerate"], &arguments).exit(1);
    assert!(
        refused.stderr.contains("revoked or expired"),
        "{}",
        refused.stderr
    );
    customers(&app, &secret).send().expect(401);
}

#[test]
fn fl_36_a_key_manages_neither_itself_nor_its_siblings() {
    let app = flotac(site!()).start();
    furnish(&app);
    let powerful = [
        "customers:read",
        "platform.users.service-accounts.access-tokens.edit",
    ];
    let own = key(&app, ACME, &powerful);
    let _sibling = key(&app, ACME, &["customers:read"]);
    let ids: Vec<String> = listed(&app, ACME).iter().map(id).collect();
    let new = json!({"kind": "key", "owner": "tenant:acme", "environment": "live"});
    for (method, path) in [
        ("GET", "/admin/v1/tokens".to_owned()),
        ("POST", "/admin/v1/tokens".to_owned()),
        ("GET", "/me/v1/tokens".to_owned()),
        ("DELETE", format!("/admin/v1/tokens/{}", ids[1])),
        ("POST", format!("/admin/v1/tokens/{}/regenerate", ids[1])),
        ("POST", format!("/admin/v1/tokens/{}/end-overlap", ids[1])),
        ("POST", format!("/admin/v1/tokens/{}/hand-over", ids[1])),
    ] {
        let request = app.request(method, &path).bearer(&own);
        let request = if path == "/admin/v1/tokens" && method == "POST" {
            request.json(&new)
        } else {
            request
        };
        let refused = request.send();
        assert!(
            matches!(refused.status, 401 | 403),
            "{method} {path}: {}",
            refused.status
        );
    }
    let states: Vec<Value> = listed(&app, ACME)
        .iter()
        .map(|key| key["state"].clone())
        .collect();
    assert_eq!(states, [json!("active"), json!("active")]);
}

/// Two live secrets, and the proof that the old one is not used any more.
#[test]
fn fl_49_the_listing_tells_when_and_from_where_the_old_secret_was_last_used() {
    let mut app = flotac(site!()).start();
    furnish(&app);
    let old = key(&app, ACME, &["customers:read"]);
    let first = id(&listed(&app, ACME)[0]);
    let longer = ["--realm", "flotac", "--overlap", "8d", first.as_str()];
    let refused = app.run(&["token", "regenerate"], &longer).exit(1);
    assert!(refused.stderr.contains("grace"), "{}", refused.stderr);
    let new = regenerated(&app, &first, &["--overlap", "1d"]);
    for secret in [&old, &new] {
        app.until_status(&customers(&app, secret), 200);
    }
    // What was used is written when the server stops, or within half a minute.
    app.start();
    let keys = listed(&app, ACME);
    let [was, is] = keys.as_slice() else {
        panic!("{keys:?}");
    };
    assert_eq!(
        (&was["state"], &is["state"]),
        (&json!("retiring"), &json!("active"))
    );
    assert_eq!(is["replaces"], json!(first));
    for key in [was, is] {
        assert_eq!(key["last_used_from"], "127.0.0.1");
        assert!(key["last_used_at"].is_string());
    }
    assert!(was["retires_at"].as_str() > was["last_used_at"].as_str());
    let table = ["--realm", "flotac", "--owner", "tenant:acme"];
    let table = app.run(&["token", "list"], &table).success().stdout;
    assert!(
        table.contains("LAST USED FROM") && table.contains("127.0.0.1"),
        "{table}"
    );
    // Only the new one is used from here on: the old one's time stands still.
    customers(&app, &new).send().expect(200);
    app.start();
    let later = listed(&app, ACME);
    assert_eq!(later[0]["last_used_at"], was["last_used_at"]);
    assert!(later[1]["last_used_at"].as_str() > is["last_used_at"].as_str());
    let ended = run(&app, &["token", "end-overlap"], &[&id(is)]);
    assert_eq!(
        (&ended["id"], &ended["state"]),
        (&is["id"], &json!("active"))
    );
    app.until_status(&customers(&app, &old), 401);
    customers(&app, &new).send().expect(200);
    assert_eq!(listed(&app, ACME)[0]["state"], "revoked");
}

/// By a company's own administrator, over the admin API, at once in this process.
#[test]
fn fl_49_a_companys_administrator_rotates_and_ends_the_overlap() {
    let app = flotac(site!()).start();
    furnish(&app);
    let old = key(&app, ACME, &["customers:read"]);
    let first = id(&listed(&app, ACME)[0]);
    let boss = administrator(&app, ACME);
    let foreign = administrator(&app, GLOBEX);
    let path = |id: &str, what: &str| format!("/admin/v1/tokens/{id}/{what}");
    let session = boss.sign_in(&app);
    let post = |path: &str, body: Value| session.request("POST", path).json(&body).send();
    post(
        &path(&first, "regenerate"),
        json!({"overlap_seconds": 691_200}),
    )
    .expect(400);
    let made = post(
        &path(&first, "regenerate"),
        json!({"overlap_seconds": 3600}),
    );
    let made = made.expect(200).json();
    let new = app.remembered(made["token"].as_str().unwrap().to_owned());
    for secret in [&old, &new] {
        customers(&app, secret).send().expect(200);
    }
    let other = foreign.sign_in(&app);
    let end = path(made["id"].as_str().unwrap(), "end-overlap");
    other.request("POST", &end).send().expect(404);
    customers(&app, &old).send().expect(200);
    session.request("POST", &end).send().expect(200);
    customers(&app, &old).send().expect(401);
    customers(&app, &new).send().expect(200);
    let listed = session.request("GET", "/admin/v1/tokens").send();
    let listed = listed.expect(200).json()["items"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    // None at all, for one that leaked.
    let made = post(
        &path(made["id"].as_str().unwrap(), "regenerate"),
        json!({"overlap_seconds": 0}),
    );
    let last = app.remembered(
        made.expect(200).json()["token"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    customers(&app, &new).send().expect(401);
    customers(&app, &last).send().expect(200);
}

fn administrator(app: &App, company: &str) -> Person {
    let email = format!("boss@{company}.example");
    let boss = Person::make_in(app, company, &email, &[]);
    let place = [
        "--tenant",
        company,
        "--email",
        &email,
        "--role",
        "company_admin",
    ];
    let arguments = [&["--realm", "flotac"], &place[..]].concat();
    let _ = app.run(&["grant", "add"], &arguments).success();
    boss
}

#[test]
fn fl_49_an_overlap_ends_by_itself() {
    let app = Setup::with_clock(flotac(site!())).start();
    furnish(&app);
    let old = key(&app, ACME, &["customers:read"]);
    let new = regenerated(&app, &id(&listed(&app, ACME)[0]), &["--overlap", "12h"]);
    app.until_status(&customers(&app, &new), 200);
    app.request("GET", CUSTOMERS)
        .bearer(&old)
        .send()
        .expect(200);
    app.pass(Duration::from_secs(12 * 3600 + 60));
    app.until_status(&customers(&app, &old), 401);
    customers(&app, &new).send().expect(200);
}
