//! What `[realm.NAME.data]` and the routes that lead to it may say.

use super::{check, read};
use crate::config::*;
use doorward_rows::settings::RowStore;

const REALM: &str = "[realm.m]\ndialects = [\"data\"]\n";
const ROUTE: &str = "[[realm.m.route]]\npath = \"/api/v1/query\"\nupstream = \"builtin:data\"\nscopes = [\"read\"]\n";

fn store(text: &str) -> RowStore {
    let loaded = read(text).unwrap();
    let data = loaded.settings.realms[0].data.as_ref();
    data.unwrap().store.clone()
}

#[test]
fn rows_are_beside_the_file_unless_it_says_where() {
    let folder = |text: &str| match store(&format!("{REALM}{text}\n{ROUTE}")) {
        RowStore::Sqlite(folder) => folder,
        RowStore::Postgres(store) => panic!("{}", store.place),
    };
    assert_eq!(folder(""), Path::new("rows/m"));
    assert_eq!(
        folder("data.database = \"sqlite:./data/m/\""),
        Path::new("data/m")
    );
}

#[test]
fn a_postgres_with_rows_has_its_own_settings() {
    let text = format!(
        "{REALM}data = {{ database = \"postgres://me@db.example/rows\", postgres = {{ pool_size = 4 }} }}\n{ROUTE}"
    );
    match store(&text) {
        RowStore::Postgres(store) => {
            assert_eq!(store.place, "db.example:5432/rows");
            assert_eq!((store.pool_size, store.own_database), (4, false));
        }
        RowStore::Sqlite(folder) => panic!("{}", folder.display()),
    }
    check(
        &format!("{REALM}data.database = \"postgres://me:hunter2@db.example/rows\"\n{ROUTE}"),
        &["d.toml:3: realm.m.data.database: the address holds a password; keep it out of here…"],
    );
}

#[test]
fn the_section_the_dialect_and_the_routes_belong_together() {
    check(
        "[realm.m.data]",
        &["d.toml:1: realm.m.data: data belongs to the dialect \"data\"; add it to dialects"],
    );
    check(
        ROUTE,
        &[
            "d.toml:3: realm.m.route[0].upstream: \"builtin:data\" needs the dialect \"data\"; add it to dialects",
        ],
    );
    check(
        REALM,
        &["d.toml:2: realm.m.dialects: no route leads to the data API; add for example…"],
    );
    check(
        &format!(
            "{REALM}{ROUTE}[[realm.m.route]]\npath = \"/rest/**\"\nupstream = \"builtin:data\""
        ),
        &[
            "d.toml:8: realm.m.route[1].path: builtin:data answers at /api/v1/query, /api/v1/schema and below /rest/v1; \"/rest/**\" is none of these…",
        ],
    );
}

#[test]
fn what_is_wrong_with_the_section_is_told_by_its_line() {
    check(
        &format!(
            "{REALM}{ROUTE}[realm.m.data]\nmax_rows = 0\ntimeout = \"11m\"\nrest_path = \"/rest/{{v}}\"\ntenant_column = \"Tenant\"\nread_scope = \"\""
        ),
        &[
            "d.toml:8: realm.m.data.max_rows: must be from 1 to 1000000",
            "d.toml:9: realm.m.data.timeout: must be longer than zero and at most \"10m\"",
            "d.toml:10: realm.m.data.rest_path: \"/rest/{v}\" is not a plain path such as \"/api/v1/query\"",
            "d.toml:11: realm.m.data.tenant_column: \"Tenant\" is not a column's name of small letters, digits and _",
            "d.toml:12: realm.m.data.read_scope: …",
        ],
    );
    check(
        &format!("{REALM}data.timeout = 10\n{ROUTE}"),
        &["d.toml:3: realm.m.data.timeout: a plain number has no unit; write \"10s\"…"],
    );
    check(
        &format!("{REALM}data.querypath = \"/q\"\n{ROUTE}"),
        &[
            "d.toml:3: realm.m.data.querypath: unknown key \"querypath\"; did you mean \"query_path\"…",
        ],
    );
}

#[test]
fn rows_share_no_place_with_other_rows_or_the_store() {
    let two = |one: &str, other: &str| {
        let realm = |name: &str, database: &str| {
            format!(
                "[realm.{name}]\nhosts = [\"{name}\"]\ndialects = [\"data\"]\ndata.database = \"{database}\"\n{}",
                ROUTE.replace("realm.m", &format!("realm.{name}"))
            )
        };
        format!("{}{}", realm("a", one), realm("b", other))
    };
    assert!(read(&two("sqlite:rows/a", "sqlite:rows/b")).is_ok());
    for (one, other) in [("rows", "./rows/"), ("rows", "rows/b"), ("rows/a", "rows")] {
        check(
            &two(&format!("sqlite:{one}"), &format!("sqlite:{other}")),
            &["d.toml:12: realm.b.data.database: …"],
        );
    }
    check(
        &format!(
            "[server]\ndatabase = \"postgres://me@db.example/x\"\n{REALM}data.database = \"postgres://other@db.example/x\"\n{ROUTE}"
        ),
        &["d.toml:5: realm.m.data.database: is where [server] database is; rows belong…"],
    );
}

#[test]
fn a_route_to_the_rows_takes_nothing_that_an_upstream_is_for() {
    for (keys, problem) in [
        ("authorization = \"pass\"", "takes no foreign Authorization"),
        ("strip_prefix = \"/api\"", "belongs to an upstream"),
        ("preserve_host = true", "belongs to an upstream"),
    ] {
        let text = format!("{REALM}{ROUTE}{keys}");
        let loaded = read(&text);
        let problems = match loaded {
            Err(problems) => problems,
            Ok(loaded) => policies(&loaded, &mut |realm| {
                crate::mounts::place(
                    realm,
                    doorward_surface::RealmParts::default(),
                    &crate::mounts::Targets::absent(),
                )
            })
            .unwrap_err(),
        };
        assert_eq!(problems.len(), 1, "{keys}");
        assert!(problems[0].to_string().contains(problem), "{}", problems[0]);
    }
}

#[test]
fn a_row_policy_says_which_rows() {
    let policies = |filter: &str| {
        format!(
            "{REALM}{ROUTE}[[realm.m.data.policies]]\ntable = \"notes\"\nrole = \"clerk\"\nselect = [\"*\"]\nfilter = {filter}"
        )
    };
    for filter in [
        "{ null = \"closed_at\" }",
        "{ compare = { column = \"owner\", to = { claim = \"sub\" } } }",
        "{ any = [{ compare = { column = \"n\", is = \"gte\", to = { literal = 3 } } }, { not = { null = \"n\" } }] }",
    ] {
        let loaded = read(&policies(filter)).unwrap();
        let data = loaded.settings.realms[0].data.as_ref().unwrap();
        assert!(
            data.settings.governed.iter().any(|table| table == "notes"),
            "{filter}"
        );
    }
    // Two conditions in one place, and one that is none.
    for filter in ["{ null = \"a\", all = [] }", "{ equals = \"a\" }", "3"] {
        assert!(read(&policies(filter)).is_err(), "{filter}");
    }
}
