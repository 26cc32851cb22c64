//! What the owner of a database does by hand: look at what stands open, see what would be
//! done to his tables, have it done. Nothing is kept that a finding speaks against. Not here:
//! serving callers, which needs the same and does it by itself (`install`).

use super::connect::{self, Connector, PostgresRowsSettings};
use super::lint::{self, Finding, Lint};
use super::protect::{self, Protection};
use super::quote::ident;
use super::secret::Secrets;
use super::{error, install, pooler};
use crate::fault::{Fault, FaultKind};
use tokio_postgres::{Client, Transaction};

/// Tables are locked while they are bound, and whoever waits for one holds up all others.
const PATIENCE: &str = "SET LOCAL lock_timeout = '5s'";

/// A connection of the owner's to his database. Connecting changes nothing.
pub struct Owner {
    client: Client,
    connector: Connector,
    secrets: Secrets,
    settings: PostgresRowsSettings,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The tables to bind; none are all that have the tenant's column.
    pub tables: Vec<String>,
    /// What the owner knows of and leaves as it is.
    pub accepted: Vec<Lint>,
    /// Whether nothing is to be kept of it.
    pub is_trial: bool,
}

/// What was done, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// The statements; what is derived from the master key is not shown.
    pub sql: Vec<String>,
    /// Tables without the tenant's column, which were left alone.
    pub left: Vec<String>,
    /// What was found after it.
    pub findings: Vec<Finding>,
    /// Whether it was kept.
    pub is_kept: bool,
}

impl Owner {
    /// Connects, and looks whether callers could be served.
    ///
    /// # Errors
    /// As [`super::PostgresRows::open`].
    pub async fn connect(settings: PostgresRowsSettings, seed: &[u8; 32]) -> Result<Self, Fault> {
        let (connector, secrets) = Connector::new(&settings, seed)?;
        let opening = async {
            pooler::check(&connector).await?;
            let client = connector.owner().await;
            let client = client.map_err(|error| error::opening(&error))?;
            install::examine(&client).await?;
            Ok(client)
        };
        let opened = tokio::time::timeout(6 * connect::CONNECT, opening).await;
        let client = opened.map_err(|_| error::unreachable("no answer in 30 seconds"))??;
        Ok(Self {
            client,
            connector,
            secrets,
            settings,
        })
    }

    /// The login role that callers' work runs as.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.connector.role
    }

    /// Whether everybody else is bound too, by a fence that only Doorward opens.
    #[must_use]
    pub const fn binds_everybody(&self) -> bool {
        self.settings.other_roles.is_empty() && !self.settings.own_database
    }

    /// What would let rows past their tenant.
    ///
    /// # Errors
    /// When nothing is installed, or the catalogue cannot be read.
    pub async fn lint(&self) -> Result<Vec<Finding>, Fault> {
        let there = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
        let failed = |error: tokio_postgres::Error| error::opening(&error);
        let row = self.client.query_one(there, &[&self.role()]).await;
        if !row.map_err(failed)?.try_get(0).map_err(failed)? {
            let words = "nothing is installed in this database for this realm";
            return Err(Fault::because(FaultKind::Refused, words)
                .hint("doorward rls install does it, and with --dry-run shows what it would do"));
        }
        lint::all(&self.client, protection(&self.connector, &self.settings)).await
    }

    /// Brings the database to where callers can be served, and binds tables to their tenants,
    /// all in one transaction; undoes it where something is found that was not accepted.
    ///
    /// # Errors
    /// In the server's words, or for a table that is not there or has no tenant's column.
    pub async fn install(&mut self, wanted: &Wanted) -> Result<Done, Fault> {
        let Self {
            client,
            connector,
            secrets,
            settings,
        } = self;
        let of = protection(connector, settings);
        let failed = |error: tokio_postgres::Error| error::of_step(&error);
        let transaction = client.transaction().await.map_err(failed)?;
        transaction.batch_execute(PATIENCE).await.map_err(failed)?;
        let mut sql = install::prepare(&transaction, connector, secrets, settings).await?;
        let is_new = !sql.is_empty();
        let (tables, left) = tables(&transaction, of, &wanted.tables).await?;
        let planned = protect::plan(&transaction, of, Some(&tables)).await?;
        let mut findings = match wanted.is_trial {
            true => foreseen(&transaction, of, &tables).await?,
            false => {
                protect::protect(&transaction, of, Some(&tables)).await?;
                lint::all(&transaction, of).await?
            }
        };
        if !planned.is_empty() {
            sql.extend(planned);
            sql.push(protect::further_grants(of));
        }
        let speaks_against =
            |found: &Finding| !found.lint.is_advice() && !wanted.accepted.contains(&found.lint);
        let is_kept = !wanted.is_trial && !findings.iter().any(speaks_against);
        if is_kept {
            transaction.commit().await.map_err(failed)?;
            install::finish(client, connector, secrets, settings, is_new).await?;
            findings = lint::all(client, of).await?;
        } else {
            transaction.rollback().await.map_err(failed)?;
        }
        Ok(Done {
            sql,
            left,
            findings,
            is_kept,
        })
    }
}

