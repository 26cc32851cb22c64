//! Takes an invitation: by its secret, or by a session of the account it is for. What that
//! proves and does: `decide::invitation`.

use super::caller::{load_maker, load_manager};
use super::challenge::keys_of;
use super::displace::{erase_stand_in, erase_unproven};
use super::join::{insert_user, join, new_user};
use super::link_identity::has_way_in;
use super::set_password::check_new;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_name;
use crate::decide::invitation::{TakeInput, take};
use crate::decide::proof::{Account, Taking};
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    Actor, Address, AuditAction, AuditEvent, ChallengeKind, Change, HashedPassword, Invitation,
    Subject,
};
use crate::port::{ChallengeFilter, ChallengeKey, ChallengesIn, Page, Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::{ChallengeId, Effect, Email, MembershipId, Secret, SubjectId, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// An invitation about to be taken by its secret.
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    /// The secret.
    pub secret: Secret,
    /// A password for the account: needed where it is made, where its address was not
    /// proven before (whoever made it might still know the old one), and where nothing
    /// else lets its person in. Any other account keeps its own, and takes none.
    pub password: Option<Secret>,
    /// A display name, for an account that is made.
    pub name: Option<String>,
}

/// Takes an invitation by its secret: the account is made, its address proven, if there is
/// none that is a person's, and it becomes a member of the tenant with the invitation's
/// roles. What others made under the address, in the whole realm or in the tenant, is
/// erased. An account that nothing lets in gets its first password. One that is its person's joins by a session ([`accept_own_invitation`]), unless who invites
/// vouches.
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
    commit(ctx, Taker::Secret(keys), password, request.name).await
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
    let taker = Taker::Session(caller.clone(), ChallengeKey::Id(id));
    commit(ctx, taker, None, None).await
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
    taker: Taker,
    password: Option<HashedPassword>,
    name: Option<String>,
) -> Result<Subject, Failure<ManageRefusal>> {
    let entropy = &*ctx.identity.entropy;
    ctx.commit(Acceptance {
        realm: ctx.realm(),
        call: *ctx.call,
        taker,
        password,
        name,
        subject: SubjectId::mint(entropy, ctx.call.now),
        membership: MembershipId::mint(entropy, ctx.call.now),
    })
    .await
}

