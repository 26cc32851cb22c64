//! Lists recent denials with their traces.

use super::Admin;
use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{Listing, page};
use axum::extract::State;
use doorward_base::RealmName;
use doorward_identity::act;
use doorward_identity::decide::manage::{ManagementPermission, Reach};
use doorward_surface::extract::{Json, Query};
use doorward_surface::{Denial, DenialLog, Refusal};
use serde::Deserialize;
use std::cmp::Reverse;

/// How many.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LimitQuery {
    /// 1 to 1000; 100 without.
    limit: Option<String>,
}

/// Recent denials, newest first; a tenant's administrator sees its tenant's. Needs
/// `platform.denials.read`.
#[utoipa::path(
    get,
    path = "/admin/v1/denials",
    operation_id = "list_denials",
    tag = "denials",
    params(LimitQuery),
    responses(
        (status = 200, description = "Denials under `items`", body = Object),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
    ),
)]
pub(crate) async fn list_denials(
    State(admin): State<Admin>,
    desk: Desk,
    Query(query): Query<LimitQuery>,
) -> Result<Json<Listing<Denial>>, Refusal> {
    let limit = page::<i64>(query.limit.as_deref(), None)?.limit;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let what = ManagementPermission::DenialsRead;
    let reach = act::authorize(desk.context(), &desk.caller, what)
        .await
        .map_err(refuse)?;
    let realm = &desk.context().realm.settings.name;
    let denials = within(&*admin.denials, realm, &reach, limit);
    Ok(Json(Listing::whole(denials)))
}

/// The newest denials within reach.
fn within(log: &dyn DenialLog, realm: &RealmName, reach: &Reach, limit: usize) -> Vec<Denial> {
    let Reach::Tenants(tenants) = reach else {
        return log.list(realm, None, limit);
    };
    let mut denials: Vec<Denial> = tenants
        .iter()
        .flat_map(|tenant| log.list(realm, Some(tenant), limit))
        .collect();
    denials.sort_by_key(|denial| Reverse(denial.at));
    denials.truncate(limit);
    denials
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::{Kept, denial};
    use doorward_base::TenantId;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    #[test]
    fn a_tenants_administrator_sees_its_tenants_newest_first_and_nothing_else() {
        let log = Kept(vec![
            denial(1, Some("acme")),
            denial(2, Some("globex")),
            denial(3, None),
            denial(4, Some("initech")),
            denial(5, Some("acme")),
        ]);
        let realm = RealmName::new("demo").unwrap();
        let seconds = |reach: &Reach, limit| -> Vec<i64> {
            let denials = within(&log, &realm, reach, limit);
            denials
                .iter()
                .map(|denial| denial.at.as_seconds())
                .collect()
        };
        let two = Reach::Tenants(vec![tenant("acme"), tenant("initech")]);
        assert_eq!(seconds(&two, 10), [5, 4, 1]);
        assert_eq!(seconds(&two, 2), [5, 4]);
        let none = Reach::Tenants(vec![tenant("umbrella")]);
        assert_eq!(seconds(&none, 10), Vec::<i64>::new());
        assert_eq!(seconds(&Reach::Realm, 10), [5, 4, 3, 2, 1]);
    }
}
