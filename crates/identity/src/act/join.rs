//! An account that a person comes by itself, and its place in the tenant it is invited into.
//! Not here: what lets it in (`accept_invitation`, `sign_up`).

use super::create_user::default_grants;
use crate::model::{
    Address, Change, Grant, Granted, HashedPassword, Identifier, Invitation, Membership, Metadata,
    Subject, SubjectStatus,
};
use crate::port::{StoreError, Tx};
use doorward_base::{Email, MembershipId, RoleName, SubjectId, Timestamp};

/// A user of whom nothing is known but the address.
pub(super) fn new_user(id: SubjectId, address: Address<Email>, now: Timestamp) -> Subject {
    Subject {
        id,
        identifier: Identifier::user(address),
        name: None,
        status: SubjectStatus::Active,
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
        created_at: now,
        last_sign_in_at: None,
    }
}

/// Adds a user with these of the roles that every new one is granted.
pub(super) async fn insert_user(
    tx: &mut dyn Tx,
    subject: &Subject,
    roles: &[RoleName],
    password: Option<&HashedPassword>,
) -> Result<(), StoreError> {
    tx.insert_subject(subject).await?;
    if let Some(password) = password {
        tx.set_password(subject.id, password).await?;
    }
    for grant in default_grants(roles) {
        tx.insert_grant(subject.id, &grant, subject.created_at)
            .await?;
    }
    Ok(())
}

/// Makes a subject a member of the tenant it is invited into, with the invitation's roles.
pub(super) async fn join(
    tx: &mut dyn Tx,
    invitation: &Invitation,
    subject: SubjectId,
    membership: MembershipId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tenant = &invitation.tenant;
    if tx.find_membership(subject, tenant).await?.is_none() {
        tx.insert_membership(&Membership {
            id: membership,
            subject,
            tenant: tenant.clone(),
            created_at: now,
        })
        .await?;
    }
    for role in &invitation.roles {
        let grant = Grant {
            tenant: Some(tenant.clone()),
            granted: Granted::Role(role.clone()),
        };
        tx.insert_grant(subject, &grant, now).await?;
    }
    tx.bump_epoch(subject, Some(tenant), now).await?;
    tx.append_change(Change::Subject(subject)).await
}
