//! Says which ways in there are.

use doorward_identity::act::Realm;
use doorward_identity::settings::SignUpMode;
use doorward_surface::extract::{Json, RealmPart};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// The ways in that the product names.
const WAYS: &[&str] = &[
    "anonymous_users",
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "kakao",
    "keycloak",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "phone",
    "slack",
    "slack_oidc",
    "snapchat",
    "spotify",
    "twitch",
    "twitter",
    "workos",
    "zoom",
];

/// Which ways in there are.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the product's wire says each by itself"
)]
pub(crate) struct Ways {
    /// Each way in, and whether it is open.
    external: BTreeMap<&'static str, bool>,
    /// Whether nobody signs up.
    disable_signup: bool,
    /// Whether an address passes at once.
    mailer_autoconfirm: bool,
    /// Whether a number does.
    phone_autoconfirm: bool,
    /// Who sends messages to telephones.
    sms_provider: &'static str,
    /// Whether SAML is spoken.
    saml_enabled: bool,
    /// Whether a further key of it is there.
    saml_private_key_next_configured: bool,
    /// Whether there are passkeys.
    passkeys_enabled: bool,
}

/// Says which ways in there are.
#[utoipa::path(
    get,
    path = "/auth/v1/settings",
    operation_id = "show_settings",
    tag = "meta",
    responses((status = 200, description = "The ways in", body = Ways)),
)]
pub(crate) async fn show_settings(RealmPart(realm): RealmPart<Arc<Realm>>) -> Json<Ways> {
    let off = WAYS.iter().map(|way| (*way, false));
    Json(Ways {
        external: off.chain([("email", true)]).collect(),
        disable_signup: realm.settings.sign_up.mode == SignUpMode::Closed,
        mailer_autoconfirm: true,
        phone_autoconfirm: false,
        sms_provider: "",
        saml_enabled: false,
        saml_private_key_next_configured: false,
        passkeys_enabled: false,
    })
}
