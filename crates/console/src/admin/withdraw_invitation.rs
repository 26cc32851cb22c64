//! Withdraws an invitation.

use crate::desk::Desk;
use crate::errors::refuse;
use doorward_base::ChallengeId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::PathKey;
use http::StatusCode;

/// Withdraws an invitation: its secret takes nothing any more. Needs
/// `platform.memberships.edit` in its tenant.
#[utoipa::path(
    delete,
    path = "/admin/v1/invitations/{id}",
    operation_id = "withdraw_invitation",
    tag = "memberships",
    params(("id" = String, Path, description = "The invitation's id")),
    responses(
        (status = 204, description = "It is withdrawn"),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown, taken, or out of reach"),
    ),
)]
pub(crate) async fn withdraw_invitation(
    desk: Desk,
    PathKey(id): PathKey<ChallengeId>,
) -> Result<StatusCode, Refusal> {
    act::withdraw_invitation(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
