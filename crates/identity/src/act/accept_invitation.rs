//! Takes an invitation: whoever has its secret has read the mail of its address.

use super::create_user::default_grants;
use super::keyring::DigestKind;
use super::set_password::check_length;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::bounds::check_name;
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    Actor, Address, AuditAction, AuditEvent, Change, Contact, Grant, Granted, HashedPassword,
    Identifier, Invitation, Membership, Metadata, Subject, SubjectStatus,
};
use crate::port::{Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{Effect, MembershipId, Secret, SubjectId, Timestamp};
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
    let digests = keyring.digests(DigestKind::Invitation, &request.secret);
    let mut digests: Vec<_> = digests.into_iter().map(|(digest, _)| digest).collect();
    let mut password = None;
    if let Some(plain) = &request.password {
        let minimum = ctx.realm.settings.sessions.min_password;
        check_length(plain, minimum).map_err(Failure::Refused)?;
        let find = FindInvitation(digests.clone(), ctx.call.now);
        if ctx.query(find).await? {
            password = Some(ctx.identity.passwords.hash(plain, entropy).await?);
        } else {
            // Nobody is invited, so nothing is hashed; and nothing may be taken that
            // comes in between, because it would set no password.
            digests.clear();
        }
    }
    ctx.commit(Acceptance {
        realm: ctx.realm(),
        call: *ctx.call,
        digests,
        password,
        name: request.name,
        subject: SubjectId::mint(entropy, ctx.call.now),
        membership: MembershipId::mint(entropy, ctx.call.now),
    })
    .await
}

/// Whether there is an invitation that can be taken.
struct FindInvitation(Vec<TokenDigest>, Timestamp);

#[async_trait]
impl Query for FindInvitation {
    type Done = bool;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<bool, Stop<ManageRefusal>> {
        for digest in &self.0 {
            if let Some(found) = tx.find_invitation(digest).await? {
                return Ok(found.expires_at > self.1);
            }
        }
        Ok(false)
    }
}

struct Acceptance {
    realm: Arc<Realm>,
    call: Call,
    /// Under every live digest key.
    digests: Vec<TokenDigest>,
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
        let invitation = self
            .take(tx)
            .await?
            .ok_or(ManageRefusal::InvitationInvalid)?;
        event.tenant = Some(invitation.tenant.clone());
        if invitation.expires_at <= self.call.now {
            return Err(ManageRefusal::InvitationInvalid.into());
        }
        let found = tx.find_subject_by_email(&invitation.email).await?;
        event.subject = found.as_ref().map(|subject| subject.id);
        let subject = match found {
            Some(subject) => match self.claim(tx, &subject).await? {
                Ok(()) => subject,
                Err(refusal) => {
                    // Refused, not taken: it can be tried again.
                    tx.put_invitation(&invitation).await?;
                    return Err(refusal.into());
                }
            },
            None => self.make(tx, &invitation).await?,
        };
        event.subject = Some(subject.id);
        self.join(tx, &invitation, subject.id).await?;
        Ok(subject)
    }
}

impl Acceptance {
    async fn take(&self, tx: &mut dyn Tx) -> Result<Option<Invitation>, StoreError> {
        for digest in &self.digests {
            if let Some(invitation) = tx.take_invitation(digest).await? {
                return Ok(Some(invitation));
            }
        }
        Ok(None)
    }

    /// Makes the existing account the invited person's own.
    async fn claim(
        &self,
        tx: &mut dyn Tx,
        subject: &Subject,
    ) -> Result<Result<(), ManageRefusal>, StoreError> {
        let Identifier::User(contact) = &subject.identifier else {
            return Ok(Err(ManageRefusal::InvitationInvalid));
        };
        if !subject.status.allows(self.call.now) {
            return Ok(Err(ManageRefusal::InvitationInvalid));
        }
        let Some(address) = contact.email.clone().filter(|own| !own.is_proven()) else {
            return Ok(Ok(()));
        };
        // Nobody has shown that this address is theirs, so somebody else may have made
        // the account and wait in it: everything they left is thrown out.
        let Some(password) = &self.password else {
            return Ok(Err(ManageRefusal::PasswordNeeded));
        };
        tx.set_password(subject.id, password).await?;
        let sessions = tx.end_sessions_of(subject.id, None, self.call.now).await?;
        for session in sessions {
            tx.append_change(Change::Session(session)).await?;
        }
        let tokens = tx
            .revoke_api_tokens_of(subject.id, None, self.call.now)
            .await?;
        for token in tokens {
            tx.append_change(Change::ApiToken(token)).await?;
        }
        let contact = Contact {
            email: Some(Address::proven(address.value, self.call.now)),
            ..contact.clone()
        };
        tx.set_contact(subject.id, &contact).await?;
        Ok(Ok(()))
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
        tx.bump_epoch(subject, Some(tenant)).await?;
        tx.append_change(Change::Subject(subject)).await
    }
}
