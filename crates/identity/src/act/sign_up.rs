//! Makes an account for whoever asks, and begins its first session. What a sign-up does:
//! `decide::sign_up`.

use super::accept_invitation::{find, judge};
use super::caller::load_maker;
use super::challenge::keys_of;
use super::displace::{erase_stand_in, erase_unproven};
use super::join::{insert_user, join, new_user};
use super::link_identity::has_way_in;
use super::password::PasswordCheck;
use super::set_password::check_new;
use super::sign_in::{Proof, SignIn, SignedIn, begin};
use super::work::{Failure, Stop, Work};
use super::{Call, Context, Realm};
use crate::decide::authority::Unnamed;
use crate::decide::bounds::{check_metadata, check_name};
use crate::decide::invitation::{TakeInput, is_taken_by_address};
use crate::decide::proof::{Account, Named, Taking, answered};
use crate::decide::refusal::{ManageRefusal, SignInRefusal, SignUpRefusal};
use crate::decide::sign_up::{
    AskedRoles, Enrolling, SignUpInput, check_open, roles_of, sign_up as decide,
};
use crate::model::{
    Actor, Address, AuditAction, AuditEvent, ChallengeKind, Delivery, Grant, Granted,
    HashedPassword, Invitation, Membership, Metadata, Subject, Tenant, TenantOrigin, UserAgent,
};
use crate::port::{ChallengeFilter, ChallengeKey, ChallengesIn, Page, StoreError, Tx};
use crate::settings::Enrolment;
use async_trait::async_trait;
use doorward_base::{Effect, Email, MembershipId, RoleName, Secret, SubjectId, TenantId};
use serde_json::json;
use std::sync::Arc;

/// How many invitations of one address are looked at together.
const MOST: u32 = 64;

/// A sign-up as its wire brought it.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Secret,
    /// The secret of an invitation of the address, which proves it.
    pub invitation: Option<Secret>,
    /// What it is called.
    pub name: Option<String>,
    /// The roles that it asks for, of those that everybody gets.
    pub roles: AskedRoles,
    /// What the person says about itself.
    pub user_metadata: Metadata,
    /// By what program.
    pub user_agent: Option<UserAgent>,
}

/// Makes an account and begins a session of it. Its address passes for the person's at once,
/// and is proven by an invitation's secret alone. An address that has an account costs as
/// much as one that has none.
///
/// # Errors
/// [`Failure`] with a [`SignUpRefusal`].
pub async fn sign_up(
    ctx: Context<'_>,
    request: SignUp,
) -> Result<SignedIn, Failure<SignUpRefusal>> {
    let settings = &ctx.realm.settings;
    check_open(&settings.sign_up).map_err(Failure::Refused)?;
    let manage = |refusal: ManageRefusal| Failure::Refused(SignUpRefusal::from(refusal));
    check_new(&request.password, &settings.sessions).map_err(manage)?;
    check_metadata("the metadata", &request.user_metadata).map_err(manage)?;
    check_name(request.name.as_deref()).map_err(manage)?;
    let roles = roles_of(&request.roles, settings).map_err(Failure::Refused)?;
    let entropy = &*ctx.identity.entropy;
    let passwords = &ctx.identity.passwords;
    let hash = passwords.hash_for_stranger(&request.password, entropy);
    let hash: HashedPassword = hash.await?;
    let keyring = ctx.realm.keyring();
    let shown = request.invitation.as_ref();
    let made = ctx
        .commit(NewAccount {
            realm: ctx.realm(),
            call: *ctx.call,
            email: request.email.clone(),
            hash: hash.clone(),
            shown: shown.map(|secret| keys_of(&keyring, ChallengeKind::Invitation, secret)),
            user_metadata: request.user_metadata,
            name: request.name,
            roles,
            subject: SubjectId::mint(entropy, ctx.call.now),
            membership: MembershipId::mint(entropy, ctx.call.now),
        })
        .await;
    let subject = made.map_err(|failure| match failure {
        // Another sign-up with the address was faster.
        Failure::Store(StoreError::Conflict(_)) => Failure::Refused(SignUpRefusal::Exists),
        other => other,
    })?;
    let signing_in = SignIn {
        email: request.email.as_str().to_owned(),
        password: request.password,
        tenant: None,
        unnamed: Unnamed::Home,
        role: None,
        scope: None,
        user_agent: request.user_agent,
    };
    let proof = Proof {
        stored: Some((subject, Some(hash))),
        check: PasswordCheck::Right { weak: false },
        better: None,
    };
    begin(ctx, signing_in, proof).await.map_err(widen)
}

