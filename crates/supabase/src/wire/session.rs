//! A session, with the access token that it gives.

use super::UserView;
use doorward_base::Secret;
use doorward_identity::act::{Issued, Realm};
use doorward_identity::decide::metadata::shown;
use doorward_identity::model::Subject;
use serde::Serialize;
use utoipa::ToSchema;

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    /// The JWT.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// When it expires, in seconds since 1970.
    expires_at: i64,
    /// What the session is refreshed with, where the realm refreshes sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Whose it is.
    user: UserView,
}

impl SessionView {
    /// The one place where a session's secrets are written out.
    pub(crate) fn of(
        realm: &Realm,
        issued: &Issued,
        refresh: Option<&Secret>,
        subject: &Subject,
    ) -> Self {
        let template = &realm.settings.tokens.claims;
        Self {
            access_token: issued.jwt.expose().to_owned(),
            token_type: "bearer",
            expires_in: issued.expires_in,
            expires_at: issued.expires_at.as_seconds(),
            refresh_token: refresh.map(|secret| secret.expose().to_owned()),
            user: UserView::of(subject, &[], |written| {
                shown(template, written, &issued.claims)
            }),
        }
    }
}
