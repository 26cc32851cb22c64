//! The proof against databases that are whole and that are not. The server is the one that
//! `DOORWARD_TEST_POSTGRES` names.

use super::*;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls};

/// What an application has that was made without Doorward: its tenant is a setting.
const APPLICATION: &str = "
    CREATE TABLE people (id bigint NOT NULL, org text NOT NULL, name text NOT NULL,
        PRIMARY KEY (org, id), UNIQUE (org, name));
    CREATE TABLE orders (id bigint NOT NULL, org text NOT NULL, person bigint,
        item text NOT NULL DEFAULT '', paid boolean NOT NULL DEFAULT false,
        PRIMARY KEY (org, id), FOREIGN KEY (org, person) REFERENCES people (org, id));
    ALTER TABLE people ENABLE ROW LEVEL SECURITY; ALTER TABLE people FORCE ROW LEVEL SECURITY;
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON people USING (org = current_setting('app.org', true));
    CREATE POLICY own ON orders USING (org = current_setting('app.org', true));";

/// A database of an application's, and the superuser in it.
struct Application {
    admin: Client,
    settings: ProveSettings,
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

impl Application {
    async fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("prove_{}_{number}", std::process::id());
        let postgres = superuser("postgres").await;
        for sql in [
            format!("CREATE ROLE owner_{name} LOGIN CREATEROLE PASSWORD 'owner'"),
            format!("CREATE ROLE app_{name} LOGIN PASSWORD 'app'"),
            format!("GRANT app_{name} TO owner_{name}"),
            format!("ALTER ROLE app_{name} SET track_activities = off"),
            format!("CREATE DATABASE {name} OWNER owner_{name}"),
        ] {
            postgres.batch_execute(&sql).await.unwrap();
        }
        let admin = superuser(&name).await;
        let make = format!(
            "REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; SET ROLE owner_{name}; RESET ROLE; \
             ALTER SCHEMA public OWNER TO owner_{name}; SET ROLE owner_{name}; {APPLICATION} \
             GRANT USAGE ON SCHEMA public TO app_{name}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON people, orders TO app_{name}; RESET ROLE"
        );
        admin.batch_execute(&make).await.unwrap();
        let config = server();
        let host = match config.get_hosts() {
            [tokio_postgres::config::Host::Tcp(host), ..] => host.clone(),
            other => panic!("the server is reached by TCP, not {other:?}"),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let settings = ProveSettings {
            url: Secret::new(format!(
                "postgres://owner_{name}:owner@{host}:{port}/{name}"
            )),
            root_cert: None,
            role: Some(format!("app_{name}")),
            schema: "public".to_owned(),
            tenant_column: "org".to_owned(),
            context: Some("SELECT set_config('app.org', $1, true)".to_owned()),
            tenants: ["one".to_owned(), "two".to_owned()],
            statements: 1_000,
            seed: 1,
        };
        Self { admin, settings }
    }

    async fn codes(&self) -> Vec<String> {
        let report = prove(&self.settings).await.unwrap();
        assert!(report.rows.iter().all(|rows| *rows >= 3), "{report:?}");
        assert!(report.statements > 0);
        let mut codes: Vec<String> = report.findings.into_iter().map(|each| each.code).collect();
        codes.sort();
        codes.dedup();
        codes
    }
}

/// Its policies hold; that the tenant is a setting is what is wrong with it.
#[tokio::test]
async fn a_tenant_that_is_a_setting_is_found_and_nothing_else() {
    let application = Application::new().await;
    let found = application.codes().await;
    assert_eq!(found, ["context_replayed", "policy_on_setting"]);
}

#[tokio::test]
async fn what_is_wrong_with_an_application_is_found_by_its_statements() {
    for (hole, code) in [
        ("ALTER POLICY own ON orders USING (true)", "interference"),
        (
            "ALTER TABLE people DISABLE ROW LEVEL SECURITY",
            "nobody_reads",
        ),
        ("CREATE UNIQUE INDEX told ON people (name)", "interference"),
        (
            "ALTER POLICY own ON people WITH CHECK (true)",
            "foreign_write",
        ),
        (
            "ALTER TABLE people ALTER org SET DEFAULT current_setting('app.org', true)",
            "tenant_from_setting",
        ),
        (
            "ALTER TABLE people ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
            "sequence_shared",
        ),
    ] {
        let application = Application::new().await;
        application.admin.batch_execute(hole).await.unwrap();
        let found = application.codes().await;
        assert!(found.iter().any(|found| found == code), "{hole}: {found:?}");
    }
}

#[tokio::test]
async fn a_context_that_outlives_its_transaction_is_found() {
    let mut application = Application::new().await;
    application.settings.context = Some("SELECT set_config('app.org', $1, false)".to_owned());
    let found = application.codes().await;
    assert!(found.contains(&"context_outlives".to_owned()), "{found:?}");
}

#[tokio::test]
async fn nothing_of_a_run_stays() {
    let application = Application::new().await;
    application.codes().await;
    let left = "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM orders)";
    let left = application.admin.query_one(left, &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn what_cannot_be_tried_is_said() {
    let application = Application::new().await;
    let with = |change: fn(&mut ProveSettings)| {
        let mut settings = application.settings.clone();
        change(&mut settings);
        settings
    };
    for (settings, words) in [
        (
            with(|s| s.role = Some("nobody".to_owned())),
            "there is no role",
        ),
        (with(|s| s.role = None), "--role"),
        (with(|s| s.context = None), "not installed"),
        (with(|s| s.context = Some("SELECT 1".to_owned())), "$1"),
        (with(|s| s.schema = "none".to_owned()), "no rows"),
    ] {
        let fault = prove(&settings).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::RequestInvalid, "{fault:?}");
        assert!(fault.message.contains(words), "{words}: {fault:?}");
    }
}

/// Doorward's own database: nothing is found, by the context that only Doorward can make.
#[tokio::test]
async fn doorwards_own_rows_are_kept_apart() {
    let (url, admin) = crate::oracle::test_database().await;
    let rows = crate::oracle::test_rows(&url).await;
    let activities = format!("ALTER ROLE \"{}\" SET track_activities = off", rows.role());
    admin.batch_execute(&activities).await.unwrap();
    let settings = ProveSettings {
        url: Secret::new(url),
        root_cert: None,
        role: None,
        schema: "public".to_owned(),
        tenant_column: "tenant_id".to_owned(),
        context: None,
        tenants: ["prove-a".to_owned(), "prove-b".to_owned()],
        statements: 500,
        seed: 1,
    };
    let report = prove(&settings).await.unwrap();
    assert_eq!(report.findings, [], "{report:?}");
    assert_eq!(report.statements, 500);
    assert!(report.answered > 300, "{report:?}");
}
