//! Tenants' files and the limit of descriptors.

use crate::furnished::{Furnished, rows};
use crate::heliosdb;
use doorward_testkit::{Engine, engine, site};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;

/// A quarter of 512 descriptors is for the realm's rows: twelve files.
#[test]
fn few_descriptors_are_few_open_files_and_every_tenant_is_served() {
    if engine() == Engine::Postgres {
        return;
    }
    let limited = heliosdb(site!()).under(&["prlimit", "--nofile=512:512"]);
    let world = Furnished::of(limited);
    let names: Vec<String> = (0..20).map(|at| format!("tenant-{at}")).collect();
    for name in &names {
        let made = world
            .app
            .run(&["tenant", "create"], &["--realm", "heliosdb", name]);
        let _ = made.success();
    }
    for _ in 0..2 {
        for name in &names {
            let answer = world.query_in(name, &world.admin, "SELECT count(*) FROM orders");
            assert_eq!(rows(&answer), [json!([0])], "{name}");
        }
    }
    let open = fs::read_dir(format!("/proc/{}/fd", world.app.server().pid())).unwrap();
    let open: Vec<_> = open
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|file| file.components().any(|part| part.as_os_str() == "tenants"))
        .collect();
    let databases = open
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "db"));
    let files: BTreeSet<_> = databases.collect();
    assert_eq!(files.len(), 12, "{open:?}");
    assert!(open.len() <= 12 * 7, "{open:?}");
}
