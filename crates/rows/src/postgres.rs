//! Tenants in shared tables of PostgreSQL, under row-level security. Callers' work runs as a
//! login role of its own, which owns nothing and which every policy binds; who the caller is
//! stands in each transaction under a MAC that no SQL can make. Not here: what a caller may
//! say (`sql`), and the other engine (`sqlite`).

mod amend;
mod catalogue;
mod connect;
mod decode;
mod erase;
mod error;
mod gauge;
mod install;
mod lint;
mod owner;
mod param;
mod pool;
mod pooler;
mod protect;
mod quote;
mod rewrite;
mod run;
mod secret;
mod share;
mod statement;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

pub use connect::PostgresRowsSettings;
pub use lint::{Finding, Lint};
pub use owner::{Done, Owner, Wanted};
pub(crate) use quote::{ident, literal};
pub(crate) use survey::{dial, survey};

use crate::caller::Caller;
use crate::engine::{Bounds, Engine, Flavour, ResultSet, Work};
use crate::fault::Fault;
use crate::schema::Schema;
use connect::Connector;
use doorward_base::TenantId;
use doorward_surface::target::BoxFuture;
use pool::Pool;
use protect::Protection;
use secret::Secrets;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_postgres::Client;

/// For how long a reading of the schema is not doubted at all.
const FRESH: Duration = Duration::from_secs(1);
/// For how long it stands while no step was applied: tables may be changed by hand.
const STANDS: Duration = Duration::from_secs(30);

/// The rows of one realm on PostgreSQL.
pub struct PostgresRows {
    settings: PostgresRowsSettings,
    connector: Connector,
    secrets: Secrets,
    pool: Pool,
    owner: Mutex<Option<Client>>,
    known: Mutex<Option<Known>>,
}

/// A reading of the schema.
struct Known {
    schema: Arc<Schema>,
    /// When it was read.
    read: Instant,
    /// When its version was last compared.
    compared: Instant,
}

/// Connects, for whoever needs an engine and not which.
///
/// # Errors
/// Those of [`PostgresRows::open`].
pub async fn open(
    settings: PostgresRowsSettings,
    seed: &[u8; 32],
) -> Result<Arc<dyn Engine>, Fault> {
    Ok(Arc::new(PostgresRows::open(settings, seed).await?))
}

impl PostgresRows {
    /// Connects as the owner, brings the database to where callers can be served, and checks
    /// that the caller role is bound by policies. The seed must be secret and stay the same:
    /// the caller role's password and the keys of contexts are derived from it.
    ///
    /// # Errors
    /// A [`Fault`] for the operator: the server cannot be reached or is too old, what answers
    /// is a pooler in transaction mode, the role lacks rights or has too many.
    pub async fn open(settings: PostgresRowsSettings, seed: &[u8; 32]) -> Result<Self, Fault> {
        let (connector, secrets) = Connector::new(&settings, seed)?;
        let opening = async {
            pooler::check(&connector).await?;
            let failed = |error: tokio_postgres::Error| error::opening(&error);
            let mut owner = connector.owner().await.map_err(failed)?;
            install::install(&mut owner, &connector, &secrets, &settings).await?;
            Ok(owner)
        };
        let owner = tokio::time::timeout(6 * connect::CONNECT, opening)
            .await
            .map_err(|_| error::unreachable("no answer in 30 seconds"))??;
        let rows = Self {
            pool: Pool::new(connector.clone(), settings.pool_size, settings.pool_wait),
            connector,
            secrets,
            settings,
            owner: Mutex::new(Some(owner)),
            known: Mutex::default(),
        };
        rows.refuse_unbound().await?;
        rows.read_schema().await?;
        Ok(rows)
    }