fn widen(failure: Failure<SignInRefusal>) -> Failure<SignUpRefusal> {
    match failure {
        Failure::Refused(refusal) => Failure::Refused(refusal.into()),
        Failure::Store(error) => Failure::Store(error),
        Failure::Busy => Failure::Busy,
        Failure::Internal(cause) => Failure::Internal(cause),
    }
}

struct NewAccount {
    realm: Arc<Realm>,
    call: Call,
    email: Email,
    hash: HashedPassword,
    /// Under which keys the presented invitation may be stored.
    shown: Option<Vec<ChallengeKey>>,
    user_metadata: Metadata,
    name: Option<String>,
    /// What it is granted, realm-wide.
    roles: Vec<RoleName>,
    subject: SubjectId,
    membership: MembershipId,
}

/// An invitation on its way to be taken.
struct Found {
    key: ChallengeKey,
    invitation: Invitation,
}

#[async_trait]
impl Work for NewAccount {
    type Done = SubjectId;
    type Refusal = SignUpRefusal;

    /// A proof may erase who had the address before.
    fn effect(&self) -> Effect {
        match self.shown {
            Some(_) => Effect::Ends,
            None => Effect::Begins,
        }
    }

    fn event(&self) -> AuditEvent {
        self.call.event(Actor::Anonymous, AuditAction::SignUp)
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<SubjectId, Stop<SignUpRefusal>> {
        let settings = &self.realm.settings.sign_up;
        let before = tx.find_user_by_email(&self.email, None).await?;
        let account = Account::of(before.as_ref(), self.call.now)
            .with_way_in(has_way_in(tx, before.as_ref()).await?);
        let (found, shown) = match &self.shown {
            None => (None, None),
            Some(keys) => match self.show(tx, keys, account).await? {
                Ok((found, taking)) => (Some(found), Some(Ok(taking))),
                Err(refusal) => (None, Some(Err(refusal))),
            },
        };
        let mut input = SignUpInput {
            settings,
            account,
            shown,
            is_awaited: false,
        };
        decide(&input)?;
        // It is taken before it is relied on: another may have been faster.
        let invitation = match found {
            Some(found) => {
                let taken = tx.take_challenge(&found.key).await?;
                taken.ok_or_else(|| SignUpRefusal::from(ManageRefusal::InvitationInvalid))?;
                Some(found.invitation)
            }
            None => self.take_awaited(tx).await?,
        };
        input.is_awaited = input.shown.is_none() && invitation.is_some();
        let enrolling = decide(&input)?;
        if let (Enrolling::Claim, Some(before)) = (enrolling, &before) {
            erase_unproven(tx, before, &self.call).await?;
        }
        let tenant = self.write(tx, enrolling, invitation.as_ref()).await?;
        event.actor = Actor::Subject(self.subject);
        event.subject = Some(self.subject);
        event.tenant = tenant;
        let enrolment = json!(enrolling.as_str());
        event.detail.insert("enrolment".to_owned(), enrolment);
        if let Some(invitation) = invitation {
            let id = json!(invitation.id.to_string());
            event.detail.insert("invitation".to_owned(), id);
        }
        Ok(self.subject)
    }
}

impl NewAccount {
    /// What the presented invitation does for the account.
    async fn show(
        &self,
        tx: &mut dyn Tx,
        keys: &[ChallengeKey],
        account: Account,
    ) -> Result<Result<(Found, Taking), ManageRefusal>, StoreError> {
        let own = |(_, invitation): &(_, Invitation)| invitation.email == self.email;
        let Some((key, invitation)) = find(tx, keys).await?.filter(own) else {
            return Ok(Err(ManageRefusal::InvitationInvalid));
        };
        let input = TakeInput {
            invitation: &invitation,
            maker: None,
            account,
            own_session: false,
            named: Named::Secret,
            sets_password: true,
            gives_name: false,
            now: self.call.now,
        };
        match judge(tx, &self.realm.settings, input).await {
            Ok(taking) => Ok(Ok((Found { key, invitation }, taking))),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// Takes the first invitation that waits for the address, where the realm lets the
    /// address alone do.
    async fn take_awaited(&self, tx: &mut dyn Tx) -> Result<Option<Invitation>, StoreError> {
        let settings = &self.realm.settings;
        if self.shown.is_some() || !settings.sign_up.enrols_by(Enrolment::InvitedAddress) {
            return Ok(None);
        }
        let filter = ChallengeFilter {
            kind: ChallengeKind::Invitation,
            within: ChallengesIn::Address(self.email.as_str().to_owned()),
            now: self.call.now,
        };
        let mut after = None;
        loop {
            let page = Page { after, limit: MOST };
            let waiting = tx.list_challenges(&filter, page).await?;
            for invitation in waiting.iter().filter_map(Invitation::of) {
                if self.fits(tx, &invitation).await?
                    && let Some(_taken) =
                        tx.take_challenge(&ChallengeKey::Id(invitation.id)).await?
                {
                    return Ok(Some(invitation));
                }
            }
            // Strangers invite the address too, and theirs must not hide the operator's. A
            // tenant has one for it at most.
            match waiting.last() {
                Some(last) if waiting.len() >= MOST as usize => after = Some(last.id),
                _ => return Ok(None),
            }
        }
    }

    /// Whether the address alone takes the invitation.
    async fn fits(&self, tx: &mut dyn Tx, invitation: &Invitation) -> Result<bool, StoreError> {
        if invitation.delivery != Delivery::SignUp {
            return Ok(false);
        }
        let now = self.call.now;
        let maker = load_maker(tx, &self.realm.settings, invitation, now).await?;
        if !is_taken_by_address(invitation, maker.as_ref(), now) {
            return Ok(false);
        }
        // Nobody's word displaces nobody's: who stands in for the address stays.
        let tenant = Some(&invitation.tenant);
        Ok(tx.find_user_by_email(&self.email, tenant).await?.is_none())
    }

    /// Writes the account and where it belongs; returns the tenant.
    async fn write(
        &self,
        tx: &mut dyn Tx,
        enrolling: Enrolling,
        invitation: Option<&Invitation>,
    ) -> Result<Option<TenantId>, StoreError> {
        let now = self.call.now;
        let email = self.email.clone();
        let address = match enrolling {
            Enrolling::Shown | Enrolling::Claim => {
                let was_mailed = |one: &Invitation| one.delivery == Delivery::Mail;
                answered(email, invitation.is_some_and(was_mailed), now)
            }
            Enrolling::Address | Enrolling::OwnTenant | Enrolling::Nowhere => {
                Address::confirmed(email, now)
            }
        };
        let subject = Subject {
            user_metadata: self.user_metadata.clone(),
            name: self.name.clone(),
            ..new_user(self.subject, address, now)
        };
        insert_user(tx, &subject, &self.roles, Some(&self.hash)).await?;
        match (enrolling, invitation) {
            (Enrolling::OwnTenant, _) => self.own_tenant(tx).await,
            (_, Some(invitation)) => {
                let tenant = &invitation.tenant;
                if subject.identifier.proven_email().is_some() {
                    let actor = Actor::Subject(subject.id);
                    erase_stand_in(tx, &self.email, tenant, actor, &self.call).await?;
                }
                join(tx, invitation, subject.id, self.membership, now).await?;
                Ok(Some(tenant.clone()))
            }
            (_, None) => Ok(None),
        }
    }

    /// A tenant of the account's own, called as the account is.
    async fn own_tenant(&self, tx: &mut dyn Tx) -> Result<Option<TenantId>, StoreError> {
        let now = self.call.now;
        let id = TenantId::new(&self.subject.to_string())
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        tx.insert_tenant(&Tenant {
            id: id.clone(),
            name: None,
            origin: TenantOrigin::SignedUp,
            created_at: now,
        })
        .await?;
        tx.append_audit(&AuditEvent {
            tenant: Some(id.clone()),
            ..self
                .call
                .event(Actor::Subject(self.subject), AuditAction::TenantCreate)
        })
        .await?;
        tx.insert_membership(&Membership {
            id: self.membership,
            subject: self.subject,
            tenant: id.clone(),
            created_at: now,
        })
        .await?;
        for role in &self.realm.settings.sign_up.own_tenant_roles {
            let grant = Grant {
                tenant: Some(id.clone()),
                granted: Granted::Role(role.clone()),
            };
            tx.insert_grant(self.subject, &grant, now).await?;
        }
        Ok(Some(id))
    }
}
