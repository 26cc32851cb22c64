//! Lists the caller's tokens, without their secrets.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{Listing, TokenView, page};
use doorward_identity::act::{self, OwnerRef, TokensOf};
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};
use serde::Deserialize;

/// Which page.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// 1 to 1000; 100 without.
    pub(super) limit: Option<String>,
    /// The `next` of the page before.
    pub(super) after: Option<String>,
}

/// The caller's tokens, revoked and expired ones included.
#[utoipa::path(
    get,
    path = "/me/v1/tokens",
    operation_id = "list_own_tokens",
    tag = "tokens",
    params(PageQuery),
    responses(
        (status = 200, description = "Tokens without their secrets", body = Listing<TokenView>),
        (status = 401, description = "invalid_token"),
    ),
)]
pub(crate) async fn list_own_tokens(
    desk: Desk,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<TokenView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let owner = Some(TokensOf::Owner(OwnerRef::Subject(desk.subject)));
    let found = act::list_tokens(desk.context(), &desk.caller, owner, page)
        .await
        .map_err(refuse)?;
    Ok(Json(Listing::of_tokens(&found, desk.call.now)))
}
