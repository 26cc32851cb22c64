//! Tells the caller who it is.

use crate::desk::Visit;
use crate::refuse::refuse;
use crate::wire::UserView;
use doorward_base::ErrorCode;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;

/// Who am I, read live; the roles are those of the access token.
#[utoipa::path(
    get,
    path = "/v1/user",
    operation_id = "show_user",
    tag = "user",
    responses(
        (status = 200, description = "The caller", body = UserView),
        (status = 401, description = "unauthorized"),
        (status = 503, description = "internal-server-error"),
    ),
)]
pub(crate) async fn show_user(visit: Visit) -> Result<Json<UserView>, Refusal> {
    let (caller, subject) = visit.caller()?;
    let profile = act::load_profile(visit.context(), &caller, subject)
        .await
        .map_err(refuse)?;
    let principal = visit
        .principal()
        .ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
    let (roles, role) = (&principal.roles, principal.role.as_ref());
    Ok(Json(UserView::of(&profile.subject, roles, role)))
}