fn protection<'a>(connector: &'a Connector, settings: &'a PostgresRowsSettings) -> Protection<'a> {
    Protection {
        role: &connector.role,
        schema: &settings.schema,
        tenant: &settings.tenant_column,
        others: &settings.other_roles,
        own: settings.own_database,
    }
}

/// The tables to bind, and those that have no tenant's column and are left alone.
async fn tables(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
    only: &[String],
) -> Result<(Vec<String>, Vec<String>), Fault> {
    const TABLES: &str = "SELECT c.relname::text, EXISTS (SELECT FROM pg_attribute a \
            WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped) \
        FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') \
        ORDER BY 1";
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let schema = ident(of.schema);
    let rows = transaction.query(TABLES, &[&schema, &of.tenant]).await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for row in &rows.map_err(failed)? {
        let name: String = row.try_get(0).map_err(failed)?;
        match row.try_get(1).map_err(failed)? {
            true => with.push(name),
            false => without.push(name),
        }
    }
    if only.is_empty() {
        return Ok((with, without));
    }
    for name in only {
        let (schema, tenant) = (of.schema, of.tenant);
        if without.contains(name) {
            let words = format!("the table {name} has no column {tenant}");
            let add = format!(
                "ALTER TABLE {}.{} ADD COLUMN {} text",
                ident(schema),
                ident(name),
                ident(tenant)
            );
            return Err(Fault::because(FaultKind::Refused, words)
                .hint(format!("{add}; fill it for the rows that are there")));
        }
        if !with.contains(name) {
            let words = format!("there is no table {name} in the schema {schema}");
            return Err(Fault::because(FaultKind::NameUnknown, words));
        }
    }
    Ok((only.to_vec(), Vec::new()))
}

/// What would be found once these tables are bound. They are not bound for it, which would
/// lock them: the caller role is given its rights on them, and what binding mends is left out.
async fn foreseen(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
    tables: &[String],
) -> Result<Vec<Finding>, Fault> {
    // The catalogue's own way to write a name, which leaves quotes out where it can.
    const SAID: &str = "SELECT format('%I.%I', $1::text, name) FROM unnest($2::text[]) AS t (name)";
    let said = |name: &String| format!("{}.{}", ident(of.schema), ident(name));
    for name in tables {
        let grant = format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}",
            said(name),
            ident(of.role)
        );
        let done = transaction.batch_execute(&grant).await;
        done.map_err(|error| error::of_step(&error))?;
    }
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let rows = transaction.query(SAID, &[&of.schema, &tables]).await;
    let mut bound: Vec<String> = Vec::new();
    for row in &rows.map_err(failed)? {
        bound.push(row.try_get(0).map_err(failed)?);
    }
    let is_mended = |found: &Finding| {
        let table = found.object.split(" (").next().unwrap_or_default();
        found.lint.is_mended_by_binding() && bound.iter().any(|name| name == table)
    };
    let mut found = lint::all(transaction, of).await?;
    found.retain(|found| !is_mended(found));
    Ok(found)
}
