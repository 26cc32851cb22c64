//! What tenants were given of limits, from what the feed keeps in memory, and the quotas of
//! the calendar.

use crate::quotas::Quotas;
use crate::realms::Served;
use async_trait::async_trait;
use doorward_base::limit::{Allowance, Amount, Verdict};
use doorward_base::{RealmId, TenantId, Timestamp};
use doorward_gate::port::Plans;
use doorward_surface::RealmHandle;
use std::sync::Arc;

/// Reads what the feed keeps, and counts.
pub(crate) struct LivePlans {
    quotas: Arc<Quotas>,
}

impl LivePlans {
    /// With these quotas.
    pub(crate) fn new(quotas: Arc<Quotas>) -> Self {
        Self { quotas }
    }
}

fn id(realm: &RealmHandle) -> Option<RealmId> {
    realm.get::<Arc<Served>>().map(|served| served.realm.id)
}

#[async_trait]
impl Plans for LivePlans {
    fn given(&self, realm: &RealmHandle, tenant: &TenantId, limit: &str) -> Option<Amount> {
        let served = realm.get::<Arc<Served>>()?;
        served.live.given(tenant, limit)
    }

    fn take(
        &self,
        realm: &RealmHandle,
        holder: u128,
        allowance: &Allowance,
        now: Timestamp,
    ) -> Option<Verdict> {
        self.quotas.take(id(realm)?, holder, allowance, now)
    }

    async fn learn(
        &self,
        realm: &RealmHandle,
        holder: u128,
        allowance: &Allowance,
        now: Timestamp,
    ) {
        if let Some(realm) = id(realm) {
            self.quotas.learn(realm, holder, allowance, now).await;
        }
    }

    fn give_back(&self, realm: &RealmHandle, holder: u128, allowance: &Allowance, now: Timestamp) {
        if let Some(realm) = id(realm) {
            self.quotas.give_back(realm, holder, allowance, now);
        }
    }
}
