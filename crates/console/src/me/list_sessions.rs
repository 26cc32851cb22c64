//! Lists the caller's sessions.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{Listing, SessionView};
use doorward_base::principal::CredentialId;
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;

/// The caller's sessions that are not over, newest first, at most 1,000.
#[utoipa::path(
    get,
    path = "/me/v1/sessions",
    operation_id = "list_own_sessions",
    tag = "session",
    responses(
        (status = 200, description = "Sessions", body = Listing<SessionView>),
        (status = 401, description = "invalid_token"),
        (status = 403, description = "insufficient_permission: not from a sign-in"),
    ),
)]
pub(crate) async fn list_own_sessions(desk: Desk) -> Result<Json<Listing<SessionView>>, Refusal> {
    let sessions = act::list_sessions(desk.context(), &desk.caller, desk.subject)
        .await
        .map_err(refuse)?;
    let current = match desk.principal.credential {
        CredentialId::Session(id) => Some(id),
        _ => None,
    };
    let view = |session| SessionView::of(session, current);
    Ok(Json(Listing::whole(sessions.iter().map(view).collect())))
}
