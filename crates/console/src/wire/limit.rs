//! What a tenant was given of limits, as it is shown.

use doorward_base::limit::Amount;
use doorward_identity::model::TenantLimit;
use serde::Serialize;
use utoipa::ToSchema;

/// What a tenant was given of a limit: of a rate `count`, `per_seconds` and `burst`, else
/// `in_flight` or `quota`.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantLimit)]
pub struct TenantLimitView {
    /// Whose.
    tenant: String,
    /// The limit's name in the configuration.
    limit: String,
    /// How many requests of a rate.
    count: Option<u32>,
    /// In how many seconds.
    per_seconds: Option<u64>,
    /// How many at once.
    burst: Option<u32>,
    /// How many may be open at the same time.
    in_flight: Option<u32>,
    /// How many in the quota's period.
    quota: Option<u64>,
    /// Since when.
    changed_at: String,
}

impl From<&TenantLimit> for TenantLimitView {
    fn from(given: &TenantLimit) -> Self {
        let mut view = Self {
            tenant: given.tenant.to_string(),
            limit: given.limit.clone(),
            count: None,
            per_seconds: None,
            burst: None,
            in_flight: None,
            quota: None,
            changed_at: given.changed_at.to_string(),
        };
        match given.amount {
            Amount::Rate(rate) => {
                view.count = Some(rate.count());
                view.per_seconds = Some(rate.per().as_secs());
                view.burst = Some(rate.burst());
            }
            Amount::InFlight(most) => view.in_flight = Some(most),
            Amount::Calendar(most) => view.quota = Some(most),
        }
        view
    }
}
