//! Makes a service account.

use super::create_user::NewSubject;
use super::placement::Placement;
use super::work::Failure;
use super::{Caller, Context};
use crate::decide::manage::ManagementPermission;
use crate::decide::refusal::ManageRefusal;
use crate::model::{AuditAction, Identifier, Metadata, Subject, SubjectStatus};
use doorward_base::{Email, MembershipId, SubjectId};

/// A service account about to be made.
#[derive(Clone, Debug)]
pub struct CreateServiceAccount {
    /// The address that identifies it; no mail is sent there.
    pub email: Email,
    /// A display name.
    pub name: Option<String>,
    /// Its tenant and grants.
    pub placement: Placement,
}

/// Makes a service account. Needs `platform.users.service-accounts.edit` in the
/// tenant, or realm-wide. Its address counts in its tenant alone, if it has one.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn create_service_account(
    ctx: Context<'_>,
    caller: &Caller,
    new: CreateServiceAccount,
) -> Result<Subject, Failure<ManageRefusal>> {
    let entropy = &*ctx.identity.entropy;
    let subject = Subject {
        id: SubjectId::mint(entropy, ctx.call.now),
        identifier: Identifier::Service {
            email: new.email,
            home: None,
        },
        name: new.name,
        status: SubjectStatus::Active,
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
        created_at: ctx.call.now,
        last_sign_in_at: None,
    };
    ctx.commit(NewSubject {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        membership: MembershipId::mint(entropy, ctx.call.now),
        refused: None,
        password: None,
        placement: new.placement,
        action: AuditAction::ServiceAccountCreate,
        permission: ManagementPermission::ServiceAccountsEdit,
    })
    .await
}
