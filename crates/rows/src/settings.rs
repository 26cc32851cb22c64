//! `[realm.NAME.data]`: its type, its schema and its lowering. Not here: reading what
//! `database` refers to, which the server does for every store.

mod lower;
#[cfg(test)]
mod tests;

use crate::caller::RightScopes;
use crate::engine::Bounds;
use crate::plan::{Function, Functions, Policies, Policy};
use doorward_base::Secret;
use doorward_surface::setting::{Size, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The data API: rows that belong to tenants, by SQL and by REST (dialect "data").
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// Where the rows are: "sqlite:FOLDER" (a file for each tenant),
    /// "postgres://user@host:port/name" (row-level security), or "env:NAME" or "file:PATH"
    /// that holds such an address with its password. Default: "sqlite:rows/REALM".
    #[schemars(extend("writeOnly" = true))]
    pub database: Option<String>,
    /// How a PostgreSQL database is used.
    pub postgres: PostgresRows,
    /// The schema as steps of DDL, in their order. Each is applied once, at the start and at
    /// a reload; a step that was applied is not to be changed. Default: none.
    pub schema: Vec<String>,
    /// Which rows and columns of a table a role has. A table that none names is open to the
    /// whole tenant. Default: none.
    pub policies: Vec<Policy>,
    /// Whether REST puts rows together: `count()`, `sum()`, `avg()`, `min()` and `max()` in
    /// `select`. Such a question may be asked of all rows at once. Default: false.
    pub aggregates: bool,
    /// The functions of PostgreSQL that callers may call by REST, below `rpc/`. They see what
    /// their caller sees of a tenant; row policies hold for what they answer with, and not for
    /// what they read. Default: none.
    pub functions: Vec<Function>,
    /// The column that holds the tenant. Default: "tenant_id".
    pub tenant_column: String,
    /// The scope that lets read rows. Default: "read".
    pub read_scope: String,
    /// The scope that lets change rows. Default: "write".
    pub write_scope: String,
    /// The scope that lets change the schema, where it is held in the whole realm. Default:
    /// "admin".
    pub schema_scope: String,
    /// The most rows of one answer. Default: 10000.
    pub max_rows: u32,
    /// The largest answer. Default: "8MiB".
    pub max_bytes: Size,
    /// How large the file of one tenant may become (SQLite): the rows of one take no room from
    /// all. Default: "1GiB".
    pub max_tenant_bytes: Size,
    /// How much room of the disk tenants' files leave to everything else (SQLite): while there is
    /// less, nothing is written into them. Default: "1GiB".
    pub min_free_bytes: Size,
    /// How long a query may take. Default: "10s".
    pub timeout: Span,
    /// Where SQL is taken. Default: "/api/v1/query".
    pub query_path: String,
    /// Where the schema is shown and changed. Default: "/api/v1/schema".
    pub schema_path: String,
    /// Below which the tables are. Default: "/rest/v1".
    pub rest_path: String,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            database: None,
            postgres: PostgresRows::default(),
            schema: Vec::new(),
            policies: Vec::new(),
            aggregates: false,
            functions: Vec::new(),
            tenant_column: "tenant_id".to_owned(),
            read_scope: "read".to_owned(),
            write_scope: "write".to_owned(),
            schema_scope: "admin".to_owned(),
            max_rows: 10_000,
            max_bytes: Size(8 << 20),
            max_tenant_bytes: Size(1 << 30),
            min_free_bytes: Size(1 << 30),
            timeout: Span(Duration::from_secs(10)),
            query_path: "/api/v1/query".to_owned(),
            schema_path: "/api/v1/schema".to_owned(),
            rest_path: "/rest/v1".to_owned(),
        }
    }
}

/// How a PostgreSQL database with rows is used.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresRows {
    /// The certificates, PEM, that the server's must be or descend from: "file:PATH" or
    /// "env:NAME". Default: the system's.
    #[schemars(extend("writeOnly" = true))]
    pub root_cert: Option<String>,
    /// The schema of the database that the tables are in. Default: "public".
    pub schema: String,
    /// How many connections serve callers at most. Default: 16.
    pub pool_size: u32,
    /// How long a call waits for a free one. Default: "2s".
    pub pool_wait: Span,
    /// Roles of other applications that work on the same tables, the owner's own among them
    /// if it is one: they go on seeing all rows. Default: none, and who has no BYPASSRLS sees
    /// no row.
    pub other_roles: Vec<String>,
    /// Whether the database is Doorward's alone: rights that PostgreSQL gives to everybody are
    /// taken from everybody, and a step of the schema binds every table, not only its own.
    /// Default: false.
    pub own_database: bool,
}

