//! Answers that their client asks for and does not read.

use crate::furnished::{Furnished, QUERY, rows};
use crate::heliosdb;
use doorward_testkit::wait::{PATIENCE, until};
use doorward_testkit::{Engine, engine, raw, site};
use serde_json::json;
use std::io::Write as _;

/// Seven megabytes, more than sockets keep.
fn long() -> &'static str {
    match engine() {
        Engine::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8) \
             SELECT printf('%0900000d', i) FROM n"
        }
        Engine::Postgres => "SELECT repeat('x', 60000) FROM generate_series(1, 120)",
    }
}

/// Ten such answers are beyond what a tenant may leave unread; the connections that take
/// nothing are given up, and that gives the memory back.
#[test]
fn a_tenant_that_reads_nothing_is_told_to_and_others_are_served() {
    let world = Furnished::of(heliosdb(site!()).set("server.answer_idle", "15s"));
    let body = json!({ "sql": long() }).to_string();
    let request = format!(
        "POST {QUERY} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n{body}",
        host = world.app.addr(),
        token = world.acme,
        length = body.len(),
    );
    let asking: Vec<_> = (0..10)
        .map(|_| {
            let mut stream = raw::connect(world.app.addr());
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let one = "SELECT 1";
    let refused = until("a refusal", PATIENCE, || {
        Some(world.query(&world.acme, long())).filter(|answer| answer.status == 429)
    });
    assert_eq!(refused.code(), "rate_limited");
    assert!(
        refused.text().contains("nobody has read"),
        "{}",
        refused.text()
    );
    // What its connection takes at once goes on, and whatever others ask for.
    assert_eq!(rows(&world.query(&world.acme, one)), [json!([1])]);
    let _ = world.query(&world.globex, long()).expect(200);
    until("the connections to be given up", PATIENCE, || {
        Some(world.query(&world.acme, long())).filter(|answer| answer.status == 200)
    });
    drop(asking);
}
