//! What is particular to this engine, against a real server: the one that
//! `DOORWARD_TEST_POSTGRES` names; `cargo xtask test` starts one, and so does
//! `cargo xtask services`. Each test makes a database of its own in it, whose owner is no
//! superuser.

mod amend;
mod attack;
mod bounds;
mod context;
mod ends;
mod isolation;
mod lints;
mod open;
mod value;
mod wipe;

use super::*;
use crate::caller::{Caller, RightScopes};
use crate::engine::Statement;
use crate::fault::FaultKind;
use crate::value::Value;
use doorward_base::principal::{CredentialId, Epoch, Principal, PrincipalParts, SubjectKind};
use doorward_base::{RealmName, Scope, Secret, TenantId, Timestamp};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Config, NoTls};

const SEED: [u8; 32] = [7; 32];

const BOUNDS: Bounds = Bounds {
    rows: 1000,
    bytes: 1 << 20,
    row: 0,
    time: Duration::from_secs(20),
};

/// The sample that most tests stand on, as its author writes it for either engine.
const NOTES: &str = "CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, author INTEGER REFERENCES authors (id)
        ON DELETE SET NULL, body TEXT NOT NULL, stars INTEGER NOT NULL DEFAULT 0);";

/// The server of the tests, as its superuser.
#[expect(clippy::disallowed_methods, reason = "the tests' shell")]
fn server() -> Config {
    let url = std::env::var("DOORWARD_TEST_POSTGRES").expect(
        "DOORWARD_TEST_POSTGRES names no server: run `cargo xtask test`, or `cargo xtask services` and set what it prints",
    );
    Config::from_str(&url).unwrap()
}

/// Speaks to a database as the superuser.
async fn superuser(database: &str) -> Client {
    let mut config = server();
    config.dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A database of a test's own and the rows in it.
pub(crate) struct Bed {
    pub(crate) rows: PostgresRows,
    /// The superuser, in this database.
    pub(crate) admin: Client,
    database: String,
}

/// An empty database with an owner who may make roles.
async fn database() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("rows_{}_{number}", std::process::id());
    let client = superuser("postgres").await;
    client
        .batch_execute(&format!(
            "CREATE ROLE owner_{name} LOGIN CREATEROLE PASSWORD 'owner'"
        ))
        .await
        .unwrap();
    client
        .batch_execute(&format!("CREATE DATABASE {name} OWNER owner_{name}"))
        .await
        .unwrap();
    name
}

fn settings(database: &str, user: &str) -> PostgresRowsSettings {
    let config = server();
    let host = match config.get_hosts() {
        [tokio_postgres::config::Host::Tcp(host), ..] => host.clone(),
        other => panic!("the server is reached by TCP, not {other:?}"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    PostgresRowsSettings {
        url: Secret::new(format!("postgres://{user}:owner@{host}:{port}/{database}")),
        root_cert: None,
        realm: RealmName::new("main").unwrap(),
        schema: "public".to_owned(),
        tenant_column: "tenant_id".to_owned(),
        pool_size: 2,
        pool_wait: Duration::from_secs(5),
        other_roles: Vec::new(),
        own_database: true,
    }
}

/// An empty one, to which a realm is given.
pub(crate) async fn fresh() -> Bed {
    let database = database().await;
    let owner = format!("owner_{database}");
    let admin = superuser(&database).await;
    admin
        .batch_execute(&format!("ALTER SCHEMA public OWNER TO {owner}"))
        .await
        .unwrap();
    let rows = PostgresRows::open(settings(&database, &owner), &SEED)
        .await
        .unwrap();
    Bed {
        rows,
        admin,
        database,
    }
}

/// With [`NOTES`], and rows of two tenants under the same keys.
async fn sample() -> Bed {
    let bed = fresh().await;
    bed.rows.amend(NOTES).await.unwrap();
    for tenant in ["acme", "globex"] {
        let all = [
            format!("INSERT INTO authors (name) VALUES ('ada'), ('{tenant} only')"),
            format!(
                "INSERT INTO notes (author, body) VALUES (1, '{tenant} one'), (2, '{tenant} two')"
            ),
        ];
        for sql in all {
            bed.write(tenant, &sql).await.unwrap();
        }
    }
    bed
}

impl Bed {
    /// What was read of the schema is forgotten, as after a while.
    pub(crate) async fn forget(&self) {
        *self.rows.known.lock().await = None;
    }

    async fn run(&self, tenant: &str, statements: Vec<Statement>) -> Result<Vec<ResultSet>, Fault> {
        let work = Work {
            statements,
            rollback: false,
            max_affected: None,
            checked: false,
        };
        self.rows.run(&caller(tenant), work, BOUNDS).await
    }

    async fn read(&self, tenant: &str, sql: &str) -> Result<ResultSet, Fault> {
        let done = self.run(tenant, vec![read(sql)]).await?;
        Ok(done.into_iter().next().unwrap())
    }

    async fn write(&self, tenant: &str, sql: &str) -> Result<ResultSet, Fault> {
        let done = self.run(tenant, vec![write(sql)]).await?;
        Ok(done.into_iter().next().unwrap())
    }

    /// The first value of a read.
    async fn value(&self, tenant: &str, sql: &str) -> Value {
        let result = self.read(tenant, sql).await.unwrap();
        result
            .rows
            .into_iter()
            .next()
            .unwrap()
            .into_iter()
            .next()
            .unwrap()
    }

    /// The caller role, by itself, without a context.
    async fn bare(&self) -> Client {
        self.rows.connector.caller().await.unwrap().0
    }
}

fn read(sql: &str) -> Statement {
    Statement::new(sql, Vec::new(), false)
}

fn write(sql: &str) -> Statement {
    Statement::new(sql, Vec::new(), true)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn scopes() -> RightScopes {
    RightScopes {
        read: Scope::new("read").unwrap(),
        write: Scope::new("write").unwrap(),
        schema: Scope::new("admin").unwrap(),
    }
}

fn caller(tenant: &str) -> Caller {
    caller_with(tenant, &["read", "write"])
}

fn caller_with(tenant: &str, granted: &[&str]) -> Caller {
    let claims = serde_json::json!({"sub": "ada", "tenant_id": tenant, "role": "editor"});
    let principal = Principal::new(PrincipalParts {
        sub: "ada".into(),
        subject: None,
        kind: SubjectKind::User,
        tenant: Some(TenantId::new(tenant).unwrap()),
        permissions: Vec::new(),
        roles: Vec::new(),
        role: Some(doorward_base::RoleName::new("editor").unwrap()),
        scopes: granted
            .iter()
            .map(|name| Scope::new(name).unwrap())
            .collect(),
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: "test".into(),
        audience: Vec::new(),
        expires_at: Timestamp::from_micros(i64::MAX),
        epoch: Epoch(0),
        claims: Arc::new(claims.as_object().unwrap().clone()),
    });
    Caller::of(&principal, &scopes()).unwrap()
}
