//! Shows a subject with what it belongs to and holds.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{GrantView, IdentityView, MembershipView, SubjectView};
use doorward_base::SubjectId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::{Json, PathKey};
use serde::Serialize;
use utoipa::ToSchema;

/// A subject with what it belongs to and holds, within the caller's reach.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileView {
    /// The subject.
    #[serde(flatten)]
    subject: SubjectView,
    /// Its names at logins elsewhere; none for who does not reach all of it.
    identities: Vec<IdentityView>,
    /// Its memberships.
    memberships: Vec<MembershipView>,
    /// Its grants.
    grants: Vec<GrantView>,
}

/// A user or service account. Needs `platform.users.read`, but for oneself.
#[utoipa::path(
    get,
    path = "/admin/v1/users/{id}",
    operation_id = "show_user",
    tag = "users",
    params(("id" = String, Path, description = "The subject's id")),
    responses(
        (status = 200, description = "The subject", body = ProfileView),
        (status = 403, description = "insufficient_permission"),
        (status = 404, description = "not_found: unknown or out of reach"),
    ),
)]
pub(crate) async fn show_user(
    desk: Desk,
    PathKey(id): PathKey<SubjectId>,
) -> Result<Json<ProfileView>, Refusal> {
    let profile = act::load_profile(desk.context(), &desk.caller, id)
        .await
        .map_err(refuse)?;
    Ok(Json(ProfileView {
        subject: SubjectView::from(&profile.subject),
        identities: profile.identities.iter().map(Into::into).collect(),
        memberships: profile.memberships.iter().map(Into::into).collect(),
        grants: profile.grants.iter().map(Into::into).collect(),
    }))
}
