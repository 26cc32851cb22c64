//! Which tenants' files are open: no more than a number of them, the least recently used
//! closed first, and none for longer than it is idle.

use super::book::lock;
use super::tenant::Tenant;
use doorward_base::{TenantId, Timestamp};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// The tenants that were called lately.
pub(super) struct Shelf {
    directory: PathBuf,
    most: usize,
    readers: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Tenant>>>,
}

impl Shelf {
    /// For the files of this directory.
    pub(super) fn new(directory: PathBuf, most: usize, readers: usize) -> Self {
        Self {
            directory,
            most: most.max(1),
            readers: readers.max(1),
            tenants: Mutex::default(),
        }
    }

    /// The tenant, whose file may be closed.
    pub(super) fn tenant(&self, id: &TenantId) -> Arc<Tenant> {
        let mut tenants = lock(&self.tenants);
        if let Some(found) = tenants.get(id) {
            return Arc::clone(found);
        }
        let made = Tenant::new(id, &self.directory, self.readers);
        tenants.insert(id.clone(), Arc::clone(&made));
        made
    }

    /// How many files are open.
    pub(super) fn open(&self) -> usize {
        let tenants = lock(&self.tenants);
        tenants.values().filter(|tenant| counts(tenant)).count()
    }

    /// Counts this tenant's file as open and closes others where there are too many. Blocks.
    pub(super) fn make_room(&self, of: &Arc<Tenant>) {
        let victims = {
            let mut tenants = lock(&self.tenants);
            if of.counted.swap(true, Ordering::AcqRel) {
                return;
            }
            forget_closed(&mut tenants);
            let open = tenants.values().filter(|tenant| counts(tenant)).count();
            let mut idle: Vec<_> = tenants
                .values()
                .filter(|tenant| counts(tenant) && !tenant.is_lent() && !Arc::ptr_eq(tenant, of))
                .cloned()
                .collect();
            idle.sort_by_key(|tenant| tenant.used());
            idle.truncate(open.saturating_sub(self.most));
            idle
        };
        close(&victims);
    }

    /// Closes the files that were last used before then. Blocks.
    pub(super) fn close_unused(&self, since: Timestamp) {
        let victims: Vec<_> = {
            let mut tenants = lock(&self.tenants);
            forget_closed(&mut tenants);
            let unused = |tenant: &&Arc<Tenant>| counts(tenant) && tenant.used() <= since;
            tenants.values().filter(unused).cloned().collect()
        };
        close(&victims);
    }
}

fn counts(tenant: &Arc<Tenant>) -> bool {
    tenant.counted.load(Ordering::Acquire)
}

/// Nobody else has them, and nobody gets them without the lock that the caller holds.
fn forget_closed(tenants: &mut HashMap<TenantId, Arc<Tenant>>) {
    tenants.retain(|_, tenant| counts(tenant) || Arc::strong_count(tenant) > 1);
}

fn close(victims: &[Arc<Tenant>]) {
    for tenant in victims {
        // Whoever borrows from it meanwhile counts it again.
        tenant.counted.store(false, Ordering::Release);
        if !tenant.close() {
            tenant.counted.store(true, Ordering::Release);
        }
    }
}
