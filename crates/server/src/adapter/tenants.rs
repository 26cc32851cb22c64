//! Tenants that are known to be there, so that whoever acts in one that is not its own costs
//! no look-up each time. Not here: who may (the gate).

use crate::live::{Position, RealmLive};
use doorward_base::{RealmId, TenantId};
use quick_cache::sync::Cache;

/// How many are known at once, of all realms.
const MOST: usize = 4096;

/// Tenants that were there at a position of the change log. None that is not: it may be
/// made at any time.
pub(super) struct KnownTenants(Cache<(RealmId, TenantId), Position>);

impl KnownTenants {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// Whether the tenant was there, and was not deleted since.
    pub(super) fn knows(&self, live: &RealmLive, tenant: &TenantId) -> bool {
        let as_of = self.0.get(&(live.id, tenant.clone()));
        as_of.is_some_and(|as_of| live.has_still(tenant, as_of))
    }

    /// It was there when the log had been followed so far.
    pub(super) fn learn(&self, live: &RealmLive, tenant: &TenantId, as_of: Position) {
        self.0.insert((live.id, tenant.clone()), as_of);
    }
}
