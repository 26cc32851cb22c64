//! The engine on real files. Statements are made here directly, past the check of their text:
//! what is refused is refused by the engine's own locks.

mod bound;
mod damage;
mod ends;
mod isolation;
mod lock;
mod memory;
mod schema;
mod shelf;
mod value;

use super::*;
use crate::caller::RightScopes;
use crate::value::Value;
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::testing::FixedClock;
use doorward_base::{Principal, Scope, SubjectKind};
use std::time::Duration;
use tempfile::TempDir;

const BOUNDS: Bounds = Bounds {
    rows: 10_000,
    bytes: 1 << 20,
    row: 0,
    time: Duration::from_secs(30),
};

const ORDERS: &str = "CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL CHECK (item <> ''),
    amount NUMERIC DEFAULT 1,
    code TEXT UNIQUE,
    parent INTEGER REFERENCES orders (id)
)";

/// A realm in a directory of its own.
struct Fixture {
    rows: Arc<SqliteRows>,
    clock: Arc<FixedClock>,
    directory: TempDir,
}

impl Fixture {
    fn with(settings: SqliteSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_900_000_000)));
        let rows = SqliteRows::open(directory.path(), settings, Arc::<FixedClock>::clone(&clock));
        Self {
            rows: Arc::new(rows.unwrap()),
            clock,
            directory,
        }
    }

    /// With the table `orders`.
    async fn orders() -> Self {
        let fixture = Self::with(SqliteSettings::default());
        fixture.rows.amend(ORDERS).await.unwrap();
        fixture
    }

    /// The same directory, opened once more, as another process would.
    fn again(&self) -> SqliteRows {
        let clock = Arc::<FixedClock>::clone(&self.clock);
        SqliteRows::open(self.directory.path(), SqliteSettings::default(), clock).unwrap()
    }

    fn file(&self, tenant: &str) -> PathBuf {
        let tenant = TenantId::new(tenant).unwrap();
        self.directory
            .path()
            .join("tenants")
            .join(name::of(&tenant))
    }

    /// What this tenant's caller gets.
    async fn run(&self, tenant: &str, work: Work) -> Result<Vec<ResultSet>, Fault> {
        self.rows.run(&caller(tenant), work, BOUNDS).await
    }

    async fn read(&self, tenant: &str, sql: &str) -> Result<Vec<Vec<Value>>, Fault> {
        let results = self.run(tenant, Work::one(read(sql))).await?;
        Ok(only(results).rows)
    }

    async fn write(&self, tenant: &str, sql: &str) -> Result<ResultSet, Fault> {
        self.run(tenant, Work::one(write(sql))).await.map(only)
    }
}

fn only(mut results: Vec<ResultSet>) -> ResultSet {
    assert_eq!(results.len(), 1);
    results.remove(0)
}

fn read(sql: &str) -> Statement {
    Statement::new(sql, vec![], false)
}

fn write(sql: &str) -> Statement {
    Statement::new(sql, vec![], true)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A caller who may read and write.
fn caller(tenant: &str) -> Caller {
    caller_with(tenant, &["read", "write"])
}

fn caller_with(tenant: &str, scopes: &[&str]) -> Caller {
    let scope = |name: &str| Scope::new(name).unwrap();
    let principal = Principal::new(PrincipalParts {
        sub: "ada".into(),
        subject: None,
        kind: SubjectKind::User,
        tenant: Some(TenantId::new(tenant).unwrap()),
        permissions: vec![],
        roles: vec![],
        role: None,
        scopes: scopes.iter().map(|name| scope(name)).collect(),
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: vec![],
        environment: None,
        issuer: "https://here.test".into(),
        audience: vec![],
        expires_at: Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::default(),
    });
    let scopes = RightScopes {
        read: scope("read"),
        write: scope("write"),
        schema: scope("admin"),
    };
    Caller::of(&principal, &scopes).unwrap()
}

/// What was refused, and SQL's name for it.
fn refusal<T>(outcome: Result<T, Fault>) -> Option<(FaultKind, Option<String>)> {
    let fault = outcome.err()?;
    let state = fault.state.map(|state| state.as_str().to_owned());
    Some((fault.kind, state))
}
