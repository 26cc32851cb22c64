//! Whether a database keeps its tenants apart: the lints, statements by dice in two states
//! that differ in one tenant's rows alone, and what a pooled connection carries from one
//! tenant to the next. Everything happens in transactions that are undone, over one
//! connection; it is for a copy of a database, because it writes and locks meanwhile.
//!
//! Nothing found is no proof: it is so many statements that found nothing. Not here: the
//! command line, and mending what was found.

mod answer;
mod context;
mod interfere;
mod lint;
mod pooler;
mod seed;
mod stage;
#[cfg(test)]
mod tests;

use crate::engine::Flavour;
use crate::fault::{Fault, FaultKind};
use crate::oracle::{Ground, Reach};
use crate::postgres;
use doorward_base::Secret;
use serde_json::{Value, json};
use stage::Stage;
use std::sync::Arc;

/// What is to be proven.
#[derive(Clone, Debug)]
pub struct ProveSettings {
    /// `postgres://…`, as somebody who may become the role and write as every tenant: the
    /// tables' owner or a superuser.
    pub url: Secret,
    /// The certificates (PEM) that the server's must be or descend from.
    pub root_cert: Option<Vec<u8>>,
    /// The role that callers' statements run as; `None` is Doorward's own, where it is
    /// installed for one realm.
    pub role: Option<String>,
    /// The schema that the tables are in.
    pub schema: String,
    /// The column that holds the tenant.
    pub tenant_column: String,
    /// SQL that makes a transaction a tenant's, `$1` being the tenant; `None` is Doorward's
    /// context, where it is installed.
    pub context: Option<String>,
    /// Whose statements they are, and whose rows must not be told of; they may be new.
    pub tenants: [String; 2],
    /// How many statements.
    pub statements: usize,
    /// What the choices come from.
    pub seed: u64,
}

/// What was found wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// Its kind, which stays: a lint's code, or `interference`, `foreign_write`,
    /// `nobody_reads`, `context_replayed`, `context_outlives`, `plan_reused`.
    pub code: String,
    /// What it is about: a table, a policy, a role, a statement's number.
    pub object: String,
    /// What is wrong, in words.
    pub says: String,
    /// SQL that shows it, or mends it.
    pub sql: String,
}

/// What was done and found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The database's name.
    pub database: String,
    /// The server's version.
    pub server: String,
    /// The role that statements ran as.
    pub role: String,
    /// The tables that it has.
    pub tables: Vec<String>,
    /// How many rows each of the two tenants had in the transactions.
    pub rows: [usize; 2],
    /// What the choices came from.
    pub seed: u64,
    /// How many statements ran in both states.
    pub statements: usize,
    /// How many of them were answered without an error.
    pub answered: usize,
    /// How many could not be judged: a time-out, or answers that differ by themselves.
    pub unclear: usize,
    /// SQL that begins a transaction with those rows in it, tables in the order of their
    /// names; what refers to others comes after them.
    pub setup: String,
    /// What is wrong; empty is good.
    pub findings: Vec<Proof>,
}

impl Report {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|each| {
            json!({"code": each.code, "object": each.object, "says": each.says, "sql": each.sql})
        });
        let [own, other] = self.rows;
        json!({
            "database": self.database,
            "server": self.server,
            "role": self.role,
            "tables": self.tables,
            "rows": {"own": own, "other": other},
            "seed": self.seed,
            "statements": self.statements,
            "answered": self.answered,
            "unclear": self.unclear,
            "setup": self.setup,
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

/// Looks, tries, and reports.
///
/// # Errors
/// [`FaultKind::RequestInvalid`] where the settings do not fit the database: no role, no
/// context, no table with rows of both tenants. Others where the database cannot be used.
pub async fn prove(settings: &ProveSettings) -> Result<Report, Fault> {
    let client = postgres::dial(&settings.url, settings.root_cert.as_deref()).await?;
    let mut stage = Stage::set(client, settings).await?;
    let (tenant, schema) = (&settings.tenant_column, &settings.schema);
    let (tables, lints) = postgres::survey(&stage.client, &stage.role, schema, tenant).await?;
    let mut findings: Vec<Proof> = lints
        .into_iter()
        .map(|found| Proof {
            code: found.lint.code().to_owned(),
            says: found.lint.says().to_owned(),
            object: found.object,
            sql: found.mend,
        })
        .collect();
    findings.extend(lint::more(&stage, schema, tenant).await?);
    let names = tables.tables.iter().map(|table| table.name.clone());
    let names: Vec<String> = names.collect();
    stage.tables = Arc::new(tables);
    let rows = stage.count_rows().await?;
    if rows.contains(&0) {
        let words = format!(
            "the tenants {:?} and {:?} could be given no rows in the tables of role {}",
            settings.tenants.first(),
            settings.tenants.last(),
            stage.role
        );
        let hint = "name two tenants that have rows: --tenants A,B";
        return Err(Fault::because(FaultKind::RequestInvalid, words).hint(hint));
    }
    let [own, other] = &settings.tenants;
    let ground = Ground {
        schema: Arc::clone(&stage.tables),
        flavour: Flavour::Postgres,
        own: own.clone(),
        other: other.clone(),
        texts: stage.words(),
        numbers: stage.numbers(),
        reach: Reach::Tables,
        other_file: None,
    };
    let tried = interfere::run(&stage, ground, settings).await?;
    findings.extend(tried.findings);
    findings.extend(pooler::run(&stage).await?);
    Ok(Report {
        database: stage.database.clone(),
        server: stage.server.clone(),
        role: stage.role.clone(),
        tables: names,
        rows,
        seed: settings.seed,
        statements: tried.statements,
        answered: tried.answered,
        unclear: tried.unclear,
        setup: stage.setup(),
        findings,
    })
}
