//! Lowering where the control data and the counters of limits are kept. Not here: the
//! forms of the addresses (`address`), and connecting.

use super::Lowering;
use crate::config::address::{self, PostgresUrl, RedisUrl};
use crate::config::problem::KeyPath;
use crate::config::server::Server;
use crate::config::text::Text;
use doorward_base::Secret;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the control data is kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresConfig),
}

/// A PostgreSQL database, and how it is used.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Its address; it may hold a password.
    pub url: Secret,
    /// What messages call it: `host:port/name`.
    pub place: String,
    /// How many connections are open at most.
    pub pool_size: usize,
    /// How long a request waits for a connection.
    pub pool_wait: Duration,
    /// How long the server may work on one statement.
    pub statement_timeout: Duration,
    /// How long a start waits for the server and for contradicting processes.
    pub start_wait: Duration,
    /// The certificates, PEM, that the server's must descend from; `None` is the
    /// system's.
    pub root_cert: Option<Secret>,
}

/// Where the counters of limits are kept.
#[derive(Clone, Debug)]
pub enum LimitStore {
    /// In this process.
    Memory,
    /// In Redis or Valkey, shared by processes.
    Redis(RedisConfig),
}

/// A Redis or Valkey server.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Its address; it may hold a password.
    pub url: Secret,
    /// What messages call it: `host:port`.
    pub place: String,
    /// How often counters are merged.
    pub merge_every: Duration,
}

impl Database {
    /// How long a start waits for what may yet come right.
    #[must_use]
    pub const fn start_wait(&self) -> Duration {
        match self {
            Self::Sqlite(_) => Duration::ZERO,
            Self::Postgres(config) => config.start_wait,
        }
    }

    /// Whether both are the same store, used in the same way.
    pub(in crate::config) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(two)) => one == two,
            (Self::Postgres(one), Self::Postgres(two)) => one.parts() == two.parts(),
            _ => false,
        }
    }
}

impl PostgresConfig {
    fn parts(&self) -> (&str, usize, [Duration; 3], Option<&str>) {
        (
            self.url.expose(),
            self.pool_size,
            [self.pool_wait, self.statement_timeout, self.start_wait],
            self.root_cert.as_ref().map(Secret::expose),
        )
    }
}

impl LimitStore {
    /// What nodes must agree on: `memory` or `redis`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis(_) => "redis",
        }
    }

    /// Whether both are the same store, used in the same way.
    pub(in crate::config) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory, Self::Memory) => true,
            (Self::Redis(one), Self::Redis(two)) => {
                one.url.expose() == two.url.expose() && one.merge_every == two.merge_every
            }
            _ => false,
        }
    }
}

/// As messages name it; never a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(config) => write!(f, "postgres://{}", config.place),
        }
    }
}

impl Lowering<'_> {
    pub(super) fn database(&mut self, server: &Server, path: &KeyPath) -> Option<Database> {
        let place = path.key("database");
        let postgres = self.postgres(server, &path.key("postgres"));
        let url = match &server.database {
            None => return Some(Database::Sqlite(self.beside(Path::new("doorward.db")))),
            Some(Text(address::Database::Sqlite(file))) => {
                return Some(Database::Sqlite(self.beside(file)));
            }
            Some(Text(address::Database::Postgres(url))) => url.clone(),
            Some(Text(address::Database::Secret(source))) => {
                let text = self.secret(&place, source)?;
                self.problems
                    .take(&place, PostgresUrl::parse(text.expose()))?
            }
        };
        let mut config = postgres?;
        (config.url, config.place) = (url.url, url.place);
        Some(Database::Postgres(config))
    }

    /// How PostgreSQL is used; the address is filled in by the caller. Looked at also
    /// when it is not used, so that `--database` finds no surprise.
    fn postgres(&mut self, server: &Server, path: &KeyPath) -> Option<PostgresConfig> {
        let given = &server.postgres;
        let pool_size = given.pool_size.unwrap_or(16);
        if !(1..=1000).contains(&pool_size) {
            self.wrong(&path.key("pool_size"), "must be from 1 to 1000");
        }
        let mut span = |key: &str, given, seconds| {
            self.positive(&path.key(key), given, Duration::from_secs(seconds))
        };
        let pool_wait = span("pool_wait", given.pool_wait, 2);
        let statement_timeout = span("statement_timeout", given.statement_timeout, 5);
        let start_wait = span("start_wait", given.start_wait, 30);
        let root_cert = match &given.root_cert {
            None => None,
            Some(Text(source)) => Some(self.pem(&path.key("root_cert"), source)?),
        };
        Some(PostgresConfig {
            url: Secret::new(String::new()),
            place: String::new(),
            pool_size: usize::try_from(pool_size).unwrap_or(usize::MAX),
            pool_wait,
            statement_timeout,
            start_wait,
            root_cert,
        })
    }

    pub(super) fn limit_store(&mut self, server: &Server, path: &KeyPath) -> Option<LimitStore> {
        let merge_every = self.positive(
            &path.key("limits_merge"),
            server.limits_merge,
            Duration::from_millis(250),
        );
        let sane = Duration::from_millis(10)..=Duration::from_secs(10);
        if !merge_every.is_zero() && !sane.contains(&merge_every) {
            self.wrong(&path.key("limits_merge"), "must be from 10ms to 10s");
        }
        let place = path.key("limits");
        let url = match &server.limits {
            None | Some(Text(address::LimitStore::Memory)) => return Some(LimitStore::Memory),
            Some(Text(address::LimitStore::Redis(url))) => url.clone(),
            Some(Text(address::LimitStore::Secret(source))) => {
                let text = self.secret(&place, source)?;
                self.problems.take(&place, RedisUrl::parse(text.expose()))?
            }
        };
        Some(LimitStore::Redis(RedisConfig {
            url: url.url,
            place: url.place,
            merge_every,
        }))
    }

    /// Where commands on this machine ask the process that runs with this
    /// configuration: several of one PostgreSQL database may.
    pub(super) fn control_socket(&self, database: &Database) -> PathBuf {
        let beside = match database {
            Database::Sqlite(file) => file.as_os_str(),
            Database::Postgres(_) => self.file.as_os_str(),
        };
        let mut name = beside.to_owned();
        name.push(".sock");
        PathBuf::from(name)
    }
}
