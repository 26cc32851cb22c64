//! Takes an invitation: by its secret, or by a session of the account it is for. What that
//! proves and does: `decide::invitation`.

mod asked;

use super::challenge::keys_of;
use super::displace::{erase_stand_in, erase_unproven};
use super::join::{insert_user, join, new_user};
use super::set_password::check_new;
use super::shown_password::ShownPassword;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::proof::{Taking, answered};
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    Actor, AuditAction, AuditEvent, ChallengeKind, Change, Contact, HashedPassword, Identifier,
    Invitation, Mailbox, Subject,
};
use crate::port::{ChallengeFilter, ChallengeKey, ChallengesIn, Page, Read, StoreError, Tx};
use asked::{Asked, Forecast, Found, Taker, own_account};
pub(super) use asked::{find, judge};
use async_trait::async_trait;
use doorward_base::{ChallengeId, Effect, MembershipId, Secret, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// An invitation about to be taken by its secret.
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    /// The secret.
    pub secret: Secret,
    /// Who is signed in, if somebody is.
    pub by: Option<Caller>,
    /// A password for the account: needed where it is made, where its address was not
    /// proven before (whoever made it might still know the old one), and where nothing
    /// else lets its person in. Who is signed in to an account whose address was not proven
    /// sends the one it has. Any other account keeps its own, and takes none.
    pub password: Option<Secret>,
    /// A display name, for an account that is made.
    pub name: Option<String>,
}

/// Takes an invitation by its secret: the account is made, its address proven, if there is
/// none that is a person's, and it becomes a member of the tenant with the invitation's
/// roles. What others made under the address, in the whole realm or in the tenant, is
/// erased; but who is signed in to that account, and knows its password, is who has the
/// address, and keeps it. An account that nothing lets in gets its first password. One that
/// is its person's joins by a session ([`accept_own_invitation`]), unless who invites vouches.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn accept_invitation(
    ctx: Context<'_>,
    request: AcceptInvitation,
) -> Result<Subject, Failure<ManageRefusal>> {
    let entropy = &*ctx.identity.entropy;
    let keyring = ctx.realm.keyring();
    let keys = keys_of(&keyring, ChallengeKind::Invitation, &request.secret);
    let asked = Arc::new(Asked {
        realm: ctx.realm(),
        now: ctx.call.now,
        taker: Taker::Secret(keys, request.by),
        sets_password: request.password.is_some(),
        name: request.name,
    });
    let mut given = Given::default();
    if let Some(plain) = &request.password {
        let fits = check_new(plain, &ctx.realm.settings.sessions).map_err(Failure::Refused);
        // Nothing is hashed for what is not taken.
        match ctx.query(Forecast(Arc::clone(&asked))).await {
            Ok((Taking::Prove, Some(account))) => {
                let shown = ShownPassword::check(ctx, account, request.password);
                given.shown = Some(shown.await?);
            }
            Ok(_) => {
                fits?;
                // One secret is shown by as many at once as like to.
                let hash = ctx.identity.passwords.hash_for_stranger(plain, entropy);
                given.password = Some(hash.await?);
            }
            Err(Failure::Refused(refusal)) => {
                fits?;
                given.refused = Some(refusal);
            }
            Err(failure) => return Err(failure),
        }
    }
    commit(ctx, asked, given).await
}

/// What came of what was given with an invitation.
#[derive(Default)]
struct Given {
    /// Why it is not taken, if that was foreseen.
    refused: Option<ManageRefusal>,
    /// A new password.
    password: Option<HashedPassword>,
    /// The account's own.
    shown: Option<ShownPassword>,
}

/// Takes an invitation of the caller's own, proven address into a tenant, by a session.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn accept_own_invitation(
    ctx: Context<'_>,
    caller: &Caller,
    id: ChallengeId,
) -> Result<Subject, Failure<ManageRefusal>> {
    let asked = Asked {
        realm: ctx.realm(),
        now: ctx.call.now,
        taker: Taker::Session(caller.clone(), ChallengeKey::Id(id)),
        sets_password: false,
        name: None,
    };
    commit(ctx, Arc::new(asked), Given::default()).await
}

