//! Policies of PostgreSQL that ask who the caller is: rows 38 and 39. They are written by
//! whoever owns the database, past Doorward, and hold for every way in.

use crate::furnished::{ACME, Furnished, QUERY, rows};
use crate::heliosdb;
use doorward_testkit::service::Database;
use doorward_testkit::{Response, postgres_url, site};
use serde_json::json;

/// An installation whose rows are in PostgreSQL, whatever the run's engine is; callers may
/// take a role.
fn world(site: &str) -> (Furnished, Database) {
    let database = Database::create(&postgres_url());
    let setup = heliosdb(site)
        .set("realm.heliosdb.data.database", database.url())
        .set("realm.heliosdb.data.postgres.own_database", true)
        .set("realm.heliosdb.role_header", "X-Role")
        .set("realm.heliosdb.tokens.claims.roles", "{roles}");
    (Furnished::of(setup), database)
}

const MEMBERS: &str = "CREATE TABLE members (
    tenant_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
)";

#[test]
fn hd_38_a_policy_on_who_belongs_to_a_tenant_does_not_ask_its_own_table() {
    let (world, database) = world(site!());
    let change = world.app.request("POST", "/api/v1/schema");
    let change = change.bearer(&world.admin);
    change.json(&json!({ "ddl": MEMBERS })).send().expect(200);
    for token in [&world.acme, &world.globex] {
        let sql = "INSERT INTO members (id, name) VALUES (1, 'Ann')";
        world.query(token, sql).expect(200);
    }
    let members = |role: Option<&str>| -> Response {
        let mut request = world.app.request("GET", "/rest/v1/members?select=name");
        if let Some(role) = role {
            request = request.header("X-Role", role);
        }
        request.bearer(&world.acme).send()
    };
    // As such policies are often written: the table's policy reads the table.
    let _ = database.query(
        "CREATE POLICY own ON members AS RESTRICTIVE USING \
         (EXISTS (SELECT FROM members m WHERE m.tenant_id = members.tenant_id))",
    );
    let recursive = members(None);
    assert_eq!(
        (recursive.status, recursive.code().as_str()),
        (500, "42P17")
    );
    let _ = database.query(
        "DROP POLICY own ON members; \
         CREATE POLICY own ON members AS RESTRICTIVE USING \
         (auth.in_tenant(tenant_id) AND auth.has_role('member'))",
    );
    let seen = members(Some("member"));
    assert_eq!(seen.expect(200).json(), json!([{"name": "Ann"}]));
    // Without the role, and without the tenant.
    assert_eq!(members(None).expect(200).json(), json!([]));
    let _ = database.query(
        "DROP POLICY own ON members; \
         CREATE POLICY own ON members AS RESTRICTIVE USING (auth.in_tenant('globex'))",
    );
    assert_eq!(members(Some("member")).expect(200).json(), json!([]));
    let theirs = world.query(&world.globex, "SELECT name FROM members");
    assert_eq!(rows(&theirs), [json!(["Ann"])]);
}

#[test]
fn hd_39_a_policy_narrows_what_a_key_may_do() {
    let (world, database) = world(site!());
    let first = world.key(ACME, &["read", "write"]);
    let kept = world.app.tokens(&format!("tenant:{ACME}"));
    let first_id = kept[0]["id"].as_str().unwrap();
    let second = world.key(ACME, &["read"]);
    let _ = database.query(&format!(
        "CREATE POLICY by_people ON orders AS RESTRICTIVE FOR DELETE \
             USING (auth.credential_kind() IS NULL); \
         CREATE POLICY by_one_key ON users AS RESTRICTIVE FOR SELECT \
             USING (auth.credential_kind() IS DISTINCT FROM 'api_token' \
                 OR auth.credential_id() = '{first_id}')"
    ));
    let by_key = |key: &str, sql: &str| {
        let request = world.app.request("POST", QUERY).header("X-API-Key", key);
        request.json(&json!({ "sql": sql })).send()
    };
    // A key deletes nothing here, whatever its scopes; a session has no credential's name.
    let deleted = by_key(&first, "DELETE FROM orders WHERE id = 2 RETURNING id");
    assert!(rows(&deleted).is_empty(), "{}", deleted.text());
    let deleted = world.query(&world.acme, "DELETE FROM orders WHERE id = 2 RETURNING id");
    assert_eq!(rows(&deleted), [json!([2])]);
    // One key sees what the other does not.
    let users = "SELECT id FROM users ORDER BY id";
    assert_eq!(rows(&by_key(&first, users)), [json!([1]), json!([2])]);
    assert!(rows(&by_key(&second, users)).is_empty());
    assert_eq!(rows(&world.query(&world.acme, users)).len(), 2);
    assert_eq!(
        rows(&by_key(&second, "SELECT id FROM orders")),
        [json!([1])]
    );
}
