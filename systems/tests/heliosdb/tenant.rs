//! Tenants: rows 20, 22 and 23, and the end of a tenant.

use crate::furnished::{ACME, Furnished, GLOBEX, MARK, QUERY, rows};
use crate::heliosdb;
use doorward_testkit::{Engine, Person, engine, jwt::Unverified, script, site, wait};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

#[test]
fn hd_20_a_token_carries_its_tenant() {
    let world = Furnished::new(site!());
    assert_eq!(Unverified::of(&world.acme).claims["tenant_id"], ACME);
}

#[test]
fn hd_22_an_operator_reads_the_tenant_it_names() {
    let world = Furnished::new(site!());
    let bearer = format!("Authorization: Bearer {}", world.admin);
    let header = format!("X-Tenant-ID: {GLOBEX}");
    let body = r#"{"sql": "SELECT * FROM orders"}"#;
    // As published: no Content-Type.
    let arguments = [
        "-X",
        "POST",
        &world.app.url(QUERY),
        "-H",
        &bearer,
        "-H",
        &header,
        "-d",
        body,
    ];
    let answer = script::curl(&arguments);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains(MARK), "{}", answer.body);
    let own = world.query_in(ACME, &world.admin, "SELECT id FROM orders ORDER BY id");
    assert_eq!(rows(&own), [json!([1]), json!([2])]);
    // An operator without a tenant sees nobody's.
    let nowhere = world.query(&world.admin, "SELECT * FROM orders");
    assert_eq!(nowhere.code(), "tenant_required");
}

#[test]
fn hd_23_nobody_else_names_a_foreign_tenant() {
    let world = Furnished::new(site!());
    let foreign = world.query_in(GLOBEX, &world.acme, "SELECT * FROM orders");
    assert_eq!(
        (foreign.status, foreign.code().as_str()),
        (403, "tenant_forbidden")
    );
    world
        .query_in(ACME, &world.acme, "SELECT * FROM orders")
        .expect(200);
}

#[test]
fn the_rows_of_a_deleted_tenant_are_erased() {
    let world = Furnished::new(site!());
    let arguments = ["--realm", "heliosdb", GLOBEX, "--yes"];
    let _ = world.app.run(&["tenant", "delete"], &arguments).success();
    // At once for its own people, and for operators who name it.
    let request = world.app.request("GET", QUERY).bearer(&world.globex);
    world.app.until_status(&request, 401);
    let request = world.app.request("GET", QUERY).bearer(&world.admin);
    let request = request.header("X-Tenant-ID", GLOBEX);
    world.app.until_status(&request, 403);
    // And the rows go.
    if engine() == Engine::Sqlite {
        let folder = world.app.artifacts().path("rows");
        assert!(occurs(&folder, "bob@example.com"));
        let gone = || (!occurs(&folder, MARK)).then_some(());
        wait::until("the rows are gone", Duration::from_secs(60), gone);
    }
    assert_eq!(
        rows(&world.query(&world.acme, "SELECT * FROM orders")).len(),
        2
    );
}

/// Whether a text occurs in any file below a folder.
fn occurs(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return occurs(&path, text);
        }
        // A file that went meanwhile holds nothing.
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn rows_that_cannot_be_reached_keep_nothing_else_from_its_work() {
    let nowhere = "postgres://nobody@127.0.0.1:1/rows";
    let app = heliosdb(site!())
        .set("realm.heliosdb.data.database", nowhere)
        .start();
    let arguments = ["--realm", "heliosdb", ACME];
    let _ = app.run(&["tenant", "create"], &arguments).success();
    let ann = Person::make_in(&app, ACME, "ann@example.com", &["read"]);
    let session = ann.sign_in(&app);
    session.own_tokens().expect(200);
    let refused = session.request("GET", QUERY).send();
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "store_unavailable")
    );
    assert!(refused.header("retry-after").is_some());
    assert!(
        !refused.text().contains("127.0.0.1:1"),
        "{}",
        refused.text()
    );
}
