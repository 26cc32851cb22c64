//! What a tenant is given of limits in place of what the configuration says.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{Listing, TenantLimitView};
use axum::extract::Path;
use doorward_base::limit::{Allowance, Amount, Period, Quota};
use doorward_base::{ErrorCode, TenantId};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};
use http::StatusCode;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How much: of a rate, `count`, `per_seconds` and `burst`; else one of `in_flight` and
/// `quota`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenAmount {
    /// How many requests of a rate.
    count: Option<u32>,
    /// In how many seconds.
    per_seconds: Option<u64>,
    /// How many at once; without, as many as `count`.
    burst: Option<u32>,
    /// How many may be open at the same time.
    in_flight: Option<u32>,
    /// How many in the quota's period.
    quota: Option<u64>,
}

impl GivenAmount {
    fn read(&self) -> Result<Amount, Refusal> {
        let invalid =
            |problem: String| Refusal::new(ErrorCode::InvalidRequest).with_message(problem);
        match (self.count, self.per_seconds, self.in_flight, self.quota) {
            (Some(count), Some(seconds), None, None) => {
                let burst = self.burst.unwrap_or(count);
                let quota = Quota::new(count, Duration::from_secs(seconds), burst);
                quota
                    .map(Amount::Rate)
                    .map_err(|error| invalid(error.to_string()))
            }
            (None, None, Some(most), None) if most > 0 && self.burst.is_none() => {
                Ok(Amount::InFlight(most))
            }
            (None, None, None, Some(most)) if self.burst.is_none() => {
                Allowance::new(most, Period::Day).map_err(|error| invalid(error.to_string()))?;
                Ok(Amount::Calendar(most))
            }
            _ => Err(invalid(
                "say one of count with per_seconds, in_flight and quota".to_owned(),
            )),
        }
    }
}

/// What a tenant was given of limits in place of what the configuration says. Needs
/// `platform.tenants.edit` realm-wide.
#[utoipa::path(
    get,
    path = "/admin/v1/tenants/{id}/limits",
    operation_id = "list_tenant_limits",
    tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id")),
    responses(
        (status = 200, description = "By limit", body = Listing<TenantLimitView>),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found"),
    ),
)]
pub(crate) async fn list_tenant_limits(
    desk: Desk,
    PathKey(id): PathKey<TenantId>,
) -> Result<Json<Listing<TenantLimitView>>, Refusal> {
    let given = act::list_tenant_limits(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    let items = given.iter().map(TenantLimitView::from).collect();
    Ok(Json(Listing::whole(items)))
}

/// Gives a tenant an amount of a limit. Every process goes by it within a second. Needs
/// `platform.tenants.edit` realm-wide.
#[utoipa::path(
    put,
    path = "/admin/v1/tenants/{id}/limits/{limit}",
    operation_id = "set_tenant_limit",
    tag = "tenants",
    params(
        ("id" = String, Path, description = "The tenant's id"),
        ("limit" = String, Path, description = "The limit's name in the configuration"),
    ),
    request_body = GivenAmount,
    responses(
        (status = 200, description = "What it has now", body = TenantLimitView),
        (status = 400, description = "body_malformed, invalid_request: the limit counts something else"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant or the limit"),
    ),
)]
pub(crate) async fn set_tenant_limit(
    desk: Desk,
    Path((id, limit)): Path<(String, String)>,
    Json(body): Json<GivenAmount>,
) -> Result<Json<TenantLimitView>, Refusal> {
    let not_there = || Refusal::new(ErrorCode::NotFound);
    let id: TenantId = id.parse().map_err(|_| not_there())?;
    let amount = Some(body.read()?);
    let given = act::set_tenant_limit(desk.context(), &desk.caller, id, limit, amount)
        .await
        .map_err(refuse)?;
    let given = given.as_ref().ok_or_else(not_there)?;
    Ok(Json(TenantLimitView::from(given)))
}

/// Takes back what a tenant was given of a limit: the configuration counts again. Needs
/// `platform.tenants.edit` realm-wide.
#[utoipa::path(
    delete,
    path = "/admin/v1/tenants/{id}/limits/{limit}",
    operation_id = "clear_tenant_limit",
    tag = "tenants",
    params(
        ("id" = String, Path, description = "The tenant's id"),
        ("limit" = String, Path, description = "The limit's name in the configuration"),
    ),
    responses(
        (status = 204, description = "It was taken back"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: nothing was given"),
    ),
)]
pub(crate) async fn clear_tenant_limit(
    desk: Desk,
    Path((id, limit)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let not_there = || Refusal::new(ErrorCode::NotFound);
    let id: TenantId = id.parse().map_err(|_| not_there())?;
    act::set_tenant_limit(desk.context(), &desk.caller, id, limit, None)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
