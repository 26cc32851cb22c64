//! Invites an address into a tenant. Its secret goes to the address, or to who vouches.

use super::caller::{load_manager, made_through};
use super::challenge::{self, ChallengeTerms, MintError};
use super::mail::{self, MailRefusal};
use super::placement::check_role;
use super::work::{Failure, Query, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::check_list;
use crate::decide::invitation::{MAX_WAITING, delivery, life, name_in_mail};
use crate::decide::manage::{ManagementCaller, ManagementPermission};
use crate::decide::proof::may_mail;
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    AuditAction, AuditEvent, Challenge, ChallengeKind, Delivery, Grant, Granted, Invitation,
    MadeThrough, MailDraft, MailKind, QueuedMail, Tenant,
};
use crate::port::{Read, Tx};
use crate::settings::{Enrolment, RealmSettings};
use async_trait::async_trait;
use doorward_base::{ChallengeId, Effect, Email, RoleName, Secret, SubjectId, TenantId, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An invitation about to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invite {
    /// Whom.
    pub email: Email,
    /// Into which tenant.
    pub tenant: TenantId,
    /// The roles granted in the tenant when it is taken.
    pub roles: Vec<RoleName>,
    /// Whom its secret is given to; unless it is said, [`delivery`] decides.
    pub delivery: Option<Delivery>,
    /// How long it can be taken; unless it is said, [`life`] decides.
    pub life: Option<Duration>,
}

/// An invitation that was made.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Its id, by which it is withdrawn.
    pub id: ChallengeId,
    /// Whom its secret was given to.
    pub delivery: Delivery,
    /// What takes it, shown once, if it was given in the answer.
    pub secret: Option<Secret>,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}

/// Invites an address into a tenant, replacing an earlier invitation there. Needs
/// `platform.memberships.edit` in the tenant, and the roles themselves. The answer says
/// nothing of whether the address has an account.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn invite(
    ctx: Context<'_>,
    caller: &Caller,
    request: Invite,
) -> Result<Invited, Failure<ManageRefusal>> {
    let forecast = Forecast {
        realm: ctx.realm(),
        caller: caller.clone(),
        request: request.clone(),
        mail_is_on: ctx.identity.mail.is_on,
        now: ctx.call.now,
    };
    let (decided, through) = match ctx.query(forecast).await {
        Ok((delivery, through)) => (Ok(delivery), through),
        Err(Failure::Refused(refusal)) => (Err(refusal), MadeThrough::default()),
        Err(failure) => return Err(failure),
    };
    let decided = decided.and_then(|given_to| Ok((given_to, life(request.life, given_to)?)));
    let (given_to, life) = decided.clone().unwrap_or((Delivery::Nobody, None));
    let decided = decided.map(|(given_to, _)| given_to);
    let terms = ChallengeTerms {
        address: Some(request.email.as_str().to_owned()),
        tenant: Some(request.tenant.clone()),
        made_by: caller.subject(),
        payload: Invitation::payload(&request.roles, given_to, &through),
        life,
        ..ChallengeTerms::default()
    };
    let minted = challenge::mint(ctx, ChallengeKind::Invitation, terms);
    let (challenge, secret) = minted.map_err(|error| match error {
        MintError::Payload => Failure::Refused(ManageRefusal::TooMany("roles and scopes")),
        MintError::Prefix => Failure::Internal(error.to_string()),
    })?;
    let (id, expires_at) = (challenge.id, challenge.expires_at);
    // Mails are counted: nobody uses them up by what is refused.
    let mut mail = None;
    if decided == Ok(Delivery::Mail) {
        mail = Some(letter(ctx, (caller.subject(), &request), &secret, expires_at).await?);
    }
    let delivery = ctx
        .commit(NewInvitation {
            realm: ctx.realm(),
            call: *ctx.call,
            caller: caller.clone(),
            tenant: request.tenant,
            roles: request.roles,
            delivery: decided,
            challenge,
            mail,
        })
        .await?;
    Ok(Invited {
        id,
        delivery,
        secret: (delivery == Delivery::Answer).then_some(secret),
        expires_at,
    })
}

const NEEDED: ManagementPermission = ManagementPermission::MembershipsEdit;

async fn letter(
    ctx: Context<'_>,
    (maker, request): (Option<SubjectId>, &Invite),
    secret: &Secret,
    expires_at: Timestamp,
) -> Result<QueuedMail, Failure<ManageRefusal>> {
    let life = expires_at.since(ctx.call.now).as_secs();
    let tenant = ctx.query(FindTenant(request.tenant.clone())).await?;
    let draft = MailDraft {
        to: request.email.clone(),
        subject: None,
        maker,
        tenant: Some((tenant.id.clone(), tenant.origin)),
        kind: MailKind::Invitation,
        language: None,
        variables: BTreeMap::from([
            ("tenant", tenant.id.to_string()),
            (
                "tenant_name",
                name_in_mail(&tenant.id, tenant.name.as_deref()),
            ),
            ("minutes", (life / 60).to_string()),
            ("days", (life / 86_400).to_string()),
        ]),
        secrets: BTreeMap::from([("code", secret.clone())]),
        expires_at,
    };
    let prepared = mail::prepare(ctx.identity, ctx.realm, draft, ctx.call.now).await;
    prepared.map_err(|refusal| match refusal {
        MailRefusal::TooMany(seconds) => Failure::Refused(ManageRefusal::TooManyMails(seconds)),
        MailRefusal::Off | MailRefusal::TooLong | MailRefusal::Sealing => {
            Failure::Internal(refusal.to_string())
        }
    })
}

