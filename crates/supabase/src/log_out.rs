//! Ends sessions of the caller.

use crate::desk::Desk;
use crate::refuse::{invalid, refuse};
use doorward_identity::act;
use doorward_surface::Refusal;
use doorward_surface::extract::Query;
use http::StatusCode;
use serde::Deserialize;

/// What the query says.
#[derive(Deserialize)]
pub(crate) struct LogOutQuery {
    /// `global` (every session; the default), `local` (this one) or `others`.
    scope: Option<String>,
}

/// Which sessions end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    Global,
    Local,
    Others,
}

fn scope(text: Option<&str>) -> Result<Scope, Refusal> {
    match text {
        None | Some("" | "global") => Ok(Scope::Global),
        Some("local") => Ok(Scope::Local),
        Some("others") => Ok(Scope::Others),
        Some(_) => Err(invalid("Unsupported logout scope")),
    }
}

/// Ends sessions of the caller: their access tokens fail at once where the realm says so,
/// and their refresh tokens are dead.
#[utoipa::path(
    post,
    path = "/auth/v1/logout",
    operation_id = "log_out",
    tag = "session",
    params(("scope" = Option<String>, Query, description = "`global` (every session; the default), `local` (this one) or `others`")),
    responses(
        (status = 204, description = "The sessions have ended"),
        (status = 400, description = "validation_failed"),
        (status = 401, description = "no_authorization"),
        (status = 403, description = "bad_jwt, session_not_found, session_expired, user_banned, user_not_found"),
        (status = 503, description = "unexpected_failure"),
    ),
)]
pub(crate) async fn log_out(
    desk: Desk,
    Query(query): Query<LogOutQuery>,
) -> Result<StatusCode, Refusal> {
    let scope = scope(query.scope.as_deref())?;
    if scope != Scope::Local {
        act::end_other_sessions(desk.context(), &desk.caller)
            .await
            .map_err(refuse)?;
    }
    if scope != Scope::Others {
        act::sign_out(desk.context(), &desk.caller)
            .await
            .map_err(refuse)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_of_three_and_global_unless_it_is_said() {
        for (text, expected) in [
            (None, Some(Scope::Global)),
            (Some(""), Some(Scope::Global)),
            (Some("global"), Some(Scope::Global)),
            (Some("local"), Some(Scope::Local)),
            (Some("others"), Some(Scope::Others)),
            (Some("all"), None),
        ] {
            assert_eq!(scope(text).ok(), expected, "{text:?}");
        }
    }
}
