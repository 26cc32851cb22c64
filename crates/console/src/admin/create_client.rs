//! Makes a client.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{NewClientView, parse, parse_all, parse_some};
use doorward_identity::act::{self, CreateClient};
use doorward_identity::model::Ceiling;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A client about to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClient {
    /// What it is called, at most 200 characters.
    name: String,
    /// `confidential` (it keeps a secret) or `public`.
    kind: String,
    /// The tenant whose client it is; without, it is the realm's.
    tenant: Option<String>,
    /// The scopes it may carry at most, at most 64.
    scopes: Option<Vec<String>>,
    /// The roles it may carry at most, at most 64.
    roles: Option<Vec<String>>,
    /// The audiences it may ask for, at most 64; without, all of the realm.
    audiences: Option<Vec<String>>,
    /// Where an authorization may return to, at most 32.
    #[serde(default)]
    redirect_uris: Vec<String>,
}

/// Makes a client. The secret is in this answer and nowhere else; a public client has
/// none. Needs `platform.clients.edit`, where it is the client of or realm-wide, and all
/// that it may carry: without `scopes` and `roles` it carries none.
#[utoipa::path(
    post,
    path = "/admin/v1/clients",
    operation_id = "create_client",
    tag = "clients",
    request_body = NewClient,
    responses(
        (status = 201, description = "The client with its secret", body = NewClientView),
        (status = 400, description = "body_malformed, invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the tenant"),
    ),
)]
pub(crate) async fn create_client(
    desk: Desk,
    Json(body): Json<NewClient, 131_072>,
) -> Result<(StatusCode, Json<NewClientView>), Refusal> {
    let request = CreateClient {
        name: body.name,
        kind: parse("kind", &body.kind)?,
        ceiling: Ceiling {
            tenant: parse_some("tenant", body.tenant.as_deref())?,
            roles: body
                .roles
                .as_deref()
                .map(|all| parse_all("roles", all))
                .transpose()?,
            permissions: body
                .scopes
                .as_deref()
                .map(|all| parse_all("scopes", all))
                .transpose()?,
            audiences: body
                .audiences
                .as_deref()
                .map(|all| parse_all("audiences", all))
                .transpose()?,
            environment: None,
        },
        redirect_uris: body.redirect_uris,
    };
    let made = act::create_client(desk.context(), &desk.caller, request)
        .await
        .map_err(refuse)?;
    let view = NewClientView::of(&made, desk.call.now);
    Ok((StatusCode::CREATED, Json(view)))
}
