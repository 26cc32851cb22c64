//! HeliosDB Nano's guide against the running binary. Each test is named after the row of
//! the requirements list it holds the binary to (`hd_02`: row HD-02); the clients are curl,
//! bash, Python's `requests`, `fetch` and supabase-js.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod furnished;
mod key;
mod query;
mod schema;
mod session;
mod tenant;

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
