//! What goes when the person comes whose address it is: the account that somebody else made
//! under it, with its id and all that carries it. Not here: what proves the address
//! (`decide::proof`).

use super::Call;
use super::delete_user::erase;
use crate::model::{Actor, AuditAction, AuditEvent, Identifier, Subject};
use crate::port::{StoreError, Tx};
use doorward_base::{Email, TenantId};

/// Erases an account that nobody had proven. Each tenant that it leaves reads so in its log,
/// and not who came.
pub(super) async fn erase_unproven(
    tx: &mut dyn Tx,
    before: &Subject,
    call: &Call,
) -> Result<(), StoreError> {
    let event = |tenant, action| AuditEvent {
        subject: Some(before.id),
        tenant,
        peer: None,
        ..call.event(Actor::Anonymous, action)
    };
    for membership in tx.list_memberships(before.id).await? {
        let tenant = Some(membership.tenant);
        tx.append_audit(&event(tenant, AuditAction::MembershipEnd))
            .await?;
    }
    tx.append_audit(&event(None, AuditAction::SubjectDelete))
        .await?;
    erase(tx, before.id, call).await
}

/// Erases who stands in for the address in a tenant, because whose it is joins there.
pub(super) async fn erase_stand_in(
    tx: &mut dyn Tx,
    email: &Email,
    tenant: &TenantId,
    actor: Actor,
    call: &Call,
) -> Result<(), StoreError> {
    let found = tx.find_user_by_email(email, Some(tenant)).await?;
    let Some(found) = found.filter(|found| found.identifier.home().is_some()) else {
        return Ok(());
    };
    tx.append_audit(&AuditEvent {
        subject: Some(found.id),
        tenant: Some(tenant.clone()),
        peer: None,
        ..call.event(actor, AuditAction::SubjectDelete)
    })
    .await?;
    erase(tx, found.id, call).await
}

/// Erases the service account that had the address of a new one in its tenant, was sent away
/// from there and is a member nowhere else: nothing of it is left but its name.
pub(super) async fn erase_left_service(
    tx: &mut dyn Tx,
    made: &Identifier,
    actor: Actor,
    call: &Call,
) -> Result<(), StoreError> {
    let Identifier::Service {
        email,
        home: Some(home),
    } = made
    else {
        return Ok(());
    };
    let found = tx.find_service_by_email(email, Some(home)).await?;
    let Some(found) = found.filter(|found| found.identifier.home() == Some(home)) else {
        return Ok(());
    };
    // Where it is a member still, it is somebody's.
    if !tx.list_memberships(found.id).await?.is_empty() {
        return Ok(());
    }
    tx.append_audit(&AuditEvent {
        subject: Some(found.id),
        tenant: Some(home.clone()),
        ..call.event(actor, AuditAction::SubjectDelete)
    })
    .await?;
    erase(tx, found.id, call).await
}
