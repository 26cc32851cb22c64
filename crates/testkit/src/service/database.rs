//! One database of a cluster, by its URL: made, asked, written out for the search for
//! secrets, dropped. The client is PostgreSQL's own, so that what a test sees does not
//! pass through the code under test. Not here: the cluster (`postgres`).

use super::postgres::program;
use crate::artifact::must;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A database. Dropping the value leaves it where it is.
#[derive(Clone, Debug)]
pub struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// Makes an empty database of a new name on the server of this URL, whose own
    /// database must exist.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn create(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let random = RandomState::new().hash_one(count);
        let name = format!("test_{random:016x}_{count}");
        let _ = ask(
            server,
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        );
        let (origin, _) = parts(server);
        Self {
            server: server.to_owned(),
            url: format!("{origin}/{name}"),
            name,
        }
    }

    /// One that exists, by its URL.
    ///
    /// # Panics
    /// When the URL names no database.
    #[must_use]
    pub fn at(url: &str) -> Self {
        let (origin, name) = parts(url);
        Self {
            server: format!("{origin}/postgres"),
            name: name.to_owned(),
            url: url.to_owned(),
        }
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements and returns what they print: a line for a row, its columns
    /// separated by `|`.
    ///
    /// # Panics
    /// When one fails.
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        ask(&self.url, sql)
    }

    /// Writes everything it holds into a file. Bytes that are letters stay letters
    /// there, also in columns of bytes.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn dump(&self, file: &Path) {
        let mut dump = Command::new(program("pg_dump"));
        dump.env("PGOPTIONS", "-c bytea_output=escape")
            .arg("--file")
            .arg(file)
            .arg(&self.url);
        let _ = run(dump);
    }

    /// The names of its own tables, with their schemas, in alphabetical order.
    ///
    /// # Panics
    /// When it cannot be asked.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        let tables = self.query(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
        );
        tables.lines().map(str::to_owned).collect()
    }

    /// Reads everything it holds, tables and indices, for damage.
    ///
    /// # Panics
    /// When there is any.
    pub fn check(&self) {
        let mut check = Command::new(program("pg_amcheck"));
        check
            .args(["--install-missing", "--heapallindexed"])
            .arg(&self.url);
        let _ = run(check);
    }

    /// Runs statements on a connection that stays open, with its transaction and its
    /// locks, for as long as the answer lives.
    ///
    /// # Panics
    /// When one fails.
    #[must_use]
    pub fn hold(&self, sql: &str) -> Held {
        let mut child = must(
            "run psql",
            psql(&self.url)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn(),
        );
        let mut said = String::new();
        if let (Some(stdin), Some(stdout)) = (child.stdin.as_mut(), child.stdout.as_mut()) {
            must("tell psql", writeln!(stdin, "{sql}\n\\echo held"));
            must("hear psql", BufReader::new(stdout).read_line(&mut said));
        }
        if said != "held\n" {
            panic!("psql did not do what it should hold");
        }
        Held(child)
    }

    /// Locks every table of it. No other connection reads or writes any, for as long as
    /// the answer lives.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn lock(&self) -> Held {
        self.hold(&format!("BEGIN;\nLOCK TABLE {};", self.tables().join(", ")))
    }

    /// Ends every connection to it and lets nobody in.
    ///
    /// # Panics
    /// When that fails.
    pub fn close(&self) {
        let name = &self.name;
        let _ = ask(
            &self.server,
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        );
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        let _ = ask(&self.server, &end);
    }

    /// Undoes [`Self::close`].
    ///
    /// # Panics
    /// When that fails.
    pub fn open(&self) {
        let name = &self.name;
        let _ = ask(
            &self.server,
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
        );
    }

    /// Drops it, under whoever is connected.
    ///
    /// # Panics
    /// When that fails.
    pub fn remove(self) {
        let name = &self.name;
        let _ = ask(
            &self.server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
    }
}

/// A connection that keeps its transaction open. Dropping it rolls back.
#[derive(Debug)]
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // psql ends with its input.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A URL without its database, and the database.
fn parts(url: &str) -> (&str, &str) {
    let address = url.split_once('?').map_or(url, |(address, _)| address);
    match address.rsplit_once('/') {
        Some(parts) => parts,
        None => panic!("{url} names no database"),
    }
}

fn ask(url: &str, sql: &str) -> String {
    let mut psql = psql(url);
    psql.args(["--command", sql]);
    let output = run(psql);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn psql(url: &str) -> Command {
    let mut psql = Command::new(program("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set=ON_ERROR_STOP=1", "--dbname", url]);
    psql
}

fn run(mut command: Command) -> Output {
    let what = format!("run {}", command.get_program().to_string_lossy());
    // A frozen server answers nobody: a test that left one must fail, not hang.
    command.env("PGCONNECT_TIMEOUT", "30");
    let output = must(&what, command.stdin(Stdio::null()).output());
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("cannot {what}: {said}");
    }
    output
}
