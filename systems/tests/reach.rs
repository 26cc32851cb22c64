//! How the server reaches a PostgreSQL that is not simply there: through a pooler, over
//! TLS. In a run on SQLite there is nothing to do.
#![cfg(test)]

use doorward_systems::{HELIOSDB, WITBOOST};
use doorward_testkit::service::{Database, PgBouncer, Pooling, Postgres};
use doorward_testkit::{App, Engine, Response, Setup, engine, postgres_url, site, wait};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ROBOT: &str = "robot@example.com";
/// Far less than a start waits for a server that cannot be reached.
const AT_ONCE: Duration = Duration::from_secs(15);

fn address(url: &str) -> SocketAddr {
    let (_, rest) = url.split_once('@').unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

#[test]
fn a_pooler_in_session_mode_is_as_good_as_the_server() {
    if engine() != Engine::Postgres {
        return;
    }
    let dir = TempDir::new().unwrap();
    let pooler = PgBouncer::start(dir.path(), address(&postgres_url()), Pooling::Session);
    let app = Setup::new(site!(), WITBOOST).through(pooler.addr()).start();
    app.service_account(ROBOT, &[]);
    let token = app.token("service", ROBOT, &[]);
    let jwt = app.jwt(&token, &json!({}));
    app.get_as(&jwt, "/api/catalog/entities").expect(200);
    // The command goes past the pooler: the server hears of it through its own feed.
    app.revoke(&token);
    let began = Instant::now();
    wait::until("the token's end", wait::PATIENCE, || {
        (app.exchange(&token, &json!({})).status == 401).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_pooler_in_transaction_mode_is_refused_by_name() {
    if engine() != Engine::Postgres {
        return;
    }
    let dir = TempDir::new().unwrap();
    let pooler = PgBouncer::start(dir.path(), address(&postgres_url()), Pooling::Transaction);
    let app = Setup::new(site!(), WITBOOST)
        .through(pooler.addr())
        .prepare();
    let refused = app.refuse_to_start().exit(1);
    assert!(
        refused.stderr.contains("pool_mode = session"),
        "{}",
        refused.stderr
    );
}

/// HeliosDB Nano with its rows behind a pooler, and its own records not.
fn rows_through(site: &str, pooler: &PgBouncer) -> App {
    let server = postgres_url();
    let rows = Database::create(&server).url().to_owned();
    let (there, here) = (address(&server).to_string(), pooler.addr().to_string());
    Setup::new(site, HELIOSDB)
        .set("realm.heliosdb.data.database", rows.replace(&there, &here))
        .start()
}

fn query(app: &App, tenant: &str, sql: &str) -> Response {
    let owner = format!("tenant:{tenant}");
    let key = app.token("key", &owner, &["--scope", "read", "--scope", "write"]);
    let request = app.request("POST", "/api/v1/query");
    let request = request.header("X-API-Key", &key);
    request.json(&json!({ "sql": sql })).send()
}

fn tenants(app: &App) {
    for tenant in ["acme", "globex"] {
        let arguments = ["--realm", "heliosdb", tenant];
        let _ = app.run(&["tenant", "create"], &arguments).success();
    }
}

#[test]
fn rows_through_a_pooler_in_session_mode_stay_their_tenant_s() {
    if engine() != Engine::Postgres {
        return;
    }
    let dir = TempDir::new().unwrap();
    let pooler = PgBouncer::start(dir.path(), address(&postgres_url()), Pooling::Session);
    let app = rows_through(site!(), &pooler);
    tenants(&app);
    let insert = "INSERT INTO users (id, email) VALUES (1, 'a@example.com')";
    for tenant in ["acme", "globex"] {
        query(&app, tenant, insert).expect(200);
        let seen = query(&app, tenant, "SELECT tenant_id FROM users");
        assert_eq!(seen.expect(200).json()["data"]["rows"], json!([[tenant]]));
    }
}

#[test]
fn rows_through_a_pooler_in_transaction_mode_are_refused_by_name() {
    if engine() != Engine::Postgres {
        return;
    }
    let dir = TempDir::new().unwrap();
    let pooler = PgBouncer::start(dir.path(), address(&postgres_url()), Pooling::Transaction);
    let app = rows_through(site!(), &pooler);
    tenants(&app);
    let refused = query(&app, "acme", "SELECT 1");
    assert_eq!(refused.status, 503, "{}", refused.text());
    for words in [["rls", "lint"], ["rls", "install"]] {
        let said = app.run(&words, &["--realm", "heliosdb"]).exit(1).stderr;
        assert!(said.contains("pool_mode = session"), "{said}");
    }
}

/// What `openssl req -x509` makes by default: a certificate that calls itself an
/// authority.
struct SelfSigned {
    cert: String,
    key: String,
}

fn self_signed(dir: &Path, name: &str, made: &str) -> SelfSigned {
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let output = Command::new("faketime")
        .args([made, "openssl", "req", "-x509", "-days", "30", "-nodes"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=db", "-addext"])
        .arg(format!("subjectAltName={name}"))
        .arg("-out")
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    SelfSigned {
        cert: fs::read_to_string(cert).unwrap(),
        key: fs::read_to_string(key).unwrap(),
    }
}

fn over_tls(site: &str, postgres: &Postgres, root: &Path) -> Setup {
    let url = Database::create(&postgres.url("postgres")).url().to_owned();
    Setup::new(site, WITBOOST)
        .set(
            "server.postgres.root_cert",
            format!("file:{}", root.display()),
        )
        .database(&format!("{url}?sslmode=require"))
}

#[test]
fn a_named_certificate_is_trusted_and_every_other_fault_of_tls_is_said_at_once() {
    if engine() != Engine::Postgres {
        return;
    }
    let dir = TempDir::new().unwrap();
    let mut postgres = Postgres::start(&dir.path().join("postgres"));
    let root = dir.path().join("root.pem");
    let right = self_signed(dir.path(), "IP:127.0.0.1", "now");
    postgres.serve_tls(&right.cert, &right.key);
    fs::write(&root, &right.cert).unwrap();
    {
        let app = over_tls(&format!("{}/named", site!()), &postgres, &root).start();
        app.service_account(ROBOT, &[]);
        let token = app.token("service", ROBOT, &[]);
        app.exchange(&token, &json!({})).expect(200);
    }
    let other = self_signed(dir.path(), "IP:127.0.0.1", "now");
    let misnamed = self_signed(dir.path(), "IP:127.0.0.9", "now");
    let expired = self_signed(dir.path(), "IP:127.0.0.1", "2020-01-01");
    for (what, served, named) in [
        ("unnamed", &right, &other),
        ("misnamed", &misnamed, &misnamed),
        ("expired", &expired, &expired),
    ] {
        postgres.serve_tls(&served.cert, &served.key);
        fs::write(&root, &named.cert).unwrap();
        let app = over_tls(&format!("{}/{what}", site!()), &postgres, &root).prepare();
        let began = Instant::now();
        let refused = app.refuse_to_start().exit(1);
        assert!(
            refused.stderr.contains("TLS to PostgreSQL") && refused.stderr.contains("root_cert"),
            "{what}: {}",
            refused.stderr
        );
        assert!(began.elapsed() < AT_ONCE, "{what}");
    }
}

/// A row of 20 MB, where 8 MiB may be answered: the message is not taken, over TLS or not.
#[test]
fn rows_come_over_tls_and_what_is_too_large_does_not() {
    if engine() != Engine::Postgres {
        return;
    }
    let dir = TempDir::new().unwrap();
    let mut postgres = Postgres::start(&dir.path().join("postgres"));
    let root = dir.path().join("root.pem");
    let right = self_signed(dir.path(), "IP:127.0.0.1", "now");
    fs::write(&root, &right.cert).unwrap();
    for (name, mode, has_tls) in [
        ("preferred", "prefer", false),
        ("required", "require", true),
    ] {
        if has_tls {
            postgres.serve_tls(&right.cert, &right.key);
        }
        let rows = Database::create(&postgres.url("postgres"));
        let app = Setup::new(&format!("{}/{name}", site!()), HELIOSDB)
            .set(
                "realm.heliosdb.data.database",
                format!("{}?sslmode={mode}", rows.url()),
            )
            .set(
                "realm.heliosdb.data.postgres.root_cert",
                format!("file:{}", root.display()),
            )
            .start();
        tenants(&app);
        let large = "SELECT string_agg(repeat('x', 60000), '') FROM generate_series(1, 340)";
        assert_eq!(query(&app, "acme", large).status, 422, "{name}");
        query(&app, "acme", "SELECT 1").expect(200);
        let over = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                    WHERE usename LIKE 'doorward%' AND NOT ssl";
        assert_eq!(rows.query(over) == "0", has_tls, "{name}");
    }
}
