//! The schema's versions: embedded, forward-only, each applied in one transaction under
//! a lock that only one node holds, and remembered with its text, so that a changed
//! migration is noticed. A migration that was released is never edited; a change of
//! shape first adds (the version before still works), and a later release removes.

use super::open::OpenError;
use crate::migration::{Applied, Migration, Mismatch, check};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "start",
    sql: include_str!("../migrations/postgres/0001_start.sql"),
}];

/// Brings the schema up to date. Says whether there was none before.
pub(super) async fn migrate(client: &mut Client) -> Result<bool, OpenError> {
    apply_all(client, MIGRATIONS).await
}

async fn apply_all(client: &mut Client, migrations: &[Migration]) -> Result<bool, OpenError> {
    // Looked at without a lock first: a schema that is up to date opens without rights
    // to change it, and while another node works on it.
    if has_schema(client).await? {
        check_usage(client).await?;
    } else {
        make_schema(client).await?;
    }
    let applied = look(client).await?;
    check(&applied, migrations)?;
    if migrations.iter().all(|one| is_applied(&applied, one)) {
        return Ok(false);
    }
    let mut created = false;
    for migration in migrations {
        let ran = apply(client, migrations, migration).await?;
        created |= ran && migration.version == 1;
    }
    Ok(created)
}

/// Applies one migration, unless another node was faster.
async fn apply(
    client: &mut Client,
    migrations: &[Migration],
    migration: &Migration,
) -> Result<bool, OpenError> {
    let of = |error: tokio_postgres::Error| OpenError::of(&error);
    let tx = client.transaction().await.map_err(of)?;
    // Another node may be at it for longer than a statement may take otherwise.
    tx.batch_execute(
        "SET LOCAL statement_timeout = '10min'; \
         SET LOCAL idle_in_transaction_session_timeout = '10min'; \
         SELECT pg_advisory_xact_lock(16180339, 0)",
    )
    .await
    .map_err(of)?;
    let applied = look(tx.client()).await?;
    check(&applied, migrations)?;
    if is_applied(&applied, migration) {
        return Ok(false);
    }
    tx.batch_execute(
        "CREATE TABLE IF NOT EXISTS schema_migration (
             version int8 PRIMARY KEY,
             name    text NOT NULL,
             sql     text NOT NULL
         )",
    )
    .await
    .map_err(of)?;
    tx.batch_execute(migration.sql).await.map_err(of)?;
    tx.execute(
        "INSERT INTO schema_migration (version, name, sql) VALUES ($1, $2, $3)",
        &[&migration.version, &migration.name, &migration.sql],
    )
    .await
    .map_err(of)?;
    tx.commit().await.map_err(of)?;
    Ok(true)
}

fn is_applied(applied: &[Applied], migration: &Migration) -> bool {
    applied.iter().any(|row| row.version == migration.version)
}

async fn has_schema(client: &Client) -> Result<bool, OpenError> {
    client
        .query_opt("SELECT 1 FROM pg_namespace WHERE nspname = 'doorward'", &[])
        .await
        .map(|found| found.is_some())
        .map_err(|error| OpenError::of(&error))
}

async fn make_schema(client: &Client) -> Result<(), OpenError> {
    let Err(error) = client
        .batch_execute("CREATE SCHEMA IF NOT EXISTS doorward")
        .await
    else {
        return Ok(());
    };
    // Two nodes that make it at once: the loser's insert collides in the catalogue.
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Ok(());
    }
    if error.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return Err(OpenError::of(&error));
    }
    let row = client
        .query_one("SELECT current_user::text, current_database()::text", &[])
        .await
        .map_err(|error| OpenError::of(&error))?;
    let get = |error: tokio_postgres::Error| OpenError::Failed(error.to_string());
    let (role, database): (String, String) =
        (row.try_get(0).map_err(get)?, row.try_get(1).map_err(get)?);
    Err(OpenError::Rights {
        what: format!("make the schema doorward in the database {database}"),
        fix: format!("CREATE SCHEMA doorward AUTHORIZATION \"{role}\""),
        role,
    })
}

/// Without this right the schema's tables look as if they were not there.
async fn check_usage(client: &Client) -> Result<(), OpenError> {
    let row = client
        .query_one(
            "SELECT has_schema_privilege('doorward', 'USAGE'), current_user::text",
            &[],
        )
        .await
        .map_err(|error| OpenError::of(&error))?;
    let get = |error: tokio_postgres::Error| OpenError::Failed(error.to_string());
    let (usable, role): (bool, String) =
        (row.try_get(0).map_err(get)?, row.try_get(1).map_err(get)?);
    if usable {
        return Ok(());
    }
    Err(OpenError::missing_tables(role, "use the schema doorward"))
}

/// The migrations the schema has seen, oldest first.
async fn look(client: &Client) -> Result<Vec<Applied>, OpenError> {
    let of = |error: tokio_postgres::Error| OpenError::of(&error);
    let row = client
        .query_one(
            "SELECT count(*) FILTER (WHERE relname = 'schema_migration') > 0, count(*) > 0 \
             FROM pg_class WHERE relnamespace = 'doorward'::regnamespace AND relkind = 'r'",
            &[],
        )
        .await
        .map_err(of)?;
    let (ours, any): (bool, bool) = (row.try_get(0).map_err(of)?, row.try_get(1).map_err(of)?);
    if !ours {
        return if any {
            Err(OpenError::NotAStore)
        } else {
            Ok(Vec::new())
        };
    }
    let rows = client
        .query(
            "SELECT version, name, sql FROM schema_migration ORDER BY version",
            &[],
        )
        .await
        .map_err(of)?;
    rows.iter()
        .map(|row| {
            Ok(Applied {
                version: row.try_get(0).map_err(of)?,
                name: row.try_get(1).map_err(of)?,
                sql: row.try_get(2).map_err(of)?,
            })
        })
        .collect()
}

impl From<Mismatch> for OpenError {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Newer { found, known } => Self::SchemaNewer { found, known },
            Mismatch::Differs { version, name } => Self::SchemaDiffers { version, name },
        }
    }
}
