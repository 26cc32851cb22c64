//! Gives an account that nobody had proven to the owner of its address: what somebody else
//! left in it goes. What stays: [`claimed`]. Not here: what proves the address
//! (`decide::proof`).

use super::create_user::default_grants;
use super::{Call, Realm};
use crate::decide::proof::claimed;
use crate::model::{Actor, AuditAction, AuditEvent, Change, HashedPassword, Subject};
use crate::port::{ChallengesOf, StoreError, Tx};
use doorward_base::Email;

/// What the owner of the address brings.
pub(super) struct Claim<'a> {
    /// The address, which is proven.
    pub(super) address: &'a Email,
    /// The password from now on.
    pub(super) password: &'a HashedPassword,
    /// The name from now on.
    pub(super) name: Option<String>,
}

/// Claims. Each tenant that it leaves reads so in its log. A new table of a subject's rows chooses here what becomes of them; a test of
/// the store's schema lists the choices.
pub(super) async fn claim(
    tx: &mut dyn Tx,
    realm: &Realm,
    before: &Subject,
    claim: Claim<'_>,
    call: &Call,
) -> Result<Subject, StoreError> {
    let (id, now) = (before.id, call.now);
    for session in tx.end_sessions_of(id, None, now).await? {
        tx.append_change(Change::Session(session)).await?;
    }
    tx.revoke_api_tokens_of(id, None, now).await?;
    for grant in tx.list_grants(id).await? {
        tx.delete_grant(id, &grant).await?;
    }
    for membership in tx.list_memberships(id).await? {
        tx.delete_membership(id, &membership.tenant).await?;
        tx.append_audit(&AuditEvent {
            subject: Some(id),
            tenant: Some(membership.tenant),
            ..call.event(Actor::Anonymous, AuditAction::MembershipEnd)
        })
        .await?;
    }
    for identity in tx.list_identities(id).await? {
        tx.delete_identity(identity.id).await?;
    }
    tx.delete_factors_of(id).await?;
    tx.end_challenges(ChallengesOf::Subject(id)).await?;
    let after = claimed(before, claim.address, claim.name, now);
    tx.replace_user(&after).await?;
    tx.set_password(id, claim.password).await?;
    for grant in default_grants(realm) {
        tx.insert_grant(id, &grant, now).await?;
    }
    tx.bump_epoch(id, None, now).await?;
    tx.append_change(Change::Subject(id)).await?;
    Ok(after)
}
