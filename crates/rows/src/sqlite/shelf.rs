//! Which tenants' files are open: no more than a number of them, the least recently used
//! closed first, and none for longer than it is idle.

use super::book::lock;
use super::settings::{OpenFiles, SqliteSettings};
use super::tenant::Tenant;
use doorward_base::{TenantId, Timestamp};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// The tenants that were called lately.
pub(super) struct Shelf {
    directory: PathBuf,
    most: OpenFiles,
    readers: usize,
    /// How large one file may become, bytes.
    room: u64,
    tenants: Mutex<HashMap<TenantId, Arc<Tenant>>>,
    #[cfg(test)]
    pub(super) hole: Option<super::Hole>,
    /// Whose connection the last caller had.
    #[cfg(test)]
    pub(super) lent: Mutex<Option<Arc<Tenant>>>,
}

impl Shelf {
    /// For the files of this directory.
    pub(super) fn new(directory: PathBuf, settings: &SqliteSettings) -> Self {
        Self {
            #[cfg(test)]
            hole: settings.hole,
            #[cfg(test)]
            lent: Mutex::default(),
            directory,
            most: settings.open_files.clone(),
            readers: settings.readers.max(1),
            room: settings.room.file,
            tenants: Mutex::default(),
        }
    }

    /// The tenant, whose file may be closed.
    pub(super) fn tenant(&self, id: &TenantId) -> Arc<Tenant> {
        let mut tenants = lock(&self.tenants);
        if let Some(found) = tenants.get(id) {
            return Arc::clone(found);
        }
        let made = Tenant::new(id, &self.directory, self.readers, self.room);
        tenants.insert(id.clone(), Arc::clone(&made));
        made
    }

    /// How many files are open.
    pub(super) fn open(&self) -> usize {
        let tenants = lock(&self.tenants);
        tenants.values().filter(|tenant| counts(tenant)).count()
    }

    /// Keeps this tenant's file from being closed, counts it as open, and closes others where
    /// there are too many. Blocks.
    pub(super) fn claim<'t>(&self, tenant: &'t Arc<Tenant>) -> Claim<'t> {
        let (victims, claim) = {
            let mut tenants = lock(&self.tenants);
            let claim = Claim::of(tenant);
            if tenant.counted.swap(true, Ordering::AcqRel) {
                return claim;
            }
            forget_closed(&mut tenants);
            let open = tenants.values().filter(|tenant| counts(tenant)).count();
            let mut unused: Vec<_> = tenants.values().filter(is_unused).cloned().collect();
            unused.sort_by_key(|tenant| tenant.used());
            unused.truncate(open.saturating_sub(self.most.most()));
            (choose(unused), claim)
        };
        close(&victims);
        claim
    }

    /// Closes the files that were last used before then. Blocks.
    pub(super) fn close_unused(&self, since: Timestamp) {
        let victims = {
            let mut tenants = lock(&self.tenants);
            forget_closed(&mut tenants);
            let unused = tenants.values().filter(is_unused);
            let unused = unused.filter(|tenant| tenant.used() <= since);
            choose(unused.cloned().collect())
        };
        close(&victims);
    }
}

/// A call's use of a tenant's file.
pub(super) struct Claim<'t>(&'t Tenant);

impl<'t> Claim<'t> {
    fn of(tenant: &'t Tenant) -> Self {
        tenant.users.fetch_add(1, Ordering::AcqRel);
        Self(tenant)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}

fn is_unused(tenant: &&Arc<Tenant>) -> bool {
    counts(tenant) && !tenant.is_used()
}

/// They do not count from now on. Whoever claims one before it is closed counts it again and
/// finds another.
fn choose(victims: Vec<Arc<Tenant>>) -> Vec<Arc<Tenant>> {
    for tenant in &victims {
        tenant.counted.store(false, Ordering::Release);
    }
    victims
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
        tenant.close();
    }
}
