//! Makes a user.

use super::authenticate::forecast;
use super::caller::load_manager;
use super::detail::names;
use super::displace::{check_barred, erase_left, erase_stand_in};
use super::placement::{Checked, Placement};
use super::set_password::check_new;
use super::sign_in::NOBODY;
use super::work::{Failure, Stop, Work};
use super::{Call, Caller, Context, Realm};
use crate::decide::bounds::{check_metadata, check_name};
use crate::decide::manage::{ManagementCaller, ManagementPermission};
use crate::decide::proof::{by_word, may_say, placed};
use crate::decide::refusal::ManageRefusal;
use crate::model::{
    Address, AuditAction, AuditEvent, Contact, Grant, Granted, HashedPassword, Identifier,
    Metadata, Subject, SubjectStatus,
};
use crate::port::{Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::{
    Effect, Email, MembershipId, Phone, RoleName, Secret, SubjectId, TenantId, Timestamp,
};
use std::sync::Arc;

/// A user about to be made.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Its e-mail address.
    pub email: Option<Email>,
    /// Its phone number.
    pub phone: Option<Phone>,
    /// Whether whoever makes it vouches for its addresses: an operator or somebody who may
    /// make users realm-wide. A tenant must not stand for the mail of all others.
    pub proven: bool,
    /// A display name.
    pub name: Option<String>,
    /// A password; without one it cannot sign in by password.
    pub password: Option<Secret>,
    /// Its tenant and grants. The realm's default roles come on top.
    pub placement: Placement,
    /// What it says about itself.
    pub user_metadata: Metadata,
    /// What the realm says about it: for who vouches to write.
    pub app_metadata: Metadata,
}

/// Makes a user. Needs `platform.users.edit` in the tenant, or realm-wide. The address of
/// one that a tenant's administrator makes counts in the tenant alone.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn create_user(
    ctx: Context<'_>,
    caller: &Caller,
    new: CreateUser,
) -> Result<Subject, Failure<ManageRefusal>> {
    let settings = &ctx.realm.settings;
    let permission = ManagementPermission::UsersEdit;
    let entropy = &*ctx.identity.entropy;
    let (mut refused, mut password) = (None, None);
    if let Some(plain) = &new.password {
        check_new(plain, &settings.sessions).map_err(Failure::Refused)?;
        // A hash costs what many requests cost: nobody without the permission gets one.
        let tenant = new.placement.tenant.as_ref();
        // A password lets somebody in: no credential makes itself another.
        let decide = |manager: &ManagementCaller| {
            manager.demand(permission, tenant)?;
            manager.demand_session()
        };
        refused = forecast(ctx, caller, decide).await?;
        if refused.is_none() {
            let passwords = &ctx.identity.passwords;
            match passwords.turn(caller.subject(), ctx.call.now).await? {
                Ok(_turn) => password = Some(passwords.hash(plain, entropy).await?),
                Err(seconds) => refused = Some(ManageRefusal::TooManyPasswords(seconds)),
            }
        }
    }
    let contact = Contact {
        anonymous: new.email.is_none() && new.phone.is_none(),
        email: new
            .email
            .map(|email| taken(email, new.proven, ctx.call.now).into()),
        phone: new
            .phone
            .map(|phone| taken(phone, new.proven, ctx.call.now)),
    };
    let subject = Subject {
        id: SubjectId::mint(entropy, ctx.call.now),
        identifier: Identifier::User(contact),
        name: new.name,
        status: SubjectStatus::Active,
        user_metadata: new.user_metadata,
        app_metadata: new.app_metadata,
        created_at: ctx.call.now,
        last_sign_in_at: None,
    };
    ctx.commit(NewSubject {
        realm: ctx.realm(),
        call: *ctx.call,
        caller: caller.clone(),
        subject,
        membership: MembershipId::mint(entropy, ctx.call.now),
        refused,
        password,
        placement: new.placement,
        action: AuditAction::UserCreate,
        permission,
    })
    .await
}

/// A user or service account on its way into the store.
pub(super) struct NewSubject {
    pub(super) realm: Arc<Realm>,
    pub(super) call: Call,
    pub(super) caller: Caller,
    pub(super) subject: Subject,
    pub(super) membership: MembershipId,
    /// Why no password was hashed, if that was asked for.
    pub(super) refused: Option<ManageRefusal>,
    pub(super) password: Option<HashedPassword>,
    pub(super) placement: Placement,
    pub(super) action: AuditAction,
    pub(super) permission: ManagementPermission,
}

#[async_trait]
impl Work for NewSubject {
    type Done = Subject;
    type Refusal = ManageRefusal;

    /// It may erase who had the address in the tenant.
    fn effect(&self) -> Effect {
        Effect::Ends
    }

    fn event(&self) -> AuditEvent {
        let mut event = self.call.event(self.caller.actor(), self.action);
        event.tenant.clone_from(&self.placement.tenant);
        let given = &self.placement;
        let lists = [
            ("roles", names(&given.roles)),
            ("permissions", names(&given.permissions)),
        ];
        event
            .detail
            .extend(lists.map(|(key, list)| (key.to_owned(), list)));
        event
    }

