//! Takes an invitation: whoever has its secret has read the mail of its address.

use super::challenge::keys_of;
use super::create_user::default_grants;
use super::set_password::check_new;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::bounds::check_name;
use crate::decide::invitation::{TakeInput, Taking, take};
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    Actor, Address, AuditAction, AuditEvent, ChallengeKind, Change, Contact, Grant, Granted,
    HashedPassword, Identifier, Invitation, Membership, Metadata, Subject, SubjectStatus,
};
use crate::port::{ChallengeKey, Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::{Effect, MembershipId, Secret, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// An invitation about to be taken.
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    /// The secret from the mail.
    pub secret: Secret,
    /// A password for the account. An account whose address was not proven before
    /// must set one: whoever made it might still know the old one.
    pub password: Option<Secret>,
    /// A display name, for a new account.
    pub name: Option<String>,
}

/// Takes an invitation: the account is made if there is none, its address is proven,
/// and it becomes a member of the tenant with the invitation's roles.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn accept_invitation(
    ctx: Context<'_>,
    request: AcceptInvitation,
) -> Result<Subject, Failure<ManageRefusal>> {
    let entropy = &*ctx.identity.entropy;
    let keyring = ctx.realm.keyring();
    let mut keys = keys_of(&keyring, ChallengeKind::Invitation, &request.secret);
    let mut password = None;
    if let Some(plain) = &request.password {
        check_new(plain, &ctx.realm.settings.sessions).map_err(Failure::Refused)?;
        let find = FindInvitation(keys.clone(), ctx.call.now);
        if ctx.query(find).await? {
            password = Some(ctx.identity.passwords.hash(plain, entropy).await?);
        } else {
            // Nobody is invited, so nothing is hashed; and nothing may be taken that
            // comes in between, because it would set no password.
            keys.clear();
        }
    }
    ctx.commit(Acceptance {
        realm: ctx.realm(),
        call: *ctx.call,
        keys,
        password,
        name: request.name,
        subject: SubjectId::mint(entropy, ctx.call.now),
        membership: MembershipId::mint(entropy, ctx.call.now),
    })
    .await
}

/// Whether there is an invitation that can be taken.
struct FindInvitation(Vec<ChallengeKey>, Timestamp);

#[async_trait]
impl Query for FindInvitation {
    type Done = bool;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<bool, Stop<ManageRefusal>> {
        let found = find(tx, &self.0).await?;
        Ok(found.is_some_and(|(_, invitation)| invitation.expires_at > self.1))
    }
}

/// The invitation that is stored under one of these keys, with the key.
async fn find(
    tx: &mut dyn Read,
    keys: &[ChallengeKey],
) -> Result<Option<(ChallengeKey, Invitation)>, StoreError> {
    for key in keys {
        let found = tx.find_challenge(key).await?;
        if let Some(invitation) = found.as_ref().and_then(Invitation::of) {
            return Ok(Some((key.clone(), invitation)));
        }
    }
    Ok(None)
}

struct Acceptance {
    realm: Arc<Realm>,
    call: Call,
    /// Under every live digest key.
    keys: Vec<ChallengeKey>,
    password: Option<HashedPassword>,
    name: Option<String>,
    subject: SubjectId,
    membership: MembershipId,
}

#[async_trait]
impl Work for Acceptance {
    type Done = Subject;
    type Refusal = ManageRefusal;

    /// It may end the sessions of whoever had the account before.
    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        self.call
            .event(Actor::Anonymous, AuditAction::MembershipCreate)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        check_name(self.name.as_deref())?;
        let (key, invitation) = find(tx, &self.keys)
            .await?
            .ok_or(ManageRefusal::InvitationInvalid)?;
        event.tenant = Some(invitation.tenant.clone());
        let id = json!(invitation.id.to_string());
        event.detail.insert("invitation".to_owned(), id);
        let account = tx.find_subject_by_email(&invitation.email).await?;
        event.subject = account.as_ref().map(|subject| subject.id);
        // A refusal leaves it where it is: it can be tried again.
        let taking = take(&TakeInput {
            invitation: &invitation,
            account: account.as_ref(),
            sets_password: self.password.is_some(),
            now: self.call.now,
        })?;
        tx.take_challenge(&key)
            .await?
            .ok_or(ManageRefusal::InvitationInvalid)?;
        let subject = match account {
            None => self.make(tx, &invitation).await?,
            Some(subject) => {
                if taking == Taking::Claim {
                    self.claim(tx, &subject).await?;
                }
                subject
            }
        };
        event.subject = Some(subject.id);
        self.join(tx, &invitation, subject.id).await?;
        Ok(subject)
    }
}

impl Acceptance {
    /// Makes an account that might be somebody else's the invited person's own.
    async fn claim(&self, tx: &mut dyn Tx, subject: &Subject) -> Result<(), StoreError> {
        if let Some(password) = &self.password {
            tx.set_password(subject.id, password).await?;
        }
        let sessions = tx.end_sessions_of(subject.id, None, self.call.now).await?;
        for session in sessions {
            tx.append_change(Change::Session(session)).await?;
        }
        tx.revoke_api_tokens_of(subject.id, None, self.call.now)
            .await?;
        tx.bump_epoch(subject.id, None, self.call.now).await?;
        let Identifier::User(contact) = &subject.identifier else {
            return Ok(());
        };
        let proven = contact.email.clone();
        let contact = Contact {
            email: proven.map(|address| Address::proven(address.value, self.call.now)),
            ..contact.clone()
        };
        tx.set_contact(subject.id, &contact).await
    }

    async fn make(&self, tx: &mut dyn Tx, invitation: &Invitation) -> Result<Subject, StoreError> {
        let subject = Subject {
            id: self.subject,
            identifier: Identifier::user(Address::proven(invitation.email.clone(), self.call.now)),
            name: self.name.clone(),
            status: SubjectStatus::Active,
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
            created_at: self.call.now,
            last_sign_in_at: None,
        };
        tx.insert_subject(&subject).await?;
        if let Some(password) = &self.password {
            tx.set_password(subject.id, password).await?;
        }
        for grant in default_grants(&self.realm) {
            tx.insert_grant(subject.id, &grant, self.call.now).await?;
        }
        Ok(subject)
    }

    async fn join(
        &self,
        tx: &mut dyn Tx,
        invitation: &Invitation,
        subject: SubjectId,
    ) -> Result<(), StoreError> {
        let tenant = &invitation.tenant;
        if tx.find_membership(subject, tenant).await?.is_none() {
            tx.insert_membership(&Membership {
                id: self.membership,
                subject,
                tenant: tenant.clone(),
                created_at: self.call.now,
            })
            .await?;
        }
        for role in &invitation.roles {
            let grant = Grant {
                tenant: Some(tenant.clone()),
                granted: Granted::Role(role.clone()),
            };
            tx.insert_grant(subject, &grant, self.call.now).await?;
        }
        tx.bump_epoch(subject, Some(tenant), self.call.now).await?;
        tx.append_change(Change::Subject(subject)).await
    }
}
