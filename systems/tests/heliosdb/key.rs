//! API keys: rows 15, 16 and 36.

use crate::furnished::{ACME, Furnished, GLOBEX, QUERY, rows};
use crate::heliosdb;
use doorward_testkit::{script, site};
use serde_json::json;

#[test]
fn hd_15_a_key_in_its_header() {
    let world = Furnished::new(site!());
    let key = world.key(ACME, &["read"]);
    let header = format!("X-API-Key: {key}");
    let answer = script::curl(&["-X", "GET", &world.app.url(QUERY), "-H", &header]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let request = world.app.request("POST", QUERY).header("X-API-Key", &key);
    let body = json!({"sql": "SELECT id FROM orders ORDER BY id"});
    assert_eq!(rows(&request.json(&body).send()), [json!([1]), json!([2])]);
    world.app.revoke(&key);
    let request = world.app.request("GET", QUERY).header("X-API-Key", &key);
    world.app.until_status(&request, 401);
}

/// That the key is in no log and no trace is looked for after all tests.
#[test]
fn hd_16_a_key_in_the_query() {
    let world = Furnished::new(site!());
    let key = world.key(ACME, &["read"]);
    let answer = script::curl(&[&world.app.url(&format!("{QUERY}?apikey={key}"))]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    // It is no parameter of the query's own.
    let target = format!("{QUERY}?sql=SELECT%201&apikey={key}");
    world.app.get(&target).expect(200);
    let target = format!("/rest/v1/orders?apikey={key}&select=id");
    world.app.get(&target).expect(200);
    // Also where it is refused.
    let target = format!("{QUERY}?sql=DELETE%20FROM%20orders&apikey={key}");
    world.app.get(&target).expect(403);
    world.app.get(&format!("/nowhere?apikey={key}")).expect(404);
    let both = world.app.request("GET", &format!("{QUERY}?apikey={key}"));
    both.bearer(&world.acme).send().expect(400);
}

#[test]
fn hd_16_a_key_in_the_query_is_off_unless_a_realm_says_so() {
    let presentations = toml::Value::from(vec!["header:X-API-Key"]);
    let path = "realm.heliosdb.api_tokens.key.presentations";
    let world = Furnished::of(heliosdb(site!()).set(path, presentations));
    let key = world.key(ACME, &["read"]);
    let header = world.app.request("GET", QUERY).header("X-API-Key", &key);
    header.send().expect(200);
    world.app.get(&format!("{QUERY}?apikey={key}")).expect(401);
}

#[test]
fn hd_36_a_key_that_reads_one_tenant_neither_writes_nor_leaves_it() {
    let world = Furnished::new(site!());
    let key = world.key(ACME, &["read"]);
    let request = || world.app.request("POST", QUERY).header("X-API-Key", &key);
    let delete = json!({"sql": "DELETE FROM orders"});
    let refused = request().json(&delete).send();
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("write"), "{}", refused.text());
    let elsewhere = request().header("X-Tenant-ID", GLOBEX);
    elsewhere
        .json(&json!({"sql": "SELECT 1"}))
        .send()
        .expect(403);
    let rest = world.app.request("DELETE", "/rest/v1/orders?id=eq.1");
    rest.header("X-API-Key", &key).send().expect(403);
    assert_eq!(
        rows(&world.query(&world.acme, "SELECT * FROM orders")).len(),
        2
    );
}