    /// What would let rows past their tenant, if anything: empty is good.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub async fn lint(&self) -> Result<Vec<Finding>, Fault> {
        let mut owner = self.owner.lock().await;
        lint::all(self.owner(&mut owner).await?, self.protection()).await
    }

    /// The statements that [`Self::protect`] would run now, for its reader.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub async fn planned(&self, only: Option<&[String]>) -> Result<Vec<String>, Fault> {
        let mut owner = self.owner.lock().await;
        let client = self.owner(&mut owner).await?;
        protect::plan(client, self.protection(), only).await
    }

    /// Puts tables of the schema under their tenants: all, or those named. It refuses and
    /// changes nothing while their keys and references lack the tenant.
    ///
    /// # Errors
    /// In the server's words, or in a lint's.
    pub async fn protect(&self, only: Option<&[String]>) -> Result<Vec<Finding>, Fault> {
        let mut owner = self.owner.lock().await;
        let client = self.owner(&mut owner).await?;
        let failed = |error: tokio_postgres::Error| error::of_step(&error);
        let transaction = client.transaction().await.map_err(failed)?;
        transaction
            .batch_execute(install::LOCK)
            .await
            .map_err(failed)?;
        protect::protect(&transaction, self.protection(), only).await?;
        let found = lint::objects(&transaction, self.protection()).await?;
        if found.is_empty() {
            transaction.commit().await.map_err(failed)?;
        } else {
            transaction.rollback().await.map_err(failed)?;
        }
        Ok(found)
    }

    /// The login role that callers' work runs as.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.connector.role
    }

    fn protection(&self) -> Protection<'_> {
        Protection {
            role: &self.connector.role,
            schema: &self.settings.schema,
            tenant: &self.settings.tenant_column,
            others: &self.settings.other_roles,
            own: self.settings.own_database,
        }
    }

    /// The owner's connection, made anew where it was lost.
    async fn owner<'a>(&self, held: &'a mut Option<Client>) -> Result<&'a mut Client, Fault> {
        if held.as_ref().is_none_or(Client::is_closed) {
            let made = tokio::time::timeout(connect::CONNECT, self.connector.owner()).await;
            let made = made.map_err(|_| error::unreachable("no answer in 5 seconds"))?;
            *held = Some(made.map_err(|error| error::opening(&error))?);
        }
        held.as_mut()
            .ok_or_else(|| error::unreachable("there is no connection"))
    }

    /// A role that no policy binds serves nobody.
    async fn refuse_unbound(&self) -> Result<(), Fault> {
        let found = self.lint().await?;
        let unbound = found.into_iter().find(|finding| {
            matches!(
                finding.lint,
                Lint::RoleBypasses | Lint::RoleIsMember | Lint::RoleOwns
            )
        });
        match unbound {
            Some(finding) => Err(Fault::because(
                crate::FaultKind::Unavailable,
                format!("{}: {}", finding.object, finding.lint.says()),
            )
            .hint(finding.mend)),
            None => Ok(()),
        }
    }

    async fn read_schema(&self) -> Result<Arc<Schema>, Fault> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref()
            && known.compared.elapsed() < FRESH
        {
            return Ok(Arc::clone(&known.schema));
        }
        let mut owner = self.owner.lock().await;
        let client = self.owner(&mut owner).await?;
        let version = amend::version(client, &self.settings.schema).await?;
        let now = Instant::now();
        if let Some(known) = known.as_mut()
            && known.schema.version == version
            && known.read.elapsed() < STANDS
        {
            known.compared = now;
            return Ok(Arc::clone(&known.schema));
        }
        let schema = Arc::new(catalogue::read(client, self.protection(), version).await?);
        let types = catalogue::types(client, self.protection()).await?;
        self.pool.learn(&types);
        *known = Some(Known {
            schema: Arc::clone(&schema),
            read: now,
            compared: now,
        });
        Ok(schema)
    }
}

impl Engine for PostgresRows {
    fn flavour(&self) -> Flavour {
        Flavour::Postgres
    }

    fn schema(&self) -> BoxFuture<'_, Result<Arc<Schema>, Fault>> {
        Box::pin(async { self.read_schema().await.map_err(error::for_caller) })
    }

    fn run<'a>(
        &'a self,
        caller: &'a Caller,
        work: Work,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<ResultSet>, Fault>> {
        Box::pin(async move { run::run(&self.pool, &self.secrets, caller, &work, bounds).await })
    }

    fn amend<'a>(&'a self, ddl: &'a str) -> BoxFuture<'a, Result<u64, Fault>> {
        Box::pin(async move {
            let version = {
                let mut owner = self.owner.lock().await;
                let client = self.owner(&mut owner).await?;
                amend::amend(client, self.protection(), ddl).await?
            };
            *self.known.lock().await = None;
            self.read_schema().await?;
            Ok(version)
        })
    }

    fn erase<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let schema = self.read_schema().await?;
            let work = erase::work(&schema, &self.settings.schema);
            let nobody = Caller::of_tenant(tenant.clone());
            let erased = run::run(&self.pool, &self.secrets, &nobody, &work, erase::BOUNDS);
            erased.await.map(drop)
        })
    }

    /// Nothing waits: a step is in force for every tenant when it is applied.
    fn upkeep(&self) -> BoxFuture<'_, Result<u64, Fault>> {
        Box::pin(async { Ok(0) })
    }
}