/// The invitations of the caller's own, proven address, by id. Needs a session.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_own_invitations(
    ctx: Context<'_>,
    caller: &Caller,
    page: Page<ChallengeId>,
) -> Result<Vec<Invitation>, Failure<ManageRefusal>> {
    ctx.query(ListOwn {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        page,
    })
    .await
}

async fn commit(
    ctx: Context<'_>,
    asked: Arc<Asked>,
    given: Given,
) -> Result<Subject, Failure<ManageRefusal>> {
    let entropy = &*ctx.identity.entropy;
    ctx.commit(Acceptance {
        call: *ctx.call,
        asked,
        given,
        subject: SubjectId::mint(entropy, ctx.call.now),
        membership: MembershipId::mint(entropy, ctx.call.now),
    })
    .await
}

struct ListOwn {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    page: Page<ChallengeId>,
}

#[async_trait]
impl Query for ListOwn {
    type Done = Vec<Invitation>;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let own = own_account(tx, &self.realm, &self.caller, self.now).await?;
        let Some((_, address)) = own else {
            return Ok(Vec::new());
        };
        let filter = ChallengeFilter {
            kind: ChallengeKind::Invitation,
            within: ChallengesIn::Address(address.as_str().to_owned()),
            now: self.now,
        };
        let found = tx.list_challenges(&filter, self.page).await?;
        Ok(found.iter().filter_map(Invitation::of).collect())
    }
}

struct Acceptance {
    call: Call,
    asked: Arc<Asked>,
    given: Given,
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
        let actor = match &self.asked.taker {
            Taker::Secret(_, None) => Actor::Anonymous,
            Taker::Secret(_, Some(caller)) | Taker::Session(caller, _) => caller.actor(),
        };
        self.call.event(actor, AuditAction::MembershipCreate)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        let found = self.asked.find(tx).await?;
        event.tenant = Some(found.invitation.tenant.clone());
        let id = json!(found.invitation.id.to_string());
        event.detail.insert("invitation".to_owned(), id);
        if let Some(refusal) = &self.given.refused {
            return Err(refusal.clone().into());
        }
        // A refusal leaves it where it is: it can be tried again.
        let taking = self.asked.judge(tx, &found).await?;
        if taking == Taking::Prove {
            self.confirm(tx, &found).await?;
        }
        let shows_address = found.shows_address(taking);
        let Found {
            key,
            invitation,
            account,
            ..
        } = found;
        tx.take_challenge(&key)
            .await?
            .ok_or(ManageRefusal::InvitationInvalid)?;
        let subject = self
            .admit(tx, event, (taking, account), &invitation, shows_address)
            .await?;
        // Not before: who invites is not told whose account refused.
        event.subject = Some(subject.id);
        let (email, tenant) = (&invitation.email, &invitation.tenant);
        erase_stand_in(tx, email, tenant, event.actor, &self.call).await?;
        let now = self.call.now;
        join(tx, &invitation, subject.id, self.membership, now).await?;
        Ok(subject)
    }
}

impl Acceptance {
    /// Makes the account that enters, or makes of the one that is there what the taking says.
    async fn admit(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
        (taking, account): (Taking, Option<Subject>),
        invitation: &Invitation,
        shows_address: bool,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        Ok(match (taking, account) {
            (Taking::Make, None) => self.make(tx, invitation, shows_address).await?,
            (Taking::Claim, Some(before)) => {
                erase_unproven(tx, &before, &self.call).await?;
                self.make(tx, invitation, shows_address).await?
            }
            (Taking::Prove, Some(subject)) => {
                event.detail.insert("proven".to_owned(), json!(true));
                let subject = self.prove(tx, subject, invitation, shows_address).await?;
                self.end_before(tx, subject.id).await?;
                subject
            }
            (Taking::Open, Some(subject)) => {
                event
                    .detail
                    .insert("first_password".to_owned(), json!(true));
                self.open(tx, subject.id).await?;
                self.show(tx, subject, invitation, shows_address).await?
            }
            (Taking::Enter, Some(subject)) => {
                self.show(tx, subject, invitation, shows_address).await?
            }
            (Taking::Make, Some(_))
            | (Taking::Claim | Taking::Prove | Taking::Open | Taking::Enter, None) => {
                return Err(ManageRefusal::InvitationInvalid.into());
            }
        })
    }

