//! The oracle on shared tables under row-level security: two databases. The server is the one
//! that `DOORWARD_TEST_POSTGRES` names.

use super::*;
use crate::postgres::{PostgresRows, PostgresRowsSettings};
use doorward_base::{RealmName, Secret};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls};

/// Two databases, and the superuser in each.
pub(super) struct Databases {
    pub(super) world: World,
    pub(super) rows: [Arc<PostgresRows>; 2],
    pub(super) admins: [Client; 2],
}

#[expect(clippy::disallowed_methods, reason = "the tests' shell")]
fn server() -> Config {
    let url = std::env::var("DOORWARD_TEST_POSTGRES").expect(
        "DOORWARD_TEST_POSTGRES names no server: run `cargo xtask test`, or `cargo xtask services` and set what it prints",
    );
    Config::from_str(&url).unwrap()
}

async fn superuser(database: &str) -> Client {
    let mut config = server();
    config.dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An empty database, its owner's address, and the superuser in it.
pub(crate) async fn database() -> (String, Client) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("oracle_{}_{number}", std::process::id());
    let postgres = superuser("postgres").await;
    for sql in [
        format!("CREATE ROLE owner_{name} LOGIN CREATEROLE PASSWORD 'owner'"),
        format!("CREATE DATABASE {name} OWNER owner_{name}"),
        // A commit need not outlive a loss of power here, and compiling a plan costs more than
        // running it over so few rows.
        format!("ALTER DATABASE {name} SET synchronous_commit = off"),
        format!("ALTER DATABASE {name} SET jit = off"),
    ] {
        postgres.batch_execute(&sql).await.unwrap();
    }
    let admin = superuser(&name).await;
    let own = format!("ALTER SCHEMA public OWNER TO owner_{name}");
    admin.batch_execute(&own).await.unwrap();
    let config = server();
    let host = match config.get_hosts() {
        [tokio_postgres::config::Host::Tcp(host), ..] => host.clone(),
        other => panic!("the server is reached by TCP, not {other:?}"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let url = format!("postgres://owner_{name}:owner@{host}:{port}/{name}");
    (url, admin)
}

async fn open(url: String) -> Arc<PostgresRows> {
    let settings = PostgresRowsSettings {
        url: Secret::new(url),
        root_cert: None,
        realm: RealmName::new("main").unwrap(),
        schema: "public".to_owned(),
        tenant_column: "tenant_id".to_owned(),
        pool_size: 1,
        pool_wait: Duration::from_secs(30),
        own_database: true,
        other_roles: Vec::new(),
    };
    Arc::new(PostgresRows::open(settings, &[7; 32]).await.unwrap())
}

/// Doorward's rows in a database, with the tables that the oracle knows and no rows.
pub(crate) async fn sample(url: &str) -> Arc<PostgresRows> {
    let rows = open(url.to_owned()).await;
    rows.amend(SCHEMA).await.unwrap();
    rows
}

pub(super) async fn databases() -> Databases {
    let ((left_url, left), (right_url, right)) = (database().await, database().await);
    let rows = [open(left_url).await, open(right_url).await];
    let sides = rows
        .each_ref()
        .map(|rows| Arc::clone(rows) as Arc<dyn Engine>);
    let world = World::fill(sides).await;
    let admins = [left, right];
    for admin in &admins {
        for table in TABLES {
            // Statistics that come and go by the clock would change plans meanwhile.
            let still = format!("ALTER TABLE {table} SET (autovacuum_enabled = false)");
            admin.batch_execute(&still).await.unwrap();
        }
    }
    Databases {
        world,
        rows,
        admins,
    }
}

async fn explored(seed: u64, count: usize) {
    let databases = databases().await;
    let figures = databases
        .world
        .explore(seed, count, Check::On)
        .await
        .unwrap();
    println!("{figures:?}");
    figures.assert_worth(Check::On);
}

/// HD-21, HD-36: nothing that is answered depends on another tenant's rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_statements_tell_nothing_of_another_tenant() {
    explored(1, 10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_others_tell_nothing_either() {
    explored(2, 10_000).await;
}

/// What checks a caller's text fell: policies and the context's MAC stand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_alone_keeps_tenants_apart() {
    let mut databases = databases().await;
    databases.world.ground.reach = Reach::Identity;
    let figures = databases.world.explore(3, 3_000, Check::Off).await.unwrap();
    assert_eq!(figures.accepted, figures.asked);
    assert!(figures.answered * 100 >= figures.asked * 60, "{figures:?}");
}

/// `cargo xtask soak rows`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is asked to: cargo xtask soak rows"]
async fn soak_postgres() {
    let databases = databases().await;
    soak("postgres", &databases.world).await;
}