struct FindTenant(TenantId);

#[async_trait]
impl Query for FindTenant {
    type Done = Tenant;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let found = tx.find_tenant(&self.0).await?;
        Ok(found.ok_or(ManageRefusal::NotFound("tenant"))?)
    }
}

/// Checks where an invitation leads and what it gives.
async fn check(
    tx: &mut dyn Read,
    settings: &RealmSettings,
    manager: &ManagementCaller,
    tenant: &TenantId,
    roles: &[RoleName],
) -> Result<(), Stop<ManageRefusal>> {
    if tx.find_tenant(tenant).await?.is_none() {
        return Err(ManageRefusal::NotFound("tenant").into());
    }
    check_list("roles", roles)?;
    for role in roles {
        let grant = Grant {
            tenant: Some(tenant.clone()),
            granted: Granted::Role(role.clone()),
        };
        check_role(tx, &settings.roles, &grant).await?;
        manager.may_grant(&grant)?;
    }
    Ok(())
}

/// Checks that not too many invitations of the caller wait in the tenant.
async fn check_waiting(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    tenant: &TenantId,
) -> Result<(), Stop<ManageRefusal>> {
    let Some(maker) = manager.subject() else {
        return Ok(());
    };
    let waiting = tx.count_challenges_of(maker, tenant, MAX_WAITING).await?;
    if waiting >= MAX_WAITING {
        return Err(ManageRefusal::TooManyInvitations(MAX_WAITING).into());
    }
    Ok(())
}

/// Checks that the mail may go out.
async fn check_mails(
    tx: &mut dyn Read,
    manager: &ManagementCaller,
    tenant: &TenantId,
    delivery: Delivery,
) -> Result<(), Stop<ManageRefusal>> {
    if delivery != Delivery::Mail {
        return Ok(());
    }
    let maker = match manager.subject() {
        Some(maker) => tx.find_subject(maker).await?,
        None => None,
    };
    let missing = ManageRefusal::NotFound("tenant");
    let tenant = tx.find_tenant(tenant).await?.ok_or(missing)?;
    Ok(may_mail(manager, maker.as_ref(), tenant.origin)?)
}

/// Whom the secret will be given to, before anything is paid for. Whoever is refused here
/// is refused again where it is written down.
struct Forecast {
    realm: Arc<Realm>,
    caller: Caller,
    request: Invite,
    mail_is_on: bool,
    now: Timestamp,
}

#[async_trait]
impl Query for Forecast {
    type Done = (Delivery, MadeThrough);
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let Invite { tenant, roles, .. } = &self.request;
        manager.demand(NEEDED, Some(tenant))?;
        let delivery = delivery(self.request.delivery, manager.vouches(), self.mail_is_on)?;
        if delivery == Delivery::SignUp && !settings.sign_up.enrols_by(Enrolment::InvitedAddress) {
            return Err(ManageRefusal::AddressProvesNothing.into());
        }
        check_mails(tx, &manager, tenant, delivery).await?;
        check(tx, settings, &manager, tenant, roles).await?;
        check_waiting(tx, &manager, tenant).await?;
        Ok((delivery, made_through(&manager)))
    }
}

struct NewInvitation {
    realm: Arc<Realm>,
    call: Call,
    caller: Caller,
    tenant: TenantId,
    roles: Vec<RoleName>,
    delivery: Result<Delivery, ManageRefusal>,
    challenge: Challenge,
    mail: Option<QueuedMail>,
}

#[async_trait]
impl Work for NewInvitation {
    type Done = Delivery;
    type Refusal = ManageRefusal;

    fn effect(&self) -> Effect {
        Effect::Begins
    }

    fn event(&self) -> AuditEvent {
        let mut event = self
            .call
            .event(self.caller.actor(), AuditAction::TenantInvite);
        event.tenant = Some(self.tenant.clone());
        if let Ok(delivery) = &self.delivery {
            let delivery = json!(delivery.as_str());
            event.detail.insert("delivery".to_owned(), delivery);
        }
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Delivery, Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        let tenant = &self.tenant;
        manager.demand(NEEDED, Some(tenant))?;
        let delivery = self.delivery.clone()?;
        if matches!(delivery, Delivery::Answer | Delivery::SignUp) && !manager.vouches() {
            return Err(ManageRefusal::NotVouching.into());
        }
        check_mails(tx, &manager, tenant, delivery).await?;
        check(tx, settings, &manager, tenant, &self.roles).await?;
        check_waiting(tx, &manager, tenant).await?;
        // As it stands now: it may have gained or lost a word that counts while the secret
        // was made.
        let through = made_through(&manager);
        let challenge = Challenge {
            payload: Invitation::payload(&self.roles, delivery, &through),
            ..self.challenge.clone()
        };
        tx.put_challenge(&challenge).await?;
        if let Some(mail) = &self.mail {
            tx.put_mail(mail).await?;
        }
        let id = json!(challenge.id.to_string());
        event.detail.insert("invitation".to_owned(), id);
        Ok(delivery)
    }
}
