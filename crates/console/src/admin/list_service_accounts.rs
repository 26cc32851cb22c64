//! Lists the realm's service accounts.

use super::list_users::{PageQuery, list_kind};
use crate::desk::Desk;
use crate::wire::{Listing, SubjectView};
use doorward_base::SubjectKind;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, Query};

/// The realm's service accounts, by id. A page may hold fewer rows than asked for and
/// still have a successor. Needs `platform.users.read` realm-wide.
#[utoipa::path(
    get,
    path = "/admin/v1/service-accounts",
    operation_id = "list_service_accounts",
    tag = "service accounts",
    params(PageQuery),
    responses(
        (status = 200, description = "Service accounts", body = Listing<SubjectView>),
        (status = 403, description = "insufficient_permission"),
    ),
)]
pub(crate) async fn list_service_accounts(
    desk: Desk,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing<SubjectView>>, Refusal> {
    list_kind(&desk, &query, SubjectKind::Service).await
}
