//! The data API of one realm, as the process keeps it: its settings, and its engine, which
//! is opened when it is first needed. A database that does not answer refuses data calls and
//! nothing else. Not here: which realms there are.

use crate::engine::Engine;
use crate::fault::{Fault, FaultKind};
use crate::postgres::{Owner, PostgresRows, PostgresRowsSettings};
use crate::settings::{DataConfig, DataSettings, PostgresStore, RowStore};
use crate::sqlite::{self, OpenFiles, Room};
use doorward_base::{Clock, RealmName, TenantId};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How long an engine that could not be opened is not tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether a tenant was deleted.
pub type IsDeleted = Arc<dyn Fn(&TenantId) -> bool + Send + Sync>;

/// Whose rows they are, and what the process gives to them.
#[derive(Clone)]
pub struct DataParts {
    /// The realm.
    pub realm: RealmName,
    /// What keys of the rows' own are derived from.
    pub seed: [u8; 32],
    /// Whose time it is.
    pub clock: Arc<dyn Clock>,
    /// Whether a tenant of the realm is gone.
    pub is_deleted: IsDeleted,
    /// How many tenants' files it may have open, where a tenant is a file.
    pub open_files: OpenFiles,
}

/// The data API of one realm. The realm's parts hold it as `Arc<DataRealm>`.
pub struct DataRealm {
    settings: DataSettings,
    opening: Arc<Opening>,
    /// Set once the steps of these settings are applied.
    applied: OnceCell<()>,
    parts: DataParts,
}

/// An engine, once it is open. Settings that leave it where it is share it.
struct Opening {
    store: RowStore,
    tenant_column: Arc<str>,
    room: Room,
    engine: OnceCell<Arc<dyn Engine>>,
    /// When it could last not be opened or brought to the schema.
    failed: Mutex<Option<Instant>>,
}

impl DataRealm {
    /// With these settings, and with the engine of `before` if its rows stay where they are.
    #[must_use]
    pub fn new(config: DataConfig, before: Option<&Self>, parts: DataParts) -> Self {
        let DataConfig { store, settings } = config;
        let same = before.filter(|before| {
            let opening = &before.opening;
            opening.store == store
                && opening.tenant_column == settings.tenant_column
                && opening.room.file == settings.max_tenant_bytes
                && opening.room.left == settings.min_free_bytes
        });
        let opening = same.map_or_else(
            || {
                Arc::new(Opening {
                    store,
                    tenant_column: Arc::clone(&settings.tenant_column),
                    room: Room {
                        file: settings.max_tenant_bytes,
                        left: settings.min_free_bytes,
                    },
                    engine: OnceCell::new(),
                    failed: Mutex::default(),
                })
            },
            |before| Arc::clone(&before.opening),
        );
        Self {
            settings,
            opening,
            applied: OnceCell::new(),
            parts,
        }
    }

    /// With an engine that is open.
    #[cfg(test)]
    pub(crate) fn with_engine(
        config: DataConfig,
        engine: Arc<dyn Engine>,
        parts: DataParts,
    ) -> Self {
        let made = Self::new(config, None, parts);
        assert!(made.opening.engine.set(engine).is_ok());
        made
    }

    /// What holds for its rows.
    #[must_use]
    pub const fn settings(&self) -> &DataSettings {
        &self.settings
    }

    /// Whether the tenant is gone: nothing of it is read or written any more.
    pub(crate) fn is_deleted(&self, tenant: &TenantId) -> bool {
        (self.parts.is_deleted)(tenant)
    }

    /// The engine, opened and brought to the schema.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`]; the log says why.
    pub async fn engine(&self) -> Result<&Arc<dyn Engine>, Fault> {
        if let (Some(engine), Some(())) = (self.opening.engine.get(), self.applied.get()) {
            return Ok(engine);
        }
        self.opening.check_pause()?;
        let opened = self.opened().await;
        opened.map_err(|fault| self.opening.note(&fault))
    }

