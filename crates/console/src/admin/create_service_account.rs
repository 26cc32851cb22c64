//! Makes a service account.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{SubjectView, placement};
use doorward_base::Email;
use doorward_identity::act::{self, CreateServiceAccount};
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A service account about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewServiceAccount {
    /// The address that identifies it in its tenant, or in the whole realm; no mail is sent
    /// there.
    email: String,
    /// A display name, at most 200 characters.
    name: Option<String>,
    /// The tenant it becomes a member of.
    tenant: Option<String>,
    /// Roles granted in that tenant.
    #[serde(default)]
    roles: Vec<String>,
    /// Permissions granted in that tenant.
    #[serde(default)]
    permissions: Vec<String>,
}

/// Makes a service account. Needs `platform.users.service-accounts.edit` in the tenant,
/// or realm-wide; what it grants, the caller must hold itself.
#[utoipa::path(
    post,
    path = "/admin/v1/service-accounts",
    operation_id = "create_service_account",
    tag = "service accounts",
    request_body = NewServiceAccount,
    responses(
        (status = 201, description = "The service account", body = SubjectView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant"),
        (status = 409, description = "already_exists"),
    ),
)]
pub(crate) async fn create_service_account(
    desk: Desk,
    Json(body): Json<NewServiceAccount>,
) -> Result<(StatusCode, Json<SubjectView>), Refusal> {
    let new = CreateServiceAccount {
        email: Email::new(&body.email).map_err(|error| invalid("email", error))?,
        name: body.name,
        placement: placement(body.tenant.as_deref(), &body.roles, &body.permissions)?,
    };
    let subject = act::create_service_account(desk.context(), &desk.caller, new)
        .await
        .map_err(refuse)?;
    Ok((StatusCode::CREATED, Json(SubjectView::from(&subject))))
}
