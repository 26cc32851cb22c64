//! The schema: shown by API and command line, changed by operators for all tenants.

use crate::furnished::{Furnished, rows};
use doorward_testkit::site;
use serde_json::json;

const SCHEMA: &str = "/api/v1/schema";

#[test]
fn hd_34_an_operator_changes_the_schema_of_every_tenant() {
    let world = Furnished::new(site!());
    let ddl = "CREATE TABLE notes (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, text TEXT, PRIMARY KEY (tenant_id, id))";
    let change = |token: &str| {
        let request = world.app.request("POST", SCHEMA).bearer(token);
        request.json(&json!({ "ddl": ddl })).send()
    };
    change(&world.acme).expect(403);
    let changed = change(&world.admin);
    assert_eq!(changed.expect(200).json()["data"]["version"], 2);
    // The same step again changes nothing.
    assert_eq!(
        change(&world.admin).expect(200).json()["data"]["version"],
        2
    );
    for token in [&world.acme, &world.globex] {
        let sql = "INSERT INTO notes (id, text) VALUES (1, 'x') RETURNING id";
        assert_eq!(rows(&world.query(token, sql)), [json!([1])]);
    }
    let shown = world.app.get_as(&world.acme, SCHEMA).expect(200).json();
    let tables = shown["data"]["tables"].as_array().unwrap();
    let names: Vec<&str> = tables
        .iter()
        .filter_map(|table| table["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["notes", "order_items", "orders", "products", "users"]
    );
}

#[test]
fn the_command_line_shows_and_changes_it_too() {
    let world = Furnished::new(site!());
    let realm = ["--realm", "heliosdb"];
    let show = || {
        let arguments = ["--realm", "heliosdb", "--json"];
        world.app.run(&["data", "schema", "show"], &arguments)
    };
    assert_eq!(show().success().json()["version"], 1);
    let ddl = "CREATE TABLE tags (tenant_id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tenant_id, name))";
    let words = ["data", "schema", "apply"];
    let arguments = [realm[0], realm[1], "-"];
    let _ = world.app.run_input(&words, &arguments, ddl).success();
    assert_eq!(show().success().json()["version"], 2);
    let insert = "INSERT INTO tags (name) VALUES ('new')";
    let request = world
        .app
        .request("POST", "/api/v1/query")
        .bearer(&world.acme);
    world
        .app
        .until_status(&request.json(&json!({ "sql": insert })), 200);
    let wrong = world.app.run_input(&words, &arguments, "CREATE TABEL x");
    let said = wrong.exit(1).stderr;
    assert!(said.contains("sql_invalid"), "{said}");
}
