//! Tells the caller who it is.

use crate::desk::Desk;
use crate::errors::refuse;
use crate::wire::{IdentityView, MembershipView, SubjectView};
use doorward_base::ErrorCode;
use doorward_identity::act;
use doorward_identity::decide::authority::Held;
use doorward_identity::decide::manage::{ManagementCaller, Through};
use doorward_identity::model::Membership;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The caller as the store knows it now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The subject.
    subject: SubjectView,
    /// The tenant the access token acts in.
    tenant: Option<String>,
    /// Its names at logins elsewhere, for a session.
    identities: Vec<IdentityView>,
    /// Its memberships; for a credential that is no session, the one in that tenant.
    memberships: Vec<MembershipView>,
    /// Its roles in that tenant, through this credential.
    roles: Vec<String>,
    /// Its permissions in that tenant, through this credential.
    permissions: Vec<String>,
}

/// Who am I, read live.
#[utoipa::path(
    get,
    path = "/me/v1",
    operation_id = "show_me",
    tag = "me",
    responses(
        (status = 200, description = "The caller", body = Me),
        (status = 401, description = "invalid_token: the session or token is dead"),
    ),
)]
pub(crate) async fn show_me(desk: Desk) -> Result<Json<Me>, Refusal> {
    let authority = act::authenticate(desk.context(), &desk.caller)
        .await
        .map_err(refuse)?;
    let ManagementCaller::Subject(manager) = authority else {
        return Err(Refusal::new(ErrorCode::Internal));
    };
    let profile = act::load_profile(desk.context(), &desk.caller, manager.subject)
        .await
        .map_err(refuse)?;
    let tenant = desk.principal.tenant.as_ref();
    // A token tells whoever has it of where it acts, not of where else its owner is somebody.
    let is_session = manager.through == Through::SignIn;
    let shows = |member: &&Membership| is_session || Some(&member.tenant) == tenant;
    let memberships = profile.memberships.iter().filter(shows);
    let identities = profile.identities.iter().filter(|_| is_session);
    let held: Held = manager.acts_in(tenant);
    let permissions: BTreeSet<String> = held.all_permissions().map(ToString::to_string).collect();
    Ok(Json(Me {
        subject: SubjectView::from(&profile.subject),
        tenant: tenant.map(ToString::to_string),
        identities: identities.map(Into::into).collect(),
        memberships: memberships.map(Into::into).collect(),
        roles: held.roles.keys().map(ToString::to_string).collect(),
        permissions: permissions.into_iter().collect(),
    }))
}
