//! The engines under the binary: a SQLite file, or a database of a PostgreSQL cluster
//! that runs for this benchmark alone. SQL is run by the engines' own programs. Not
//! here: what is put into a store (`fill`).

use crate::failure::{Context as _, Failure};
use crate::meter;
use crate::process::capture;
use crate::site::Site;
use doorward_testkit::service::{Database as Made, Postgres};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A PostgreSQL cluster with its own settings but for the size of its log of changes;
/// it syncs what it commits. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Cluster {
    postgres: Postgres,
    /// The process whose children are all others of the cluster.
    pub(crate) pid: u32,
    /// A database with the tables that `pgbench` works on.
    pub(crate) pgbench: String,
}

/// Where an installation keeps its store.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    /// The URL, and the cluster's first process.
    Postgres(String, u32),
}

/// Rows that `pgbench` looks up.
pub(crate) const PGBENCH_ROWS: u32 = 10_000;

/// Tables like a token's and an audit row's, with as few indices as can be.
const PGBENCH_TABLES: &str = "
CREATE TABLE token (
    digest bytea PRIMARY KEY, id uuid NOT NULL, owner uuid NOT NULL, tenant text,
    permissions text NOT NULL, state text NOT NULL, expires_at bigint
);
CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL,
    request uuid NOT NULL, actor uuid, action text NOT NULL, token uuid, peer text,
    detail text NOT NULL
);
INSERT INTO token SELECT sha256(int4send(n)), gen_random_uuid(), gen_random_uuid(),
    'tenant', 'read:invoices write:invoices', 'active', NULL
    FROM generate_series(1, 10000) AS n;
VACUUM ANALYZE token;
CHECKPOINT;
";

impl Cluster {
    /// Makes one below the run's folder and starts it.
    pub(crate) fn start(site: &Site) -> Result<Self, Failure> {
        let postgres = Postgres::start(&site.file("postgres"));
        let pgbench = postgres.create_database();
        let made = Made::at(&pgbench);
        let child = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
        let child: u32 = made.query(child).parse().during("the checkpointer's id")?;
        let cluster = Self {
            pid: meter::parent(child)?,
            pgbench,
            postgres,
        };
        let database = Database::Postgres(cluster.pgbench.clone(), cluster.pid);
        database.run(&site.write("pgbench.sql", PGBENCH_TABLES)?)?;
        Ok(cluster)
    }

    /// An empty database.
    pub(crate) fn create_database(&self) -> Database {
        Database::Postgres(self.postgres.create_database(), self.pid)
    }
}

impl Database {
    /// As the report calls the engine.
    pub(crate) const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(..) => "PostgreSQL",
        }
    }

    /// The process that serves it, if it is not the binary itself.
    pub(crate) const fn server(&self) -> Option<u32> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_, pid) => Some(*pid),
        }
    }

    /// As the configuration names it.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url, _) => url.clone(),
        }
    }

    /// Runs the SQL in a file; gives what it prints, columns separated by `|`.
    pub(crate) fn run(&self, script: &Path) -> Result<String, Failure> {
        match self {
            Self::Sqlite(path) => {
                let read = format!(".read '{}'", script.display());
                capture(Command::new("sqlite3").arg("-bail").arg(path).arg(read))
            }
            Self::Postgres(url, _) => capture(
                Command::new("psql")
                    .env("PGOPTIONS", "-c search_path=doorward,public")
                    .args([
                        "-X",
                        "-q",
                        "-A",
                        "-t",
                        "-v",
                        "ON_ERROR_STOP=1",
                        "-d",
                        url,
                        "-f",
                    ])
                    .arg(script),
            ),
        }
    }
}
