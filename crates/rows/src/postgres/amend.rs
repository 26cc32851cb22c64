//! A step of the realm's schema: applied once, by whichever node comes first, under one
//! lock, all or nothing; afterwards every table is under its policy, or the step is undone.
//! Not here: what the step's text becomes (`rewrite`).

use super::error;
use super::install::LOCK;
use super::lint;
use super::protect::{self, Protection};
use super::quote::ident;
use super::rewrite::{self, Reference};
use super::secret::digest_of;
use crate::fault::{Fault, FaultKind};
use tokio_postgres::{Client, Transaction};

/// How long a step may take.
const PATIENCE: &str = "SET LOCAL statement_timeout = '300s'; SET LOCAL lock_timeout = '30s'";
const VERSION: &str = "SELECT count(*) FROM doorward.rows_step WHERE schema = $1";

/// Applies it, and answers the version afterwards.
pub(super) async fn amend(owner: &mut Client, of: Protection<'_>, ddl: &str) -> Result<u64, Fault> {
    let step = rewrite::step(ddl, of.tenant)?;
    let digest = digest_of(ddl);
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let transaction = owner.transaction().await.map_err(failed)?;
    let open = format!(
        "{PATIENCE}; SET LOCAL search_path = {}; {LOCK}",
        ident(of.schema)
    );
    transaction.batch_execute(&open).await.map_err(failed)?;
    let before = "SELECT EXISTS (SELECT FROM doorward.rows_step WHERE schema = $1 AND digest = $2)";
    let before = transaction
        .query_one(before, &[&of.schema, &digest])
        .await
        .map_err(failed)?;
    if !before.try_get::<_, bool>(0).map_err(failed)? {
        apply(&transaction, of, &step).await?;
        let put = "INSERT INTO doorward.rows_step (schema, digest, ddl) VALUES ($1, $2, $3)";
        transaction
            .execute(put, &[&of.schema, &digest, &ddl])
            .await
            .map_err(failed)?;
    }
    let version = version_in(&transaction, of.schema).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(version)
}

async fn version_in(transaction: &Transaction<'_>, schema: &str) -> Result<u64, Fault> {
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let row = transaction
        .query_one(VERSION, &[&schema])
        .await
        .map_err(failed)?;
    let count: i64 = row.try_get(0).map_err(failed)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many steps there were.
pub(super) async fn version(owner: &Client, schema: &str) -> Result<u64, Fault> {
    let failed = |error: tokio_postgres::Error| error::opening(&error);
    let row = owner.query_one(VERSION, &[&schema]).await.map_err(failed)?;
    let count: i64 = row.try_get(0).map_err(failed)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

async fn apply(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
    step: &rewrite::Step,
) -> Result<(), Fault> {
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let known = lint::objects(transaction, of).await?;
    let others = match of.own {
        true => Vec::new(),
        false => protect::unbound(transaction, of).await?,
    };
    for statement in &step.statements {
        transaction.batch_execute(statement).await.map_err(failed)?;
    }
    for reference in &step.references {
        refer(transaction, of, reference).await?;
    }
    let bound = protect::names_without(transaction, of, &others).await?;
    protect::protect(transaction, of, Some(&bound)).await?;
    let found = lint::objects(transaction, of).await?;
    match found.iter().find(|finding| !known.contains(finding)) {
        Some(finding) => {
            let words = format!("{}: {}", finding.object, finding.lint.says());
            Err(Fault::because(FaultKind::StatementForbidden, words).hint(finding.mend.clone()))
        }
        None => Ok(()),
    }
}

async fn refer(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
    reference: &Reference,
) -> Result<(), Fault> {
    const THERE: &str = "SELECT EXISTS (SELECT FROM pg_constraint \
                         WHERE conrelid = to_regclass($1) AND conname = $2 AND contype = 'f')";
    const KEY: &str = "SELECT a.attname::text FROM pg_index i \
                       CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(at, place) \
                       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.at \
                       WHERE i.indrelid = to_regclass($1) AND i.indisprimary AND a.attname <> $2 \
                       ORDER BY k.place";
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let there = transaction
        .query_one(THERE, &[&reference.table, &reference.name])
        .await
        .map_err(failed)?;
    // A table that was there before, made again IF NOT EXISTS.
    if there.try_get(0).map_err(failed)? {
        return Ok(());
    }
    let mut columns = reference.target_columns.clone();
    if columns.is_empty() {
        let key = transaction
            .query(KEY, &[&reference.target, &of.tenant])
            .await
            .map_err(failed)?;
        for row in &key {
            columns.push(row.try_get(0).map_err(failed)?);
        }
    }
    let sql = reference.sql(&columns, of.tenant);
    transaction.batch_execute(&sql).await.map_err(failed)
}