    /// Checks that who is signed in knows the account's password.
    async fn confirm(&self, tx: &mut dyn Tx, found: &Found) -> Result<(), Stop<ManageRefusal>> {
        let needed = ManageRefusal::OwnPasswordNeeded;
        let (Some(shown), Some(account)) = (&self.given.shown, &found.account) else {
            return Err(needed.into());
        };
        match shown.confirm(tx, account.id).await? {
            Some(Ok(())) => Ok(()),
            Some(Err(ManageRefusal::PasswordWrong)) | None => Err(needed.into()),
            Some(Err(refusal)) => Err(refusal.into()),
        }
    }

    /// The account, its address proven.
    async fn prove(
        &self,
        tx: &mut dyn Tx,
        account: Subject,
        invitation: &Invitation,
        is_shown: bool,
    ) -> Result<Subject, StoreError> {
        let contact = account.identifier.contact().cloned().unwrap_or_default();
        let address = answered(invitation.email.clone(), is_shown, self.call.now);
        let contact = Contact {
            email: Some(Mailbox::Wide(address)),
            anonymous: false,
            ..contact
        };
        tx.set_contact(account.id, &contact).await?;
        Ok(Subject {
            identifier: Identifier::User(contact),
            ..account
        })
    }

    /// The account, whose address somebody only said until now, if that is what this shows.
    async fn show(
        &self,
        tx: &mut dyn Tx,
        account: Subject,
        invitation: &Invitation,
        is_shown: bool,
    ) -> Result<Subject, StoreError> {
        let contact = account.identifier.contact();
        let address = contact.and_then(|contact| contact.email.as_ref()?.wide());
        match address {
            Some(address) if is_shown && !address.is_shown() => {
                self.prove(tx, account, invitation, is_shown).await
            }
            _ => Ok(account),
        }
    }

    /// Ends what was opened, and made, before the address was shown: it may be of somebody who
    /// waited in the account for its owner. The session that shows it goes on.
    async fn end_before(&self, tx: &mut dyn Tx, id: SubjectId) -> Result<(), StoreError> {
        let now = self.call.now;
        let own = match &self.asked.taker {
            Taker::Secret(_, Some(caller)) | Taker::Session(caller, _) => caller.session(),
            Taker::Secret(_, None) => None,
        };
        let ended = match own {
            Some(own) => tx.end_other_sessions(id, own, now).await?,
            None => tx.end_sessions_of(id, None, now).await?,
        };
        for session in ended {
            tx.append_change(Change::Session(session)).await?;
        }
        // The change of the subject, and its epoch, tell of all of them.
        tx.revoke_api_tokens_of(id, None, now).await?;
        tx.bump_epoch(id, None, now).await?;
        tx.append_change(Change::Subject(id)).await
    }

    /// As [`super::set_password`] does: what was open ends.
    async fn open(&self, tx: &mut dyn Tx, id: SubjectId) -> Result<(), Stop<ManageRefusal>> {
        let password = self.given.password.as_ref();
        let password = password.ok_or(ManageRefusal::PasswordNeeded)?;
        tx.set_password(id, password).await?;
        for session in tx.end_sessions_of(id, None, self.call.now).await? {
            tx.append_change(Change::Session(session)).await?;
        }
        Ok(())
    }

    async fn make(
        &self,
        tx: &mut dyn Tx,
        invitation: &Invitation,
        is_shown: bool,
    ) -> Result<Subject, StoreError> {
        let address = answered(invitation.email.clone(), is_shown, self.call.now);
        let subject = Subject {
            name: self.asked.name.clone(),
            ..new_user(self.subject, address, self.call.now)
        };
        insert_user(
            tx,
            &subject,
            &self.asked.realm.settings.default_roles,
            self.given.password.as_ref(),
        )
        .await?;
        Ok(subject)
    }
}
