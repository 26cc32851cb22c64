//! Shows why one request was refused.

use super::Admin;
use crate::desk::Desk;
use crate::errors::refuse;
use axum::extract::State;
use doorward_base::{ErrorCode, RequestId};
use doorward_identity::act;
use doorward_identity::decide::manage::{ManagementPermission, Reach};
use doorward_surface::extract::{Json, PathKey};
use doorward_surface::{Denial, Refusal};

/// The trace of one denial, by the id its request was answered with. Needs
/// `platform.denials.read`; another tenant's denial looks like none.
#[utoipa::path(
    get,
    path = "/admin/v1/denials/{request_id}",
    operation_id = "show_denial",
    tag = "denials",
    params(("request_id" = String, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The trace", body = Object),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown, forgotten or out of reach"),
    ),
)]
pub(crate) async fn show_denial(
    State(admin): State<Admin>,
    desk: Desk,
    PathKey(id): PathKey<RequestId>,
) -> Result<Json<Denial>, Refusal> {
    let what = ManagementPermission::DenialsRead;
    let reach = act::authorize(desk.context(), &desk.caller, what)
        .await
        .map_err(refuse)?;
    let realm = &desk.context().realm.settings.name;
    let found = admin.denials.find(realm, id);
    found
        .filter(|denial| is_within(&reach, denial))
        .map(Json)
        .ok_or_else(|| Refusal::new(ErrorCode::NotFound))
}

/// Whether a denial is within reach. One without a tenant is the realm's.
fn is_within(reach: &Reach, denial: &Denial) -> bool {
    match &denial.tenant {
        Some(tenant) => reach.covers(tenant),
        None => *reach == Reach::Realm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::denial;
    use doorward_base::TenantId;

    #[test]
    fn another_tenants_denial_and_one_without_a_tenant_are_out_of_reach() {
        let acme = Reach::Tenants(vec![TenantId::new("acme").unwrap()]);
        for (tenant, of_acme) in [(Some("acme"), true), (Some("globex"), false), (None, false)] {
            assert_eq!(is_within(&acme, &denial(1, tenant)), of_acme, "{tenant:?}");
            assert!(is_within(&Reach::Realm, &denial(1, tenant)));
        }
    }
}
