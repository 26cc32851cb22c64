//! `/admin/v1`: management of a realm for whoever holds the permissions. Each use-case
//! checks the permission on authority read live; no handler does. Not here: the caller's
//! own affairs (`me`).

mod add_grant;
mod ban_user;
mod create_client;
mod create_invitation;
mod create_membership;
mod create_service_account;
mod create_tenant;
mod create_token;
mod create_user;
mod delete_tenant;
mod delete_user;
mod disable_user;
mod enable_user;
mod end_client_overlap;
mod end_membership;
mod end_token_overlap;
mod foresee_leaving;
mod hand_over_token;
mod list_audit;
mod list_clients;
mod list_denials;
mod list_grants;
mod list_invitations;
mod list_memberships;
mod list_service_accounts;
mod list_tenants;
mod list_tokens;
mod list_users;
mod regenerate_token;
mod remove_grant;
mod revoke_client;
mod revoke_token;
mod rotate_client_secret;
mod show_denial;
mod show_user;
mod tenant_limits;
#[cfg(test)]
mod testing;
mod unlink_identity;
mod withdraw_invitation;

use crate::desk::Shared;
use axum::Router;
use axum::extract::FromRef;
use doorward_identity::act::Identity;
use doorward_surface::DenialLog;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What `/admin/v1` needs; the realm comes with each request as its part
/// `Arc<Realm>`. Mounted for callers with an access token.
pub struct AdminParts {
    /// The process's identity.
    pub identity: Arc<Identity>,
    /// Recent denials.
    pub denials: Arc<dyn DenialLog>,
}

/// The parts as handlers share them.
#[derive(Clone)]
pub(crate) struct Admin {
    shared: Shared,
    denials: Arc<dyn DenialLog>,
}

impl FromRef<Admin> for Shared {
    fn from_ref(admin: &Admin) -> Self {
        admin.shared.clone()
    }
}

impl AdminParts {
    /// The routes.
    pub fn router(self) -> Router {
        Router::from(endpoints()).with_state(Admin {
            shared: Shared {
                identity: self.identity,
            },
            denials: self.denials,
        })
    }
}

fn endpoints() -> OpenApiRouter<Admin> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(subjects())
        .merge(authority())
        .merge(tokens())
        .merge(clients())
        .merge(records())
}

fn subjects() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(routes!(list_users::list_users, create_user::create_user))
        .routes(routes!(show_user::show_user, delete_user::delete_user))
        .routes(routes!(ban_user::ban_user))
        .routes(routes!(ban_user::unban_user))
        .routes(routes!(unlink_identity::unlink_identity))
        .routes(routes!(disable_user::disable_user))
        .routes(routes!(enable_user::enable_user))
        .routes(routes!(
            list_service_accounts::list_service_accounts,
            create_service_account::create_service_account
        ))
}

fn authority() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(routes!(
            list_tenants::list_tenants,
            create_tenant::create_tenant
        ))
        .routes(routes!(delete_tenant::delete_tenant))
        .routes(routes!(tenant_limits::list_tenant_limits))
        .routes(routes!(
            tenant_limits::set_tenant_limit,
            tenant_limits::clear_tenant_limit
        ))
        .routes(routes!(
            list_memberships::list_memberships,
            create_membership::create_membership,
            end_membership::end_membership
        ))
        .routes(routes!(foresee_leaving::foresee_leaving))
        .routes(routes!(
            list_invitations::list_invitations,
            create_invitation::create_invitation
        ))
        .routes(routes!(withdraw_invitation::withdraw_invitation))
        .routes(routes!(
            list_grants::list_grants,
            add_grant::add_grant,
            remove_grant::remove_grant
        ))
}

fn tokens() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(routes!(
            list_tokens::list_tokens,
            create_token::create_token
        ))
        .routes(routes!(revoke_token::revoke_token))
        .routes(routes!(regenerate_token::regenerate_token))
        .routes(routes!(end_token_overlap::end_token_overlap))
        .routes(routes!(hand_over_token::hand_over_token))
}

fn clients() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(routes!(
            list_clients::list_clients,
            create_client::create_client
        ))
        .routes(routes!(revoke_client::revoke_client))
        .routes(routes!(rotate_client_secret::rotate_client_secret))
        .routes(routes!(end_client_overlap::end_client_overlap))
}

fn records() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(routes!(list_audit::list_audit))
        .routes(routes!(list_denials::list_denials))
        .routes(routes!(show_denial::show_denial))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Doorward: admin API",
    description = "Management of a realm. Every call needs an access token of a session, or one that was exchanged with the management permission among its scopes. Refusals have a stable code in the body form of the mount; without or with a dead access token it is 401 invalid_token."
))]
struct Description;

/// The OpenAPI description of `/admin/v1`.
#[must_use]
pub fn admin_openapi() -> utoipa::openapi::OpenApi {
    endpoints().into_openapi()
}
