//! Makes a user.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{SubjectView, parse_some, placement};
use doorward_base::Secret;
use doorward_identity::act::{self, CreateUser};
use doorward_identity::model::Metadata;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A user about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The e-mail address. It counts in the tenant alone unless you may edit users
    /// realm-wide; there it is unique.
    email: Option<String>,
    /// The phone number (E.164). Without it and an address the user is anonymous.
    phone: Option<String>,
    /// Whether you vouch for the addresses; only for who may edit users realm-wide.
    #[serde(default)]
    email_proven: bool,
    /// A display name, at most 200 characters.
    name: Option<String>,
    /// A password; without one there is no sign-in by password.
    password: Option<String>,
    /// The tenant it becomes a member of.
    tenant: Option<String>,
    /// Roles granted in that tenant; the realm's default roles come on top.
    #[serde(default)]
    roles: Vec<String>,
    /// Permissions granted in that tenant.
    #[serde(default)]
    permissions: Vec<String>,
    /// What it says about itself.
    #[serde(default)]
    #[schema(value_type = Object)]
    user_metadata: Metadata,
    /// What the realm says about it; only for who may edit users realm-wide.
    #[serde(default)]
    #[schema(value_type = Object)]
    app_metadata: Metadata,
}

/// Makes a user. Needs `platform.users.edit` in the tenant, or realm-wide; what it
/// grants, the caller must hold itself.
#[utoipa::path(
    post,
    path = "/admin/v1/users",
    operation_id = "create_user",
    tag = "users",
    request_body = NewUser,
    responses(
        (status = 201, description = "The user", body = SubjectView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant"),
        (status = 409, description = "already_exists"),
    ),
)]
pub(crate) async fn create_user(
    desk: Desk,
    Json(body): Json<NewUser>,
) -> Result<(StatusCode, Json<SubjectView>), Refusal> {
    if body.email_proven && body.email.is_none() && body.phone.is_none() {
        return Err(invalid("email_proven", "there is no address to vouch for"));
    }
    let new = CreateUser {
        email: parse_some("email", body.email.as_deref())?,
        phone: parse_some("phone", body.phone.as_deref())?,
        proven: body.email_proven,
        name: body.name,
        password: body.password.map(Secret::new),
        placement: placement(body.tenant.as_deref(), &body.roles, &body.permissions)?,
        user_metadata: body.user_metadata,
        app_metadata: body.app_metadata,
    };
    let subject = act::create_user(desk.context(), &desk.caller, new)
        .await
        .map_err(refuse)?;
    Ok((StatusCode::CREATED, Json(SubjectView::from(&subject))))
}
