//! Which engine keeps an installation's data, and what a test does to the store behind
//! the server's back. Every test says what it wants in words that hold for both
//! engines; one about SQLite's file asks for [`engine`] and is over on the other. Not
//! here: the cluster that PostgreSQL's databases live in (`service`).

use crate::artifact::{Artifacts, must};
use crate::service::Database;
use std::env;
use std::fs;
use std::path::PathBuf;

/// Where tests find PostgreSQL: a URL of a superuser and of a database that exists.
const SERVER: &str = "DOORWARD_TEST_POSTGRES";
/// Where tests find Redis.
const LIMITS: &str = "DOORWARD_TEST_REDIS";
/// The engine of this run.
const ENGINE: &str = "DOORWARD_TEST_STORE";

/// Where Doorward keeps its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own.
    Postgres,
}

/// The engine that this run of the tests is about: `DOORWARD_TEST_STORE`, which is
/// `sqlite` unless it says `postgres`.
///
/// # Panics
/// When it says anything else.
#[must_use]
pub fn engine() -> Engine {
    let name = env::var_os(ENGINE);
    match name.as_deref().map(|name| name.to_str()) {
        None | Some(Some("sqlite")) => Engine::Sqlite,
        Some(Some("postgres")) => Engine::Postgres,
        Some(_) => panic!("{ENGINE} is neither `sqlite` nor `postgres`"),
    }
}

/// The URL of the tests' PostgreSQL, from the environment.
///
/// # Panics
/// When the environment names none.
#[must_use]
pub fn postgres_url() -> String {
    named(SERVER)
}

/// The URL of the tests' Redis, from the environment.
///
/// # Panics
/// When the environment names none.
#[must_use]
pub fn redis_url() -> String {
    named(LIMITS)
}

fn named(variable: &str) -> String {
    match env::var_os(variable).map(std::ffi::OsString::into_string) {
        Some(Ok(url)) => url,
        _ => panic!("{variable} is not set: `cargo xtask services` prints it"),
    }
}

/// The store of one installation.
#[derive(Debug)]
pub(crate) enum Store {
    /// A file in the test's folder.
    File(PathBuf),
    /// A database. It is left to the end of its cluster: dropping one takes a second.
    Database(Database),
    /// A database that somebody else keeps for the search.
    Shared(Database),
}

impl Store {
    /// The store of this engine, new and empty.
    pub(crate) fn make(engine: Engine, artifacts: &Artifacts) -> Self {
        match engine {
            Engine::Sqlite => Self::File(artifacts.path("store.db")),
            Engine::Postgres => Self::Database(Database::create(&postgres_url())),
        }
    }

    /// As the configuration names it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Database(database) | Self::Shared(database) => database.url().to_owned(),
        }
    }

    /// Whether a command or a server has made it.
    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Database(database) | Self::Shared(database) => !database.tables().is_empty(),
        }
    }

    /// Prepares for the end: brings back a database that was taken away. Whether there
    /// is then a store whose record can be read, and nobody else keeps it.
    pub(crate) fn settle(&self) -> bool {
        match self {
            Self::Database(database) => database.open(),
            Self::Shared(_) => return false,
            Self::File(_) => {}
        }
        self.exists()
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::File(_) => Engine::Sqlite,
            Self::Database(_) | Self::Shared(_) => Engine::Postgres,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Database(_) | Self::Shared(_) => {
                panic!("a store in PostgreSQL is no file")
            }
        }
    }

    pub(crate) fn database(&self) -> &Database {
        match self {
            Self::File(_) => panic!("a store in SQLite is no database of PostgreSQL"),
            Self::Database(database) | Self::Shared(database) => database,
        }
    }

    /// Makes it unreachable, for those too who have it open.
    pub(crate) fn take_away(&self) {
        match self {
            Self::Database(database) | Self::Shared(database) => {
                database.close();
            }
            Self::File(path) => {
                for ending in ["", "-wal", "-shm"] {
                    let file = format!("{}{ending}", path.display());
                    let away = format!("{file}.away");
                    must("take the store away", fs::rename(file, away));
                }
            }
        }
    }

    /// Keeps what a database holds, for the search for secrets. A file is in the test's
    /// folder already.
    pub(crate) fn keep(&self, artifacts: &Artifacts) {
        if let Self::Database(database) = self {
            database.dump(&artifacts.path("store.sql"));
        }
    }
}
