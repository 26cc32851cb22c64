//! The tables by REST, as supabase-js asks for them: rows 01, 21, 23, 34 and 36 once more,
//! by a client that nobody here wrote. What is expected stands in `rest.js`.

use crate::furnished::{ACME, Furnished};
use crate::heliosdb;
use doorward_testkit::{Engine, engine, script, site};
use serde_json::json;

const SCRIPT: &str = include_str!("rest.js");

/// With columns of every kind that a filter is about.
const NOTES: &str = "CREATE TABLE notes (
    tenant_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT,
    stars INTEGER,
    price NUMERIC,
    done BOOLEAN NOT NULL DEFAULT FALSE,
    data JSONB,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, title)
)";

/// Functions, where the engine has some. The last one is not listed.
const FUNCTIONS: &str = "
    CREATE FUNCTION add_them(a INTEGER, b INTEGER DEFAULT 5) RETURNS INTEGER LANGUAGE sql
        IMMUTABLE AS 'SELECT a + b';
    CREATE FUNCTION orders_of(buyer INTEGER) RETURNS SETOF orders LANGUAGE sql
        STABLE AS 'SELECT * FROM orders WHERE user_id = buyer';
    CREATE FUNCTION rename_user(which INTEGER, wanted TEXT) RETURNS void LANGUAGE sql
        VOLATILE AS 'UPDATE users SET name = wanted WHERE id = which';
    CREATE FUNCTION unlisted() RETURNS INTEGER LANGUAGE sql IMMUTABLE AS 'SELECT 1';
";

const LISTED: &str = r#"
    [[functions]]
    name = "add_them"
    arguments = { a = "integer", b = "integer" }
    [[functions]]
    name = "orders_of"
    arguments = { buyer = "integer" }
    [[functions]]
    name = "rename_user"
    arguments = { which = "integer", wanted = "text" }
    volatile = true
"#;

#[test]
fn supabase_js_reads_and_writes_rows_of_its_own_tenant() {
    let has_functions = engine() == Engine::Postgres;
    let mut listed: toml::Table = LISTED.parse().unwrap();
    let listed = listed.remove("functions").unwrap();
    let setup = heliosdb(site!()).set("realm.heliosdb.data.functions", listed);
    let world = Furnished::of(setup);
    let steps = [Some(NOTES), has_functions.then_some(FUNCTIONS)];
    for ddl in steps.into_iter().flatten() {
        let change = world.app.request("POST", "/api/v1/schema");
        let change = change.bearer(&world.admin).json(&json!({ "ddl": ddl }));
        change.send().expect(200);
    }
    let callers = json!({
        "base": world.app.url(""),
        "acme": world.acme,
        "globex": world.globex,
        "reader": world.key(ACME, &["read"]),
        "functions": has_functions,
    });
    let calls = script::node(&format!("const world = {callers};\n{SCRIPT}"));
    let calls: u32 = calls.success().line().parse().unwrap();
    assert!(calls >= 120, "{calls}");
}
