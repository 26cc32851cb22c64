//! The typed side of a store: what use-cases call. Not here: what an engine does.

use super::{BoxFuture, Extent, Read, ReadJob, Store, StoreError, Tx, WriteJob};
use doorward_base::RealmId;
use std::sync::{Arc, Mutex};

/// A shared store with typed closures.
#[derive(Clone)]
pub struct StoreHandle(Arc<dyn Store>);

impl StoreHandle {
    /// Wraps an engine.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &dyn Store {
        &*self.0
    }

    /// Runs a use-case in one transaction of one realm and returns its decision
    /// after the commit.
    ///
    /// # Errors
    /// [`StoreError`]; it says what is known of what was written.
    pub async fn write<T, F>(&self, realm: RealmId, run: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        self.write_as(realm, Extent::Any, run).await
    }

    /// The same, for a use-case that says how much it does.
    ///
    /// # Errors
    /// [`StoreError`]; it says what is known of what was written.
    pub async fn write_as<T, F>(
        &self,
        realm: RealmId,
        extent: Extent,
        run: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        let slot = Slot::new();
        let (filled, run) = (slot.clone(), Arc::new(run));
        let job: WriteJob = Box::new(move |tx| {
            let (filled, run) = (filled.clone(), Arc::clone(&run));
            Box::pin(async move {
                let decision = run(tx).await?;
                filled.put(decision);
                Ok(())
            })
        });
        self.0.run_write(realm, extent, job).await?;
        slot.take()
    }

    /// Runs reads over one snapshot of one realm.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read<T, F>(&self, realm: RealmId, run: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut dyn Read) -> BoxFuture<'t, Result<T, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        self.read_as(realm, Extent::Any, run).await
    }

    /// The same, for reads that say how much they do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_as<T, F>(
        &self,
        realm: RealmId,
        extent: Extent,
        run: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut dyn Read) -> BoxFuture<'t, Result<T, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        let slot = Slot::new();
        let (filled, run) = (slot.clone(), Arc::new(run));
        let job: ReadJob<'static> = Box::new(move |tx| {
            let (filled, run) = (filled.clone(), Arc::clone(&run));
            Box::pin(async move {
                let answer = run(tx).await?;
                filled.put(answer);
                Ok(())
            })
        });
        self.0.run_read(realm, extent, job).await?;
        slot.take()
    }
}

/// Carries a closure's value past the untyped engine.
struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn put(&self, value: T) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Result<T, StoreError> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
            .ok_or_else(|| {
                StoreError::Unavailable("the engine did not run the transaction".to_owned())
            })
    }
}
