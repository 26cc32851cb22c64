//! The one connection, and transactions on it that are always undone: with the two tenants'
//! rows in them, as the role, as a tenant. Not here: what is asked in them.

use super::answer::{Answer, ask};
use super::context::{Context, wrong};
use super::{ProveSettings, seed};
use crate::fault::{Fault, FaultKind};
use crate::postgres::{ident, literal};
use crate::schema::{Schema, Table};
use std::sync::Arc;
use tokio_postgres::{Client, Row};

/// Whose rows stand in a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The other tenant has none.
    Without,
    /// It has some.
    With,
}

/// What the work stands on.
pub(super) struct Stage {
    pub(super) client: Client,
    pub(super) role: String,
    pub(super) database: String,
    pub(super) server: String,
    pub(super) context: Context,
    pub(super) tables: Arc<Schema>,
    tenants: [String; 2],
    schema: String,
    column: String,
}

impl Stage {
    /// Looks at what is there.
    pub(super) async fn set(client: Client, settings: &ProveSettings) -> Result<Self, Fault> {
        let role = match &settings.role {
            Some(role) => role.clone(),
            None => doorwards_role(&client).await?,
        };
        let known = "SELECT current_database()::text, current_setting('server_version'),
            EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
        let row = client
            .query_one(known, &[&role])
            .await
            .map_err(|error| failed(&error))?;
        if !get::<bool>(&row, 2)? {
            return Err(wrong(&format!("there is no role {role}")));
        }
        let context = Context::of(&client, settings.context.as_ref()).await?;
        Ok(Self {
            database: get(&row, 0)?,
            server: get(&row, 1)?,
            client,
            role,
            context,
            tables: Arc::default(),
            tenants: settings.tenants.clone(),
            schema: settings.schema.clone(),
            column: settings.tenant_column.clone(),
        })
    }

    /// Whose statements they are.
    pub(super) fn own(&self) -> &str {
        let [own, _] = &self.tenants;
        own
    }

    /// Whose rows must not be told of.
    pub(super) fn other(&self) -> &str {
        let [_, other] = &self.tenants;
        other
    }

    /// Begins a transaction in this state.
    pub(super) async fn begin(&self, state: State) -> Result<(), Fault> {
        let role = ident(&self.role);
        self.must("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")
            .await?;
        self.must(&format!(
            "SET LOCAL search_path = {}, pg_temp; SET LOCAL statement_timeout = '10s'; \
             SET LOCAL lock_timeout = '2s'",
            ident(&self.schema)
        ))
        .await?;
        if let Some(prepare) = self.context.prepare() {
            self.must(prepare).await?;
        }
        let member = format!(
            "DO $$ BEGIN IF NOT pg_has_role(current_user, {}, 'MEMBER') \
             THEN GRANT {role} TO CURRENT_USER; END IF; END $$",
            literal(&self.role)
        );
        self.must(&member).await?;
        self.must(&format!("SET LOCAL ROLE {role}")).await?;
        self.enter(self.other()).await?;
        match state {
            State::Without => {
                self.each_table(|table| vec![format!("DELETE FROM {table}")])
                    .await;
            }
            State::With => self.fill(self.other(), 1).await,
        }
        self.enter(self.own()).await?;
        self.fill(self.own(), 0).await;
        Ok(())
    }

    /// SQL that makes the full state, for whoever wants to see a finding again.
    pub(super) fn setup(&self) -> String {
        let mut lines = vec!["BEGIN".to_owned()];
        lines.extend(self.context.prepare().map(str::to_owned));
        lines.push(format!("SET LOCAL ROLE {}", ident(&self.role)));
        for (which, tenant) in [(1, self.other()), (0, self.own())] {
            lines.push(self.context.enter(tenant));
            for (table, _) in self.writable() {
                lines.extend(seed::inserts(table, tenant, which));
            }
        }
        lines.join(";\n")
    }

    /// Undoes it.
    pub(super) async fn end(&self) -> Result<(), Fault> {
        self.must("ROLLBACK").await
    }

    /// Makes the transaction this tenant's from here on.
    pub(super) async fn enter(&self, tenant: &str) -> Result<(), Fault> {
        self.must(&self.context.enter(tenant)).await
    }