    /// The engine, if it is open already.
    #[must_use]
    pub fn opened_before(&self) -> Option<&Arc<dyn Engine>> {
        self.opening.engine.get()
    }

    /// The database of its rows, as its owner works on it by hand; `None` where it is not
    /// PostgreSQL.
    ///
    /// # Errors
    /// What keeps the database from serving rows.
    pub async fn owner(&self) -> Result<Option<Owner>, Fault> {
        let Opening {
            store,
            tenant_column,
            ..
        } = &*self.opening;
        match store {
            RowStore::Sqlite(_) => Ok(None),
            RowStore::Postgres(store) => {
                let settings = postgres(store, tenant_column, &self.parts);
                Owner::connect(settings, &self.parts.seed).await.map(Some)
            }
        }
    }

    async fn opened(&self) -> Result<&Arc<dyn Engine>, Fault> {
        let opening = &self.opening;
        let engine = opening
            .engine
            .get_or_try_init(|| open(opening, &self.parts))
            .await?;
        let apply = async || {
            for step in &self.settings.schema {
                match engine.amend(step).await {
                    // Who has rows is served as before; the next start or reload tries again.
                    Err(fault) if fault.kind == FaultKind::ConstraintViolated => {
                        let hint = fault.hint.as_deref().unwrap_or_default();
                        let store = &opening.store;
                        tracing::error!(%store, %fault, hint, "a step of the schema waits");
                        break;
                    }
                    amended => amended.map(drop)?,
                }
            }
            Ok(())
        };
        self.applied.get_or_try_init(apply).await?;
        self.note_functions(engine).await;
        Ok(engine)
    }

    /// Says which of the functions that are listed will not be called, and why.
    async fn note_functions(&self, engine: &Arc<dyn Engine>) {
        if self.settings.functions.is_empty() {
            return;
        }
        let store = &self.opening.store;
        match engine.schema().await {
            Ok(schema) => {
                for (function, why) in self.settings.functions.amiss(&schema) {
                    tracing::error!(%store, function, why, "a function is not called");
                }
            }
            Err(fault) => tracing::warn!(%store, %fault, "the functions were not looked at"),
        }
    }
}

impl Opening {
    fn check_pause(&self) -> Result<(), Fault> {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(at) if at.elapsed() < PAUSE => Err(Fault::new(FaultKind::Unavailable)),
            _ => Ok(()),
        }
    }

    /// What a caller is told of it.
    fn note(&self, fault: &Fault) -> Fault {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let details = fault.details.as_deref().unwrap_or_default();
        tracing::error!(store = %self.store, %fault, details, "the rows cannot be reached");
        Fault::new(FaultKind::Unavailable)
    }
}

async fn open(opening: &Opening, parts: &DataParts) -> Result<Arc<dyn Engine>, Fault> {
    let tenant_column = &opening.tenant_column;
    match &opening.store {
        RowStore::Sqlite(folder) => {
            let clock = Arc::clone(&parts.clock);
            let files = parts.open_files.clone();
            sqlite::open(folder, tenant_column, opening.room, files, clock).await
        }
        RowStore::Postgres(store) => {
            let settings = postgres(store, tenant_column, parts);
            let rows = PostgresRows::open(settings, &parts.seed).await?;
            Ok(Arc::new(rows))
        }
    }
}

fn postgres(store: &PostgresStore, tenant_column: &str, parts: &DataParts) -> PostgresRowsSettings {
    let root_cert = store.root_cert.as_ref();
    PostgresRowsSettings {
        url: store.url.clone(),
        root_cert: root_cert.map(|pem| pem.expose().as_bytes().to_vec()),
        realm: parts.realm.clone(),
        schema: store.schema.clone(),
        tenant_column: tenant_column.to_owned(),
        pool_size: store.pool_size,
        pool_wait: store.pool_wait,
        other_roles: store.other_roles.clone(),
        own_database: store.own_database,
    }
}

impl fmt::Debug for DataRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DataRealm")
            .field(&self.opening.store)
            .finish()
    }
}
