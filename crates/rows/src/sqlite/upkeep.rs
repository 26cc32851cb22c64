//! Bringing a tenant's file to the realm's schema: all steps it lacks, in one transaction.

use super::authorize;
use super::book::Edition;
use doorward_base::TenantId;
use rusqlite::{Connection, OptionalExtension as _};
use std::{fmt, io};

/// Whose file it is, and the last step it has: of how many steps, and the digest of them all.
const MAKE: &str = "CREATE TABLE doorward_tenant (
    tenant TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest INTEGER NOT NULL
) STRICT";

/// Why a tenant's file cannot be used.
pub(super) enum Trouble {
    /// It cannot be made.
    File(io::Error),
    /// It went while it was opened.
    Gone,
    /// SQLite's answer.
    Engine(rusqlite::Error),
    /// It is another tenant's, or nothing of ours.
    Foreign,
    /// Its steps are not the realm's.
    Strayed,
    /// A step cannot be applied to its rows.
    Step {
        /// Its number.
        number: usize,
        /// SQLite's answer.
        problem: rusqlite::Error,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(problem) => problem.fmt(f),
            Self::Gone => f.write_str("it was removed"),
            Self::Engine(problem) => problem.fmt(f),
            Self::Foreign => f.write_str("it is not this tenant's"),
            Self::Strayed => f.write_str("it has other steps than the realm's schema"),
            Self::Step { number, problem } => {
                write!(
                    f,
                    "step {number} of the schema cannot be applied: {problem}"
                )
            }
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(problem: rusqlite::Error) -> Self {
        Self::Engine(problem)
    }
}

/// Applies the steps that the file lacks. Where one fails, the file stays as it is.
pub(super) fn bring_up(
    conn: &mut Connection,
    tenant: &TenantId,
    edition: &Edition,
) -> Result<(), Trouble> {
    if let Some(version) = version(conn, tenant, edition)?
        && version >= edition.steps.len()
    {
        return Ok(());
    }
    within(conn, tenant, edition, "COMMIT")
}

/// Whether the steps that the file lacks can be applied to its rows. It stays as it is.
pub(super) fn try_steps(
    conn: &mut Connection,
    tenant: &TenantId,
    edition: &Edition,
) -> Result<(), Trouble> {
    within(conn, tenant, edition, "ROLLBACK")
}

/// Applies them in a transaction that ends so, if none fails.
fn within(
    conn: &mut Connection,
    tenant: &TenantId,
    edition: &Edition,
    end: &str,
) -> Result<(), Trouble> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let outcome = apply(conn, tenant, edition);
    authorize::nobody(conn)?;
    conn.execute_batch(if outcome.is_ok() { end } else { "ROLLBACK" })?;
    outcome
}

fn apply(conn: &mut Connection, tenant: &TenantId, edition: &Edition) -> Result<(), Trouble> {
    // Another process may have been here since.
    let before = version(conn, tenant, edition)?;
    if before.is_none() {
        conn.execute(MAKE, [])?;
        conn.execute(
            "INSERT INTO doorward_tenant VALUES (?1, 0, 0)",
            [tenant.as_str()],
        )?;
    }
    authorize::steps(conn)?;
    let missing = edition.steps.iter().enumerate().skip(before.unwrap_or(0));
    for (at, step) in missing {
        for sql in step.statements(tenant) {
            conn.execute(&sql, []).map_err(|problem| Trouble::Step {
                number: at + 1,
                problem,
            })?;
        }
    }
    authorize::nobody(conn)?;
    conn.execute(
        "UPDATE doorward_tenant SET version = ?1, digest = ?2",
        (
            edition.version().cast_signed(),
            edition.digest(edition.steps.len()),
        ),
    )?;
    Ok(())
}

/// How many of the steps the file has; `None` where it has nothing yet.
fn version(
    conn: &Connection,
    tenant: &TenantId,
    edition: &Edition,
) -> Result<Option<usize>, Trouble> {
    let (ours, any): (bool, bool) = conn.query_row(
        "SELECT count(*) FILTER (WHERE name = 'doorward_tenant') > 0, count(*) > 0 \
         FROM sqlite_schema",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match (ours, any) {
        (false, false) => return Ok(None),
        (false, true) => return Err(Trouble::Foreign),
        (true, _) => {}
    }
    let row: Option<(String, i64, i64)> = conn
        .query_row(
            "SELECT tenant, version, digest FROM doorward_tenant",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((owner, version, digest)) = row else {
        return Err(Trouble::Foreign);
    };
    if owner != tenant.as_str() {
        return Err(Trouble::Foreign);
    }
    let version = usize::try_from(version).map_err(|_| Trouble::Strayed)?;
    // A file that is ahead was brought there by a process that saw a later step.
    if version <= edition.steps.len() && digest != edition.digest(version) {
        return Err(Trouble::Strayed);
    }
    Ok(Some(version))
}