    /// Runs what must succeed.
    pub(super) async fn must(&self, sql: &str) -> Result<(), Fault> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| failed(&error))
    }

    /// Runs what may fail, and leaves the transaction usable; what it changed stays.
    pub(super) async fn attempt(&self, sql: &str) -> Answer {
        let _ = self.must("SAVEPOINT attempt").await;
        let answer = ask(&self.client, sql, true).await;
        let end = match answer.is_error {
            true => "ROLLBACK TO attempt; RELEASE attempt",
            false => "RELEASE attempt",
        };
        let _ = self.must(end).await;
        answer
    }

    /// One value as text, of a query that must succeed.
    pub(super) async fn value(&self, sql: &str) -> Result<String, Fault> {
        let rows = self.client.query(sql, &[]).await;
        let rows = rows.map_err(|error| failed(&error))?;
        rows.first()
            .map_or_else(|| Ok(String::new()), |row| get(row, 0))
    }

    /// One value as text, or none where the query fails; the transaction goes on.
    pub(super) async fn look(&self, sql: &str) -> String {
        let _ = self.must("SAVEPOINT look").await;
        let value = self.value(sql).await.unwrap_or_default();
        let _ = self.must("ROLLBACK TO look; RELEASE look").await;
        value
    }

    /// The tables that take rows, by their names as SQL.
    pub(super) fn writable(&self) -> impl Iterator<Item = (&Table, String)> {
        let tables = self.tables.tables.iter().filter(|table| !table.is_view);
        tables.map(|table| (table, ident(&table.name)))
    }

    /// How many rows each of the tenants has in the full state.
    pub(super) async fn count_rows(&self) -> Result<[usize; 2], Fault> {
        self.begin(State::With).await?;
        let mut counts = [0, 0];
        for (count, tenant) in counts.iter_mut().zip(&self.tenants) {
            self.enter(tenant).await?;
            for (table, name) in self.writable() {
                if table.columns.iter().any(|column| column.is_tenant) {
                    let column = ident(&self.column);
                    let sql = format!(
                        "SELECT count(*)::text FROM {name} WHERE {column}::text = {}",
                        literal(tenant)
                    );
                    let number = self.look(&sql).await;
                    *count += number.parse::<usize>().unwrap_or_default();
                }
            }
        }
        self.end().await?;
        Ok(counts)
    }

    /// Texts that the two tenants' rows hold.
    pub(super) fn words(&self) -> Vec<String> {
        let of = |which| (0..seed::ROWS).map(move |at| seed::word(which, at));
        of(0).chain(of(1)).collect()
    }

    /// Numbers that they hold.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let of = |which| (0..seed::ROWS).map(move |at| seed::number(which, at));
        of(0).chain(of(1)).chain([1, 2]).collect()
    }

    async fn fill(&self, tenant: &str, which: usize) {
        self.each_table(|name| {
            let tables = &self.tables.tables;
            let table = tables.iter().find(|table| ident(&table.name) == name);
            table
                .map(|table| seed::inserts(table, tenant, which))
                .unwrap_or_default()
        })
        .await;
    }

    /// Tries SQL on every table, the later ones first in a second round and so on: what a
    /// reference forbids now it may allow when another table is done.
    async fn each_table(&self, sql: impl Fn(&str) -> Vec<String>) {
        let mut left: Vec<String> = self.writable().flat_map(|(_, name)| sql(&name)).collect();
        for _ in 0..self.tables.tables.len().min(16) {
            let mut failing = Vec::new();
            for sql in left {
                if self.attempt(&sql).await.is_error {
                    failing.push(sql);
                }
            }
            left = failing;
            if left.is_empty() {
                return;
            }
        }
    }
}

/// The one that Doorward made here.
async fn doorwards_role(client: &Client) -> Result<String, Fault> {
    let there = client
        .query("SELECT role::text FROM doorward.rows_install", &[])
        .await;
    match there.unwrap_or_default().as_slice() {
        [row] => get(row, 0),
        [] => Err(wrong(
            "which role callers' statements run as must be said: --role",
        )),
        _ => Err(wrong("several realms have a role here; say which: --role")),
    }
}

pub(super) fn get<T>(row: &Row, at: usize) -> Result<T, Fault>
where
    T: for<'r> tokio_postgres::types::FromSql<'r>,
{
    row.try_get(at).map_err(|error| failed(&error))
}

pub(super) fn failed(error: &tokio_postgres::Error) -> Fault {
    let words = match error.as_db_error() {
        Some(said) => format!("the database: {}", said.message()),
        None => format!("the database: {error}"),
    };
    Fault::because(FaultKind::Unavailable, words)
}