/// The caller's account, if its address is proven, with the address. It must ask by a
/// session of its own.
async fn own_account(
    tx: &mut dyn Read,
    realm: &Realm,
    caller: &Caller,
    now: Timestamp,
) -> Result<Option<(Subject, Email)>, Stop<ManageRefusal>> {
    let manager = load_manager(tx, &realm.settings, caller, now)
        .await?
        .ok_or(ManageRefusal::CallerDead)?;
    manager.demand_session()?;
    let Some(id) = manager.subject() else {
        return Ok(None);
    };
    let account = tx.find_subject(id).await?;
    let proven = Account::of(account.as_ref(), now) == Account::Proven;
    let account = account.filter(|_| proven);
    Ok(account.and_then(|account| {
        let address = account.identifier.email().cloned()?;
        Some((account, address))
    }))
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
pub(super) async fn find(
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

/// By what an invitation is taken.
enum Taker {
    /// By its secret, under every live digest key.
    Secret(Vec<ChallengeKey>),
    /// By a session of the account it is for.
    Session(Caller, ChallengeKey),
}

struct Acceptance {
    realm: Arc<Realm>,
    call: Call,
    taker: Taker,
    password: Option<HashedPassword>,
    name: Option<String>,
    subject: SubjectId,
    membership: MembershipId,
}

/// An invitation that was found, and who takes it.
struct Found {
    key: ChallengeKey,
    invitation: Invitation,
    account: Option<Subject>,
    own_session: bool,
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
        let actor = match &self.taker {
            Taker::Secret(_) => Actor::Anonymous,
            Taker::Session(caller, _) => caller.actor(),
        };
        self.call.event(actor, AuditAction::MembershipCreate)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        check_name(self.name.as_deref())?;
        let Found {
            key,
            invitation,
            account,
            own_session,
        } = self.find(tx).await?;
        event.tenant = Some(invitation.tenant.clone());
        let id = json!(invitation.id.to_string());
        event.detail.insert("invitation".to_owned(), id);
        event.subject = account.as_ref().map(|subject| subject.id);
        let settings = &self.realm.settings;
        let maker = load_maker(tx, settings, &invitation, self.call.now).await?;
        // A refusal leaves it where it is: it can be tried again.
        let taking = take(&TakeInput {
            invitation: &invitation,
            maker: maker.as_ref(),
            account: Account::of(account.as_ref(), self.call.now)
                .with_way_in(has_way_in(tx, account.as_ref()).await?),
            own_session,
            sets_password: self.password.is_some(),
            gives_name: self.name.is_some(),
            now: self.call.now,
        })?;
        tx.take_challenge(&key)
            .await?
            .ok_or(ManageRefusal::InvitationInvalid)?;
        let subject = match (taking, account) {
            (Taking::Make, None) => self.make(tx, &invitation).await?,
            (Taking::Claim, Some(before)) => {
                erase_unproven(tx, &before, &self.call).await?;
                self.make(tx, &invitation).await?
            }
            (Taking::Open, Some(subject)) => {
                event
                    .detail
                    .insert("first_password".to_owned(), json!(true));
                self.open(tx, subject.id).await?;
                subject
            }
            (Taking::Enter, Some(subject)) => subject,
            (Taking::Make, Some(_)) | (Taking::Claim | Taking::Open | Taking::Enter, None) => {
                return Err(ManageRefusal::InvitationInvalid.into());
            }
        };
        event.subject = Some(subject.id);
        let (email, tenant) = (&invitation.email, &invitation.tenant);
        erase_stand_in(tx, email, tenant, event.actor, &self.call).await?;
        let now = self.call.now;
        join(tx, &invitation, subject.id, self.membership, now).await?;
        Ok(subject)
    }
}

impl Acceptance {
    async fn find(&self, tx: &mut dyn Tx) -> Result<Found, Stop<ManageRefusal>> {
        let invalid = ManageRefusal::InvitationInvalid;
        match &self.taker {
            Taker::Secret(keys) => {
                let (key, invitation) = find(tx, keys).await?.ok_or(invalid)?;
                let account = tx.find_user_by_email(&invitation.email, None).await?;
                Ok(Found {
                    key,
                    invitation,
                    account,
                    own_session: false,
                })
            }
            Taker::Session(caller, key) => {
                let own = own_account(tx, &self.realm, caller, self.call.now).await?;
                let (account, address) = own.ok_or_else(|| invalid.clone())?;
                let found = find(tx, std::slice::from_ref(key)).await?;
                let (key, invitation) = found
                    .filter(|(_, invitation)| invitation.email == address)
                    .ok_or(invalid)?;
                Ok(Found {
                    key,
                    invitation,
                    account: Some(account),
                    own_session: true,
                })
            }
        }
    }

    /// As [`super::set_password`] does: what was open ends.
    async fn open(&self, tx: &mut dyn Tx, id: SubjectId) -> Result<(), Stop<ManageRefusal>> {
        let password = self.password.as_ref();
        let password = password.ok_or(ManageRefusal::PasswordNeeded)?;
        tx.set_password(id, password).await?;
        for session in tx.end_sessions_of(id, None, self.call.now).await? {
            tx.append_change(Change::Session(session)).await?;
        }
        Ok(())
    }

    async fn make(&self, tx: &mut dyn Tx, invitation: &Invitation) -> Result<Subject, StoreError> {
        let address = Address::proven(invitation.email.clone(), self.call.now);
        let subject = Subject {
            name: self.name.clone(),
            ..new_user(self.subject, address, self.call.now)
        };
        insert_user(tx, &self.realm, &subject, self.password.as_ref()).await?;
        Ok(subject)
    }
}
