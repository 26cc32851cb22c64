//! Takes an invitation of the caller's own address.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::SubjectView;
use doorward_base::ChallengeId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};

/// Takes an invitation of the caller's own, proven address, once: it becomes a member of
/// the tenant with the invitation's roles.
#[utoipa::path(
    post,
    path = "/me/v1/invitations/{id}/accept",
    operation_id = "accept_own_invitation",
    tag = "invitations",
    params(("id" = String, Path, description = "The invitation's id")),
    responses(
        (status = 200, description = "The account", body = SubjectView),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: not from a sign-in"),
        (status = 404, description = "not_found: unknown, taken, expired, or somebody else's"),
    ),
)]
pub(crate) async fn accept_own_invitation(
    desk: Desk,
    PathKey(id): PathKey<ChallengeId>,
) -> Result<Json<SubjectView>, Refusal> {
    let subject = act::accept_own_invitation(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(Json(SubjectView::from(&subject)))
}
