//! Connections: how they are kept and handed out. A bounded number, a bounded wait, a
//! bounded queue of those who wait. Not here: how one is made (`connect`), and what is
//! said over it.

use super::connect::{CONNECT, Connector};
use super::open::OpenError;
use super::scope::{Trouble, describe};
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError,
    RecyclingMethod, Runtime, TimeoutType,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many may wait for a connection at once, for each that there is.
const WAITING_PER_CONNECTION: usize = 64;

/// A pool with bounds.
pub(super) struct Connections {
    pool: Pool,
    size: usize,
    wait: Duration,
}

impl Connections {
    /// Makes no connection yet.
    pub(super) fn new(
        connector: Connector,
        size: usize,
        wait: Duration,
    ) -> Result<Self, OpenError> {
        let size = size.max(1);
        let session = Arc::clone(&connector.session);
        let settle = Hook::async_fn(move |client, _| {
            let session = Arc::clone(&session);
            Box::pin(async move {
                let settled = client.batch_execute(&session).await;
                settled.map_err(HookError::Backend)
            })
        });
        let manager = Manager::from_config(
            connector.config,
            connector.tls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(wait))
            .create_timeout(Some(CONNECT))
            .post_create(settle)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(Self { pool, size, wait })
    }

    /// A connection, within the bounded wait.
    pub(super) async fn get(&self) -> Result<Leased, Trouble> {
        if self.pool.status().waiting >= self.size * WAITING_PER_CONNECTION {
            return Err(self.busy());
        }
        let object = self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => self.busy(),
            PoolError::Timeout(_) => {
                Trouble::Lost("PostgreSQL did not take a connection in time".to_owned())
            }
            PoolError::Backend(error) => Trouble::Lost(describe(&error)),
            other => Trouble::Lost(other.to_string()),
        })?;
        Ok(Leased {
            object: Some(object),
            clean: AtomicBool::new(false),
        })
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    fn busy(&self) -> Trouble {
        Trouble::Store(doorward_identity::port::StoreError::Unavailable(format!(
            "all {} connections to PostgreSQL were busy for {} ms",
            self.size,
            self.wait.as_millis()
        )))
    }
}

/// A connection on loan. It goes back only when somebody said that nothing is left
/// open on it; otherwise it is thrown away, and the server takes everything back.
pub(super) struct Leased {
    object: Option<Object>,
    clean: AtomicBool,
}

impl Leased {
    /// Nothing is open on it any more.
    pub(super) fn is_clean(&self) {
        self.clean.store(true, Ordering::Release);
    }

    pub(super) fn conn(&self) -> Option<&ClientWrapper> {
        self.object.as_deref()
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && !self.clean.load(Ordering::Acquire)
        {
            drop(Object::take(object));
        }
    }
}