    async fn run(
        &self,
        tx: &mut dyn Tx,
        event: &mut AuditEvent,
    ) -> Result<Subject, Stop<ManageRefusal>> {
        let settings = &self.realm.settings;
        let manager = load_manager(tx, settings, &self.caller, self.call.now)
            .await?
            .ok_or(ManageRefusal::CallerDead)?;
        manager.demand(self.permission, self.placement.tenant.as_ref())?;
        if self.password.is_some() {
            manager.demand_session()?;
        }
        if let Some(refusal) = &self.refused {
            return Err(refusal.clone().into());
        }
        check_size(&self.subject)?;
        may_say(&manager, &self.subject)?;
        let kind = self.subject.identifier.kind();
        let placement = self
            .placement
            .check(tx, &settings.roles, &manager, kind)
            .await?;
        let tenant = self.placement.tenant.as_ref();
        let made = by_word(&manager, self.subject.identifier.clone());
        let subject = Subject {
            identifier: placed(made, manager.vouches(), tenant),
            ..self.subject.clone()
        };
        erase_left(tx, &subject.identifier, self.caller.actor(), &self.call).await?;
        if is_taken(tx, &subject.identifier, tenant, self.call.now).await? {
            return Err(ManageRefusal::Exists("this address").into());
        }
        if let (Some(email), Some(tenant)) = (subject.identifier.proven_email(), tenant) {
            check_barred(tx, email, tenant, self.call.now).await?;
        }
        let contact = subject.identifier.contact();
        let phone = contact.and_then(|contact| contact.phone.as_ref());
        // A number that nobody confirmed may be several users'.
        if let Some(Address { value: phone, .. }) = phone.filter(|one| one.is_confirmed())
            && tx.find_subject_by_phone(phone).await?.is_some()
        {
            return Err(ManageRefusal::Exists("this phone number").into());
        }
        event.subject = Some(subject.id);
        self.write(tx, &subject, &placement).await?;
        Ok(subject)
    }
}

impl NewSubject {
    async fn write(
        &self,
        tx: &mut dyn Tx,
        subject: &Subject,
        placement: &Checked,
    ) -> Result<(), StoreError> {
        let tenant = self.placement.tenant.as_ref();
        if placement.make_tenant {
            placement.write_tenant(tx, self.call.now).await?;
            tx.append_audit(&AuditEvent {
                tenant: tenant.cloned(),
                ..self
                    .call
                    .event(self.caller.actor(), AuditAction::TenantCreate)
            })
            .await?;
        }
        if let (Some(email), Some(tenant)) = (subject.identifier.proven_email(), tenant) {
            let actor = self.caller.actor();
            erase_stand_in(tx, email, tenant, actor, &self.call).await?;
        }
        tx.insert_subject(subject).await?;
        if let Some(password) = &self.password {
            tx.set_password(subject.id, password).await?;
        }
        if matches!(subject.identifier, Identifier::User(_)) {
            for grant in default_grants(&self.realm.settings.default_roles) {
                tx.insert_grant(subject.id, &grant, self.call.now).await?;
            }
        }
        let now = self.call.now;
        placement.write(tx, subject.id, self.membership, now).await
    }
}

/// Whether the address is taken where it would count. Who makes the subject sees what takes
/// it; nothing else changes the answer, nor what it costs, but that nobody stands in for whom
/// the realm keeps out.
async fn is_taken(
    tx: &mut dyn Read,
    made: &Identifier,
    tenant: Option<&TenantId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(email) = made.email() else {
        return Ok(false);
    };
    if let Identifier::Service { home, .. } = made {
        let found = tx.find_service_by_email(email, tenant).await?;
        return Ok(found.is_some_and(|found| found.identifier.home() == home.as_ref()));
    }
    let there = tx.find_user_by_email(email, tenant).await?;
    let stands_in = |found: &Subject| found.identifier.home().is_some();
    if let Some(home) = made.home() {
        // Whose the address is in the realm is seen there as a member.
        let id = there.as_ref().map_or(NOBODY, |found| found.id);
        let is_member = tx.find_membership(id, home).await?.is_some();
        let takes = |found: &Subject| stands_in(found) || !found.status.allows(now);
        return Ok(is_member || there.as_ref().is_some_and(takes));
    }
    if there.as_ref().is_some_and(stands_in) && made.proven_email().is_none() {
        return Ok(true);
    }
    Ok(tx.find_user_by_email(email, None).await?.is_some())
}

fn taken<T>(value: T, proven: bool, now: Timestamp) -> Address<T> {
    if proven {
        Address::proven(value, now)
    } else {
        Address::said(value)
    }
}

/// What every new user of the realm is granted.
pub(super) fn default_grants(roles: &[RoleName]) -> Vec<Grant> {
    let roles = roles.iter().cloned();
    roles
        .map(|role| Grant {
            tenant: None,
            granted: Granted::Default(role),
        })
        .collect()
}

fn check_size(subject: &Subject) -> Result<(), ManageRefusal> {
    check_name(subject.name.as_deref())?;
    check_metadata("the metadata", &subject.user_metadata)?;
    check_metadata("the metadata", &subject.app_metadata)
}
