//! Who may have a connection: so many at once, a quarter of them (one at least) to a tenant,
//! so that none has all. Both are waited for in turn, within one bounded wait, in bounded
//! queues: a tenant's own queue keeps it out of everybody's. Not here: connections (`pool`).

use crate::fault::{Fault, FaultKind};
use doorward_base::TenantId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait at once, for each connection that there is.
const WAITING_PER_CONNECTION: usize = 64;
/// How many tenants have all connections between them.
const TENANTS: usize = 4;
/// From how many tenants on those are forgotten that have nothing and wait for nothing.
const REMEMBERED: usize = 1024;

/// Places that are handed out, and the line for them.
struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    size: usize,
}

impl Places {
    fn new(size: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(size)),
            waiting: AtomicUsize::new(0),
            size,
        }
    }

    /// One of them, if the line is not full.
    async fn one(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(permit);
        }
        let most = self.size.saturating_mul(WAITING_PER_CONNECTION);
        let _counted = Waiting::among(&self.waiting, most)?;
        Arc::clone(&self.free).acquire_owned().await.ok()
    }
}

/// The right to one connection, until it is dropped.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
    _share: Arc<Places>,
}

/// The places of one pool.
pub(super) struct Shares {
    all: Places,
    tenants: Mutex<HashMap<TenantId, Weak<Places>>>,
    wait: Duration,
}

impl Shares {
    pub(super) fn new(size: usize, wait: Duration) -> Self {
        Self {
            all: Places::new(size.max(1)),
            tenants: Mutex::default(),
            wait,
        }
    }

    /// A place for this tenant, within the bounded wait.
    pub(super) async fn place(&self, tenant: &TenantId) -> Result<Place, Fault> {
        let share = self.share(tenant);
        let size = share.size;
        let wanted = async {
            let of_tenant = share.one().await?;
            Some(Place {
                _of_all: self.all.one().await?,
                _of_tenant: of_tenant,
                _share: share,
            })
        };
        match tokio::time::timeout(self.wait, wanted).await {
            Ok(Some(place)) => Ok(place),
            _ => Err(self.busy(size)),
        }
    }

    fn share(&self, tenant: &TenantId) -> Arc<Places> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = tenants.get(tenant).and_then(Weak::upgrade) {
            return share;
        }
        // Those with a place or in a line are bounded, so this is not done at every call.
        let many = self.all.size.saturating_mul(2 * WAITING_PER_CONNECTION);
        if tenants.len() >= many.max(REMEMBERED) {
            tenants.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Places::new((self.all.size / TENANTS).max(1)));
        tenants.insert(tenant.clone(), Arc::downgrade(&share));
        share
    }

    fn busy(&self, share: usize) -> Fault {
        let words = format!(
            "all {} connections to the rows, or the {share} that one tenant may have, were busy \
             for {} ms",
            self.all.size,
            self.wait.as_millis()
        );
        Fault::because(FaultKind::Contended, words)
    }
}

/// One that waits, counted for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::AcqRel);
        let counted = Self(count);
        (before < most).then_some(counted)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    #[tokio::test]
    async fn a_tenant_has_no_more_than_its_share() {
        let shares = Shares::new(8, Duration::from_millis(50));
        let (acme, globex) = (tenant("acme"), tenant("globex"));
        let one = shares.place(&acme).await.unwrap();
        let _two = shares.place(&acme).await.unwrap();
        let third = shares.place(&acme).await;
        assert_eq!(third.err().unwrap().kind, FaultKind::Contended);
        let _theirs = shares.place(&globex).await.unwrap();
        drop(one);
        assert!(shares.place(&acme).await.is_ok());
    }

    #[tokio::test]
    async fn all_tenants_have_no_more_than_there_is() {
        let shares = Shares::new(2, Duration::from_millis(50));
        let _one = shares.place(&tenant("one")).await.unwrap();
        let _two = shares.place(&tenant("two")).await.unwrap();
        let third = shares.place(&tenant("three")).await;
        assert_eq!(third.err().unwrap().kind, FaultKind::Contended);
    }

    #[tokio::test]
    async fn a_tenant_that_waits_takes_no_turn_of_another() {
        let shares = Shares::new(4, Duration::from_millis(50));
        let (acme, globex) = (tenant("acme"), tenant("globex"));
        let _held = shares.place(&acme).await.unwrap();
        let crowd = futures_util::future::join_all((0..200).map(|_| shares.place(&acme)));
        let other = async {
            let place = shares.place(&globex).await;
            assert!(place.is_ok());
        };
        let (crowd, ()) = futures_util::future::join(crowd, other).await;
        assert!(crowd.iter().all(Result::is_err));
    }
}
