//! What is particular to this engine: servers that refuse, collide, stop answering or
//! go away, and several nodes over one database.
//!
//! The server is the one that `DOORWARD_TEST_POSTGRES` names; `cargo xtask test` starts
//! one, and so does `cargo xtask services`. Each test makes a database of its own in it.

mod erasure;
mod follow;
mod open;
mod plans;
mod rows;
mod run;

use super::*;
use crate::conformance::conformance;
use crate::use_case::use_cases;
use doorward_base::Secret;
use doorward_identity::port::StoreHandle;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls};

conformance!(crate::postgres::tests::fresh);
use_cases!(crate::postgres::tests::fresh);

/// The server of the tests, as its superuser.
#[expect(clippy::disallowed_methods, reason = "the tests' shell")]
fn server() -> Config {
    let url = std::env::var("DOORWARD_TEST_POSTGRES").expect(
        "DOORWARD_TEST_POSTGRES names no server: run `cargo xtask test`, or `cargo xtask services` and set what it prints",
    );
    Config::from_str(&url).unwrap()
}

/// Speaks to a database as the superuser.
async fn admin(database: &str) -> Client {
    let mut config = server();
    config.dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An empty database.
async fn database() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("store_{}_{number}", std::process::id());
    let client = admin("postgres").await;
    client
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    name
}

/// The way to a database as a role; the superuser if none is named.
fn settings_as(database: &str, role: Option<&str>) -> PostgresSettings {
    let config = server();
    let host = match config.get_hosts() {
        [tokio_postgres::config::Host::Tcp(host), ..] => host.clone(),
        other => panic!("the server is reached by TCP, not {other:?}"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let user = role.or(config.get_user()).unwrap_or("postgres");
    PostgresSettings {
        url: Secret::new(format!("postgres://{user}@{host}:{port}/{database}")),
        pool_size: 8,
        pool_wait: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(10),
        root_cert: None,
    }
}

fn settings(database: &str) -> PostgresSettings {
    settings_as(database, None)
}

async fn open(database: &str) -> StoreHandle {
    let store = PostgresStore::open(&settings(database)).await.unwrap();
    StoreHandle::new(Arc::new(store))
}

/// A fresh store, and the name of its database.
async fn fresh() -> (StoreHandle, String) {
    let database = database().await;
    (open(&database).await, database)
}

/// Ends connections of the store from the server's side.
async fn cut(admin: &Client, application: &str) -> u64 {
    admin
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = $1",
            &[&application],
        )
        .await
        .unwrap()
}
