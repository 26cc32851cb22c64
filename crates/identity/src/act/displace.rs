//! What goes when the person comes whose address it is: the account that somebody else made
//! under it, with its id and all that carries it. Not here: what proves the address
//! (`decide::proof`).

use super::Call;
use super::delete_user::erase;
use super::work::Stop;
use crate::decide::refusal::ManageRefusal;
use crate::model::{Actor, AuditAction, AuditEvent, Identifier, Subject};
use crate::port::{Page, Read, StoreError, Tx};
use doorward_base::{Email, TenantId, Timestamp};
use serde_json::json;

/// Erases an account that nobody had proven. Each tenant that it leaves reads so in its log,
/// and not who came. One that nobody is left in stays as it is, because its rows may be
/// somebody's who forgot a password; the realm's log names it, for who deletes tenants.
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
    let mut left = Vec::new();
    for membership in tx.list_memberships(before.id).await? {
        let tenant = membership.tenant;
        let two = Page {
            after: None,
            limit: 2,
        };
        if tx.list_tenant_memberships(&tenant, two).await?.len() == 1 {
            left.push(tenant.to_string());
        }
        tx.append_audit(&event(Some(tenant), AuditAction::MembershipEnd))
            .await?;
    }
    let mut deleted = event(None, AuditAction::SubjectDelete);
    if !left.is_empty() {
        let left = json!(left);
        deleted.detail.insert("tenants_left_empty".to_owned(), left);
    }
    tx.append_audit(&deleted).await?;
    erase(tx, before.id, call).await
}

/// Who stands in for the address in a tenant and may not act. The realm said so of whoever
/// comes by this address there, so nobody takes that place: a tenant, whose word an invitation
/// is, must not undo it.
pub(super) async fn find_barred(
    tx: &mut dyn Read,
    email: &Email,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Option<Subject>, StoreError> {
    let found = tx.find_user_by_email(email, Some(tenant)).await?;
    Ok(found.filter(|found| found.identifier.home().is_some() && !found.status.allows(now)))
}

/// Checks that nobody who may not act stands in for the address in a tenant, for who may do
/// something about it.
pub(super) async fn check_barred(
    tx: &mut dyn Read,
    email: &Email,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<(), Stop<ManageRefusal>> {
    match find_barred(tx, email, tenant, now).await? {
        Some(found) => Err(ManageRefusal::Barred(found.id).into()),
        None => Ok(()),
    }
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

/// Erases who had the address of a new account in its tenant alone, was sent away from there
/// and is a member nowhere else: a service account, of which nothing is left but its name, or
/// who stood in for somebody and was kept while it might not act.
pub(super) async fn erase_left(
    tx: &mut dyn Tx,
    made: &Identifier,
    actor: Actor,
    call: &Call,
) -> Result<(), StoreError> {
    let (Some(email), Some(home)) = (made.email(), made.home()) else {
        return Ok(());
    };
    let found = match made {
        Identifier::Service { .. } => tx.find_service_by_email(email, Some(home)).await?,
        _ => tx.find_user_by_email(email, Some(home)).await?,
    };
    // Who may not act is kept: what the realm said of it is not the tenant's to undo.
    let is_left =
        |found: &Subject| found.identifier.home() == Some(home) && found.status.allows(call.now);
    let Some(found) = found.filter(is_left) else {
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
