//! The tables by REST, as supabase-js asks for them: rows 01, 21, 23, 34 and 36 once more,
//! by a client that nobody here wrote. What is expected stands in `rest.js`.

use crate::furnished::{ACME, Furnished};
use doorward_testkit::{script, site};
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

#[test]
fn supabase_js_reads_and_writes_rows_of_its_own_tenant() {
    let world = Furnished::new(site!());
    let change = world.app.request("POST", "/api/v1/schema");
    let change = change.bearer(&world.admin).json(&json!({ "ddl": NOTES }));
    change.send().expect(200);
    let callers = json!({
        "base": world.app.url(""),
        "acme": world.acme,
        "globex": world.globex,
        "reader": world.key(ACME, &["read"]),
    });
    let calls = script::node(&format!("const world = {callers};\n{SCRIPT}"));
    let calls: u32 = calls.success().line().parse().unwrap();
    assert!(calls >= 60, "{calls}");
}
