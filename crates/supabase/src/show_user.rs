//! Tells the caller who it is.

use crate::desk::Desk;
use crate::refuse::refuse;
use crate::wire::UserView;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;

/// Who am I, read live.
#[utoipa::path(
    get,
    path = "/auth/v1/user",
    operation_id = "show_user",
    tag = "user",
    responses(
        (status = 200, description = "The caller", body = UserView),
        (status = 401, description = "no_authorization"),
        (status = 403, description = "bad_jwt, session_not_found, session_expired, user_banned, user_not_found"),
        (status = 503, description = "unexpected_failure"),
    ),
)]
pub(crate) async fn show_user(desk: Desk) -> Result<Json<UserView>, Refusal> {
    let profile = act::load_profile(desk.context(), &desk.caller, desk.subject)
        .await
        .map_err(refuse)?;
    Ok(Json(desk.view(&profile)))
}
