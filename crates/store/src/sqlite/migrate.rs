//! The schema's versions: embedded, forward-only, each applied in one transaction
//! and remembered with its text, so that a changed migration is noticed. A migration
//! that was released is never edited; a change of shape first adds (the version
//! before still works), and a later release removes.

use super::open::{OpenError, from_engine};
use crate::migration::{Applied, Migration, Mismatch, check};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "start",
    sql: include_str!("../migrations/sqlite/0001_start.sql"),
}];

/// Brings the schema up to date. Says whether there was none before.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<bool, OpenError> {
    apply_all(conn, path, MIGRATIONS)
}

fn apply_all(
    conn: &mut Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<bool, OpenError> {
    // Looked at without a lock first: a store that is up to date opens while
    // another process writes.
    let applied = look(conn, path)?;
    check(&applied, migrations)?;
    let mut created = false;
    for migration in migrations {
        if !applied.iter().any(|a| a.version == migration.version) {
            let ran = apply(conn, path, migrations, migration)?;
            created |= ran && applied.is_empty() && migration.version == 1;
        }
    }
    Ok(created)
}

/// Applies one migration, unless another process was faster.
fn apply(
    conn: &mut Connection,
    path: &Path,
    migrations: &[Migration],
    migration: &Migration,
) -> Result<bool, OpenError> {
    let engine = |error: rusqlite::Error| from_engine(path, &error);
    let tx = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(engine)?;
    let applied = look(&tx, path)?;
    check(&applied, migrations)?;
    if applied.iter().any(|a| a.version == migration.version) {
        return Ok(false);
    }
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migration (
             version INTEGER PRIMARY KEY,
             name    TEXT NOT NULL,
             sql     TEXT NOT NULL
         ) STRICT;",
    )
    .and_then(|()| tx.execute_batch(migration.sql))
    .and_then(|()| {
        tx.execute(
            "INSERT INTO schema_migration (version, name, sql) VALUES (?1, ?2, ?3)",
            (migration.version, migration.name, migration.sql),
        )
    })
    .map_err(engine)?;
    tx.commit().map_err(engine)?;
    Ok(true)
}

/// The migrations the store has seen, oldest first.
fn look(conn: &Connection, path: &Path) -> Result<Vec<Applied>, OpenError> {
    let engine = |error: rusqlite::Error| from_engine(path, &error);
    let (ours, any): (bool, bool) = conn
        .query_row(
            "SELECT count(*) FILTER (WHERE name = 'schema_migration') > 0, count(*) > 0
             FROM sqlite_schema",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(engine)?;
    if !ours {
        return if any {
            Err(OpenError::NotAStore {
                path: path.to_owned(),
            })
        } else {
            Ok(Vec::new())
        };
    }
    let mut statement = conn
        .prepare("SELECT version, name, sql FROM schema_migration ORDER BY version")
        .map_err(engine)?;
    statement
        .query_map([], |row| {
            Ok(Applied {
                version: row.get(0)?,
                name: row.get(1)?,
                sql: row.get(2)?,
            })
        })
        .and_then(Iterator::collect)
        .map_err(engine)
}

impl From<Mismatch> for OpenError {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Newer { found, known } => Self::SchemaNewer { found, known },
            Mismatch::Differs { version, name } => Self::SchemaDiffers { version, name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration {
        version: 1,
        name: "first",
        sql: "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
    };

    fn run(conn: &mut Connection, migrations: &[Migration]) -> Result<bool, OpenError> {
        apply_all(conn, Path::new("x.db"), migrations)
    }

    #[test]
    fn migrations_are_applied_once_and_in_order() {
        let mut conn = Connection::open_in_memory().unwrap();
        let second = Migration {
            version: 2,
            name: "second",
            sql: "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;",
        };
        assert_eq!(run(&mut conn, &[FIRST]), Ok(true));
        assert_eq!(run(&mut conn, &[FIRST]), Ok(false));
        assert_eq!(run(&mut conn, &[FIRST, second]), Ok(false));
        let row: (i64, i64) = conn
            .query_row("SELECT x, y FROM a", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(row, (1, 2));
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let mut conn = Connection::open_in_memory().unwrap();
        let broken = Migration {
            version: 2,
            name: "broken",
            sql: "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b VALUES ('text');",
        };
        assert_eq!(run(&mut conn, &[FIRST]), Ok(true));
        assert!(run(&mut conn, &[FIRST, broken]).is_err());
        assert!(!conn.table_exists(None, "b").unwrap());
        assert_eq!(run(&mut conn, &[FIRST]), Ok(false));
    }

    #[test]
    fn an_edited_migration_and_a_newer_schema_are_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        run(&mut conn, &[FIRST]).unwrap();
        let edited = Migration {
            sql: "CREATE TABLE a (x TEXT) STRICT;",
            ..FIRST
        };
        assert_eq!(
            run(&mut conn, &[edited]),
            Err(OpenError::SchemaDiffers {
                version: 1,
                name: "first".to_owned()
            })
        );
        conn.execute(
            "INSERT INTO schema_migration VALUES (2, 'later', ''), (3, 'latest', '')",
            [],
        )
        .unwrap();
        assert_eq!(
            run(&mut conn, &[FIRST]),
            Err(OpenError::SchemaNewer { found: 3, known: 1 })
        );
    }

    #[test]
    fn somebody_elses_database_is_not_touched() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE notes (text TEXT)")
            .unwrap();
        assert_eq!(
            run(&mut conn, &[FIRST]),
            Err(OpenError::NotAStore {
                path: "x.db".into()
            })
        );
        assert!(!conn.table_exists(None, "a").unwrap());
    }
}