impl Default for PostgresRows {
    fn default() -> Self {
        Self {
            root_cert: None,
            schema: "public".to_owned(),
            pool_size: 16,
            pool_wait: Span(Duration::from_secs(2)),
            other_roles: Vec::new(),
            own_database: false,
        }
    }
}

/// The data API of one realm, as it is acted on.
#[derive(Clone, Debug)]
pub struct DataSettings {
    /// The steps of its schema.
    pub schema: Vec<Arc<str>>,
    /// Which rows and columns of a table a role has.
    pub policies: Policies,
    /// The tables that some policy names.
    pub governed: Vec<String>,
    /// Whether REST puts rows together.
    pub aggregates: bool,
    /// The functions that callers may call.
    pub functions: Functions,
    /// The column that holds the tenant.
    pub tenant_column: Arc<str>,
    /// Which scopes give which rights.
    pub scopes: RightScopes,
    /// What one query may take.
    pub bounds: Bounds,
    /// How large one tenant's file may become, bytes.
    pub max_tenant_bytes: u64,
    /// How much room of the disk tenants' files leave, bytes.
    pub min_free_bytes: u64,
    /// Where it is answered.
    pub paths: Paths,
}

/// Where the three ways in are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paths {
    /// SQL.
    pub query: String,
    /// The schema.
    pub schema: String,
    /// What the tables are below.
    pub rest: String,
}

/// A way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WayIn {
    /// SQL.
    Query,
    /// The schema.
    Schema,
    /// REST.
    Rest,
}

impl Paths {
    /// The way in of a request's path, whose slash at the end says nothing.
    #[must_use]
    pub fn way_in(&self, path: &str) -> Option<WayIn> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let below = |base: &str| {
            let rest = path.strip_prefix(base);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if path == self.query {
            Some(WayIn::Query)
        } else if path == self.schema {
            Some(WayIn::Schema)
        } else {
            below(&self.rest).then_some(WayIn::Rest)
        }
    }

    /// Whether a route of this pattern leads to a way in, and nowhere else.
    #[must_use]
    pub fn covers(&self, pattern: &str) -> bool {
        let bare = pattern.strip_suffix("/**").unwrap_or(pattern);
        self.way_in(bare).is_some()
    }
}

/// Where the rows of one realm are.
#[derive(Clone, PartialEq, Eq)]
pub enum RowStore {
    /// A folder with a file of SQLite for each tenant.
    Sqlite(PathBuf),
    /// A database of PostgreSQL.
    Postgres(PostgresStore),
}

/// A database of PostgreSQL with rows.
#[derive(Clone)]
pub struct PostgresStore {
    /// Its address; it may hold a password.
    pub url: Secret,
    /// What messages call it: `host:port/name`.
    pub place: String,
    /// The certificates, PEM, that the server's must descend from; `None` is the system's.
    pub root_cert: Option<Secret>,
    /// The schema that the tables are in.
    pub schema: String,
    /// How many connections serve callers at most.
    pub pool_size: usize,
    /// How long a call waits for a free one.
    pub pool_wait: Duration,
    /// Roles of other applications, in alphabetical order, each once.
    pub other_roles: Vec<String>,
    /// Whether the database is Doorward's alone.
    pub own_database: bool,
}

impl PostgresStore {
    fn parts(&self) -> (&str, Option<&str>, &str, usize, Duration, &[String], bool) {
        (
            self.url.expose(),
            self.root_cert.as_ref().map(Secret::expose),
            &self.schema,
            self.pool_size,
            self.pool_wait,
            &self.other_roles,
            self.own_database,
        )
    }
}

impl PartialEq for PostgresStore {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for PostgresStore {}

impl RowStore {
    /// Whether the rows of both would lie in one place.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(two)) => one.starts_with(two) || two.starts_with(one),
            (Self::Postgres(one), Self::Postgres(two)) => {
                one.place == two.place && one.schema == two.schema
            }
            _ => false,
        }
    }
}

/// As messages name it; never a password.
impl fmt::Display for RowStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(folder) => write!(f, "sqlite:{}", folder.display()),
            Self::Postgres(store) => write!(f, "postgres://{}", store.place),
        }
    }
}

impl fmt::Debug for RowStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowStore({self})")
    }
}

/// The data API of one realm: where its rows are, and what holds for them.
#[derive(Clone, Debug)]
pub struct DataConfig {
    /// Where its rows are.
    pub store: RowStore,
    /// What holds for them.
    pub settings: DataSettings,
}
