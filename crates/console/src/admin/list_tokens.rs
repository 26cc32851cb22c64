//! Lists API tokens within the caller's reach, without their secrets.

use crate::desk::Desk;
use crate::errors::{invalid, refuse};
use crate::wire::{Listing, TokenView, owner, page};
use doorward_identity::act::{self, TokensOf};
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::Deserialize;

/// Whose tokens.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokensQuery {
    /// An owner: a subject's id, an e-mail address, or `tenant:ID`.
    owner: Option<String>,
    /// Who made them, whoever owns them: a subject's id, also of one that is deleted, or an
    /// e-mail address. Not beside `owner`.
    made_by: Option<String>,
    /// 1 to 1000; 100 without.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// API tokens within the caller's reach, revoked and expired ones included: for a tenant's
/// administrator, those bound to the tenant. Needs `platform.users.read` or `platform.users.service-accounts.access-tokens.edit`.
#[utoipa::path(
    get,
    path = "/admin/v1/tokens",
    operation_id = "list_tokens",
    tag = "tokens",
    params(TokensQuery),
    responses(
        (status = 200, description = "Tokens without their secrets", body = Listing<TokenView>),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: the owner or the maker"),
    ),
)]
pub(crate) async fn list_tokens(
    desk: Desk,
    Query(query): Query<TokensQuery>,
) -> Result<Json<Listing<TokenView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let which = match (query.owner.as_deref(), query.made_by.as_deref()) {
        (Some(_), Some(_)) => return Err(invalid("made_by", "not beside `owner`")),
        (Some(text), None) => Some(TokensOf::Owner(owner("owner", text)?)),
        (None, Some(text)) => Some(TokensOf::Maker(owner("made_by", text)?)),
        (None, None) => None,
    };
    let found = act::list_tokens(desk.context(), &desk.caller, which, page)
        .await
        .map_err(refuse)?;
    Ok(Json(Listing::of_tokens(&found, desk.call.now)))
}
