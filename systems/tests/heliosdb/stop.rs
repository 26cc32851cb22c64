//! A server that is told to stop while statements go on.

use crate::furnished::{Furnished, QUERY};
use doorward_testkit::service::Database;
use doorward_testkit::wait::{PATIENCE, until};
use doorward_testkit::{Engine, Setup, engine, postgres_url, raw, site};
use serde_json::json;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What goes on for longer than the test.
fn endless() -> &'static str {
    match engine() {
        Engine::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        }
        Engine::Postgres => {
            "SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b"
        }
    }
}

fn ask(world: &Furnished) -> TcpStream {
    let body = json!({ "sql": endless() }).to_string();
    let mut stream = raw::connect(world.app.addr());
    let request = format!(
        "POST {QUERY} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        world.app.addr(),
        world.acme,
        body.len(),
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// How many statements go on in the database. What they are is hidden, for callers' is.
fn active(rows: &Database) -> usize {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()";
    rows.query(sql).trim().parse().unwrap()
}

#[test]
fn a_server_that_is_told_to_stop_ends_in_its_time_and_so_do_statements() {
    const DRAIN: Duration = Duration::from_secs(2);
    let mut setup = Setup::new(site!(), doorward_systems::HELIOSDB)
        .set("server.drain_delay", "0s")
        .set("server.drain_timeout", "2s")
        .set("realm.heliosdb.data.timeout", "60s");
    let database = (engine() == Engine::Postgres).then(|| Database::create(&postgres_url()));
    if let Some(rows) = &database {
        setup = setup
            .set("realm.heliosdb.data.database", rows.url())
            .set("realm.heliosdb.data.postgres.own_database", true);
    }
    let mut world = Furnished::of(setup);
    let asking = [ask(&world), ask(&world)];
    match &database {
        Some(rows) => until("both statements", PATIENCE, || {
            (active(rows) == 2).then_some(())
        }),
        // They have the tenant's two turns, so that a third waits for its time in vain.
        None => until("both statements", PATIENCE, || {
            let body = json!({ "sql": "SELECT 1", "timeout_ms": 50 });
            (world.ask(&world.acme, &body).code() == "busy").then_some(())
        }),
    }
    let told = Instant::now();
    world.app.server().signal("TERM");
    let code = world.app.wait_for_exit();
    let took = told.elapsed();
    assert_eq!(code, 0);
    assert!(took < DRAIN + Duration::from_secs(3), "{took:?}");
    if let Some(rows) = &database {
        until(
            "the statements to be cancelled",
            Duration::from_secs(5),
            || (active(rows) == 0).then_some(()),
        );
    }
    drop(asking);
}
