//! Tenants in shared tables of PostgreSQL, under row-level security.

use crate::caller::Caller;
use crate::engine::{Bounds, Engine, Flavour, ResultSet, Work};
use crate::fault::{Fault, FaultKind};
use crate::schema::Schema;
use doorward_base::{RealmName, Secret, TenantId};
use doorward_surface::target::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Where a realm's rows are, and how they are reached.
#[derive(Clone, Debug)]
pub struct PostgresRowsSettings {
    /// Its address, as the owner of the realm's tables.
    pub url: Secret,
    /// The certificates (PEM) that the server's must be or descend from.
    pub root_cert: Option<Vec<u8>>,
    /// Whose rows.
    pub realm: RealmName,
    /// The schema that the tables are in.
    pub schema: String,
    /// The column that holds the tenant.
    pub tenant_column: String,
    /// How many connections serve callers.
    pub pool_size: usize,
    /// How long a call waits for a free one.
    pub pool_wait: Duration,
    /// Whether the database is Doorward's alone.
    pub own_database: bool,
}

/// The rows of one realm on PostgreSQL.
pub enum PostgresRows {}

impl PostgresRows {
    /// Connects to the database.
    ///
    /// # Errors
    /// Why it cannot be used.
    #[expect(clippy::unused_async, reason = "connecting will wait for the server")]
    pub async fn open(_settings: PostgresRowsSettings, _seed: &[u8; 32]) -> Result<Self, Fault> {
        Err(Fault::new(FaultKind::Unavailable))
    }
}

impl Engine for PostgresRows {
    fn flavour(&self) -> Flavour {
        match *self {}
    }

    fn schema(&self) -> BoxFuture<'_, Result<Arc<Schema>, Fault>> {
        match *self {}
    }

    fn run<'a>(
        &'a self,
        _: &'a Caller,
        _: Work,
        _: Bounds,
    ) -> BoxFuture<'a, Result<Vec<ResultSet>, Fault>> {
        match *self {}
    }

    fn amend<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<u64, Fault>> {
        match *self {}
    }

    fn erase<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<(), Fault>> {
        match *self {}
    }

    fn upkeep(&self) -> BoxFuture<'_, Result<u64, Fault>> {
        match *self {}
    }
}
