//! HeliosDB Nano's guide against the running binary. Each test is named after the row of
//! the requirements list it holds the binary to (`hd_02`: row HD-02); the clients are curl,
//! bash, Python's `requests`, `fetch` and supabase-js.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod account;
mod client;
mod files;
mod furnished;
mod key;
mod policy;
mod query;
mod refusal;
mod rest;
mod schema;
mod session;
mod sign_up;
mod start;
mod stop;
mod tenant;
mod unread;
mod user;

use doorward_testkit::service::Database;
use doorward_testkit::{Engine, Setup, engine, postgres_url};

/// HeliosDB Nano as its file stands. Its rows are kept by the engine of the run.
fn heliosdb(site: &str) -> Setup {
    let setup = Setup::new(site, doorward_systems::HELIOSDB);
    match engine() {
        Engine::Sqlite => setup,
        Engine::Postgres => setup
            .set("realm.heliosdb.data.database", rows_database())
            .set("realm.heliosdb.data.postgres.own_database", true),
    }
}

/// A new database for rows.
fn rows_database() -> String {
    Database::create(&postgres_url()).url().to_owned()
}

/// The rows that describe the server (S), a client (C) or trouble (T). The others are
/// advice to people (24) and links (35).
const ROWS: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27,
    28, 29, 30, 31, 32, 33, 34, 36, 37, 38, 39,
];

const SOURCES: &[&str] = &[
    include_str!("client.rs"),
    include_str!("key.rs"),
    include_str!("policy.rs"),
    include_str!("query.rs"),
    include_str!("refusal.rs"),
    include_str!("schema.rs"),
    include_str!("session.rs"),
    include_str!("sign_up.rs"),
    include_str!("start.rs"),
    include_str!("tenant.rs"),
    include_str!("user.rs"),
];

#[test]
fn every_row_has_a_test_that_names_it() {
    let missing = doorward_systems::rows_without_a_test("hd", ROWS, SOURCES);
    assert_eq!(missing, Vec::<u8>::new(), "rows without a test");
}
