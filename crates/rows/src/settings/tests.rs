//! Settings, right and wrong, and where a path leads.

use super::*;
use std::time::Duration;

fn keys(change: impl FnOnce(&mut Data)) -> Vec<&'static str> {
    let mut data = Data::default();
    change(&mut data);
    let wrong = data.lower().err().unwrap_or_default();
    wrong.iter().map(|wrong| wrong.key).collect()
}

#[test]
fn the_defaults_hold() {
    let settings = Data::default().lower().unwrap();
    assert_eq!(settings.bounds.rows, 10_000);
    assert_eq!(settings.bounds.bytes, 8 << 20);
    assert_eq!(settings.bounds.time, Duration::from_secs(10));
    assert_eq!(settings.scopes.schema.as_str(), "admin");
}

#[test]
fn what_cannot_be_held_to_is_refused() {
    assert_eq!(keys(|data| data.max_rows = 0), ["max_rows"]);
    assert_eq!(keys(|data| data.max_bytes = Size(1)), ["max_bytes"]);
    assert_eq!(
        keys(|data| data.timeout = Span(Duration::from_secs(601))),
        ["timeout"]
    );
    assert_eq!(keys(|data| data.postgres.pool_size = 0), ["postgres"]);
    for name in ["", "public", &"x".repeat(64)] {
        let change = |data: &mut Data| data.postgres.other_roles = vec![name.to_owned()];
        assert_eq!(keys(change), ["postgres"], "{name}");
    }
    assert_eq!(
        keys(|data| data.read_scope = "two words".to_owned()),
        ["read_scope"]
    );
    for name in ["", "Tenant", "tenant id", "1st", "\"t\""] {
        let change = |data: &mut Data| data.tenant_column = name.to_owned();
        assert_eq!(keys(change), ["tenant_column"], "{name}");
    }
}

#[test]
fn functions_are_listed_once_with_names_and_types() {
    let function = |name: &str, kind: &str, scope: Option<&str>| Function {
        name: name.to_owned(),
        arguments: [("a".to_owned(), kind.to_owned())].into(),
        volatile: false,
        scope: scope.map(str::to_owned),
    };
    let list = |all: Vec<Function>| keys(|data| data.functions = all);
    assert_eq!(list(vec![function("f", "text[]", Some("s"))]), [""; 0]);
    for wrong in [
        vec![function("f", "text", None), function("f", "text", None)],
        vec![function("f", "text; x", None)],
        vec![function("f", "text", Some("two words"))],
    ] {
        assert_eq!(list(wrong), ["functions"]);
    }
    assert!(!Data::default().lower().unwrap().aggregates);
}

#[test]
fn paths_are_plain_and_apart() {
    for path in ["", "/", "rest", "/rest/", "/a//b", "/{a}", "/a/**", "/%61"] {
        let change = |data: &mut Data| data.rest_path = path.to_owned();
        assert_eq!(keys(change), ["rest_path"], "{path}");
    }
    let below = |data: &mut Data| data.rest_path = "/api/v1/query/rest".to_owned();
    assert_eq!(keys(below), ["rest_path"]);
    let around = |data: &mut Data| data.rest_path = "/api/v1".to_owned();
    assert_eq!(keys(around), ["rest_path"]);
    let beside = |data: &mut Data| data.rest_path = "/api/v1/query2".to_owned();
    assert_eq!(keys(beside), [""; 0]);
}

#[test]
fn a_step_of_the_schema_says_something_and_says_it_once() {
    let steps = |steps: &[&str]| {
        let steps = steps.iter().map(|&step| step.to_owned()).collect();
        keys(|data| data.schema = steps)
    };
    assert_eq!(
        steps(&["CREATE TABLE a (x)", "CREATE TABLE b (x)"]),
        [""; 0]
    );
    assert_eq!(steps(&["CREATE TABLE a (x)", " \n"]), ["schema"]);
    assert_eq!(steps(&["CREATE TABLE a (x)"; 2]), ["schema"]);
}

#[test]
fn a_path_leads_to_one_way_in() {
    let paths = Data::default().lower().unwrap().paths;
    for (path, way_in) in [
        ("/api/v1/query", Some(WayIn::Query)),
        ("/api/v1/query/", Some(WayIn::Query)),
        ("/api/v1/query/x", None),
        ("/api/v1/schema", Some(WayIn::Schema)),
        ("/rest/v1", Some(WayIn::Rest)),
        ("/rest/v1/orders", Some(WayIn::Rest)),
        ("/rest/v1/rpc/f", Some(WayIn::Rest)),
        ("/rest/v10", None),
        ("/", None),
    ] {
        assert_eq!(paths.way_in(path), way_in, "{path}");
    }
    assert!(paths.covers("/rest/v1/**") && paths.covers("/rest/v1/{table}"));
    assert!(!paths.covers("/rest/**") && !paths.covers("/**"));
}

#[test]
fn a_store_never_shows_its_password() {
    let store = |password: &str| {
        RowStore::Postgres(PostgresStore {
            url: Secret::new(format!("postgres://me:{password}@db/x")),
            place: "db:5432/x".to_owned(),
            root_cert: None,
            schema: "public".to_owned(),
            pool_size: 1,
            pool_wait: Duration::from_secs(1),
            other_roles: Vec::new(),
            own_database: false,
        })
    };
    let (one, other) = (store("hunter2"), store("hunter3"));
    assert_eq!(format!("{one} {one:?}").matches("hunter2").count(), 0);
    assert!(one != other && one.is_shared_with(&other));
}
