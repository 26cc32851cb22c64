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
#[cfg(test)]
mod testing;
mod unlink_identity;
mod withdraw_invitation;

use crate::desk::Shared;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use doorward_identity::act::Identity;
use doorward_surface::DenialLog;
use std::sync::Arc;
use utoipa::OpenApi;

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
        subjects()
            .merge(authority())
            .merge(tokens())
            .merge(clients())
            .merge(records())
            .with_state(Admin {
                shared: Shared {
                    identity: self.identity,
                },
                denials: self.denials,
            })
    }
}

fn subjects() -> Router<Admin> {
    Router::new()
        .route(
            "/admin/v1/users",
            get(list_users::list_users).post(create_user::create_user),
        )
        .route(
            "/admin/v1/users/{id}",
            get(show_user::show_user).delete(delete_user::delete_user),
        )
        .route("/admin/v1/users/{id}/ban", post(ban_user::ban_user))
        .route("/admin/v1/users/{id}/unban", post(ban_user::unban_user))
        .route(
            "/admin/v1/users/{id}/identities/{identity}",
            delete(unlink_identity::unlink_identity),
        )
        .route(
            "/admin/v1/users/{id}/disable",
            post(disable_user::disable_user),
        )
        .route(
            "/admin/v1/users/{id}/enable",
            post(enable_user::enable_user),
        )
        .route(
            "/admin/v1/service-accounts",
            get(list_service_accounts::list_service_accounts)
                .post(create_service_account::create_service_account),
        )
}

fn authority() -> Router<Admin> {
    Router::new()
        .route(
            "/admin/v1/tenants",
            get(list_tenants::list_tenants).post(create_tenant::create_tenant),
        )
        .route(
            "/admin/v1/tenants/{id}",
            delete(delete_tenant::delete_tenant),
        )
        .route(
            "/admin/v1/memberships",
            get(list_memberships::list_memberships)
                .post(create_membership::create_membership)
                .delete(end_membership::end_membership),
        )
        .route(
            "/admin/v1/invitations",
            get(list_invitations::list_invitations).post(create_invitation::create_invitation),
        )
        .route(
            "/admin/v1/invitations/{id}",
            delete(withdraw_invitation::withdraw_invitation),
        )
        .route(
            "/admin/v1/grants",
            get(list_grants::list_grants)
                .post(add_grant::add_grant)
                .delete(remove_grant::remove_grant),
        )
}

fn tokens() -> Router<Admin> {
    Router::new()
        .route(
            "/admin/v1/tokens",
            get(list_tokens::list_tokens).post(create_token::create_token),
        )
        .route("/admin/v1/tokens/{id}", delete(revoke_token::revoke_token))
        .route(
            "/admin/v1/tokens/{id}/regenerate",
            post(regenerate_token::regenerate_token),
        )
}

fn clients() -> Router<Admin> {
    Router::new()
        .route(
            "/admin/v1/clients",
            get(list_clients::list_clients).post(create_client::create_client),
        )
        .route(
            "/admin/v1/clients/{id}",
            delete(revoke_client::revoke_client),
        )
        .route(
            "/admin/v1/clients/{id}/rotate",
            post(rotate_client_secret::rotate_client_secret),
        )
        .route(
            "/admin/v1/clients/{id}/end-overlap",
            post(end_client_overlap::end_client_overlap),
        )
}

fn records() -> Router<Admin> {
    Router::new()
        .route("/admin/v1/audit", get(list_audit::list_audit))
        .route("/admin/v1/denials", get(list_denials::list_denials))
        .route(
            "/admin/v1/denials/{request_id}",
            get(show_denial::show_denial),
        )
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward: admin API",
        description = "Management of a realm. Every call needs an access token of a session, or one that was exchanged with the management permission among its scopes. Refusals have a stable code in the body form of the mount; without or with a dead access token it is 401 invalid_token."
    ),
    paths(
        add_grant::add_grant,
        ban_user::ban_user,
        ban_user::unban_user,
        delete_tenant::delete_tenant,
        delete_user::delete_user,
        unlink_identity::unlink_identity,
        create_client::create_client,
        create_invitation::create_invitation,
        create_membership::create_membership,
        create_service_account::create_service_account,
        create_tenant::create_tenant,
        create_token::create_token,
        create_user::create_user,
        disable_user::disable_user,
        enable_user::enable_user,
        end_client_overlap::end_client_overlap,
        end_membership::end_membership,
        list_audit::list_audit,
        list_clients::list_clients,
        list_denials::list_denials,
        list_grants::list_grants,
        list_invitations::list_invitations,
        list_memberships::list_memberships,
        list_service_accounts::list_service_accounts,
        list_tenants::list_tenants,
        list_tokens::list_tokens,
        list_users::list_users,
        regenerate_token::regenerate_token,
        remove_grant::remove_grant,
        revoke_client::revoke_client,
        revoke_token::revoke_token,
        rotate_client_secret::rotate_client_secret,
        show_denial::show_denial,
        show_user::show_user,
        withdraw_invitation::withdraw_invitation,
    )
)]
struct Description;

/// The OpenAPI description of `/admin/v1`.
#[must_use]
pub fn admin_openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
