//! Lists the realm's users.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{Listing, SubjectView, page};
use doorward_base::SubjectKind;
use doorward_identity::act;
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

/// The realm's users, by id. A page may hold fewer rows than asked for and still have a
/// successor. Needs `platform.users.read` realm-wide.
#[utoipa::path(
    get,
    path = "/admin/v1/users",
    operation_id = "list_users",
    tag = "users",
    params(PageQuery),
    responses(
        (status = 200, description = "Users", body = Listing<SubjectView>),
        (status = 403, description = "insufficient_permission"),
    ),
)]
pub(crate) async fn list_users(
    desk: Desk,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<SubjectView>>, Refusal> {
    list_kind(&desk, &query, SubjectKind::User).await
}

/// The subjects of one kind on a page of all.
pub(super) async fn list_kind(
    desk: &Desk,
    query: &PageQuery,
    kind: SubjectKind,
) -> Result<Json<Listing<SubjectView>>, Refusal> {
    let page = page(query.limit.as_deref(), query.after.as_deref())?;
    let subjects = act::list_subjects(desk.context(), &desk.caller, page)
        .await
        .map_err(refuse)?;
    let view = |subject| SubjectView::from(subject);
    let mut listing = Listing::by_key(&subjects, page.limit, |subject| subject.id, view);
    listing
        .items
        .retain(|subject| subject.kind == kind.as_str());
    Ok(Json(listing))
}
