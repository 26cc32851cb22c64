//! One database of a cluster, by its URL: made, asked, written out for the search for
//! secrets, dropped. The client is PostgreSQL's own, so that what a test sees does not
//! pass through the code under test. Not here: the cluster (`postgres`).

use super::postgres::program;
use crate::artifact::must;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::process::{Command, Output, Stdio};
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
        let _ = ask(server, &format!("CREATE DATABASE {name}"));
        let Some((origin, _)) = server.rsplit_once('/') else {
            panic!("{server} names no database");
        };
        Self {
            server: server.to_owned(),
            url: format!("{origin}/{name}"),
            name,
        }
    }

    /// Its URL.
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

    /// Drops it, under whoever is connected.
    ///
    /// # Panics
    /// When that fails.
    pub fn drop_now(self) {
        let name = &self.name;
        let _ = ask(
            &self.server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
    }
}

fn ask(url: &str, sql: &str) -> String {
    let mut psql = Command::new(program("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set=ON_ERROR_STOP=1", "--command", sql, url]);
    let output = run(psql);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn run(mut command: Command) -> Output {
    let what = format!("run {}", command.get_program().to_string_lossy());
    let output = must(&what, command.stdin(Stdio::null()).output());
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("cannot {what}: {said}");
    }
    output
}
