//! Finds and lists subjects, tenants and memberships within the caller's reach.

use super::addressed::{Addressed, find_addressed};
use super::caller::load_standing;
use super::facts::load_member_of;
use super::work::{Failure, Query, Stop};
use super::{Caller, Context, Realm};
use crate::decide::manage::{ManagementCaller, ManagementPermission, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::{Grant, LinkedIdentity, Membership, Subject, Tenant};
use crate::port::{Extent, Page, Read};
use async_trait::async_trait;
use doorward_base::{Email, MembershipId, SubjectId, SubjectKind, TenantId, Timestamp};
use std::marker::PhantomData;
use std::sync::Arc;

/// A subject with what it belongs to and holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// The subject, as far as the caller sees it.
    pub subject: Subject,
    /// Its names at logins elsewhere; none for who does not reach all of it.
    pub identities: Vec<LinkedIdentity>,
    /// Its memberships, within the caller's reach.
    pub memberships: Vec<Membership>,
    /// Its grants, within the caller's reach.
    pub grants: Vec<Grant>,
}

/// A subject within reach. Needs `platform.users.read`, but for oneself.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn find_subject(
    ctx: Context<'_>,
    caller: &Caller,
    id: SubjectId,
) -> Result<Subject, Failure<ManageRefusal>> {
    Ok(ask(ctx, caller, OneProfile::Id(id)).await?.subject)
}

/// The user or service account of an address, within reach: whose it is in the whole realm,
/// else the one that has it in a tenant. Needs `platform.users.read`, but for oneself.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn find_subject_by_email(
    ctx: Context<'_>,
    caller: &Caller,
    email: Email,
) -> Result<Subject, Failure<ManageRefusal>> {
    let named = OneProfile::Email(email, None);
    Ok(ask(ctx, caller, named).await?.subject)
}

/// As [`find_subject_by_email`], of users alone: for what must not mean the service account
/// that some tenant made under the address.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn find_user_by_email(
    ctx: Context<'_>,
    caller: &Caller,
    email: Email,
) -> Result<Subject, Failure<ManageRefusal>> {
    let named = OneProfile::Email(email, Some(SubjectKind::User));
    Ok(ask(ctx, caller, named).await?.subject)
}

/// A subject with its memberships and grants. Needs `platform.users.read`, but for
/// oneself.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn load_profile(
    ctx: Context<'_>,
    caller: &Caller,
    id: SubjectId,
) -> Result<Profile, Failure<ManageRefusal>> {
    ask(ctx, caller, OneProfile::Id(id)).await
}

/// The realm's subjects, by id. Needs `platform.users.read` realm-wide; within a tenant
/// there is [`list_tenant_members`].
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_subjects(
    ctx: Context<'_>,
    caller: &Caller,
    page: Page<SubjectId>,
) -> Result<Vec<Subject>, Failure<ManageRefusal>> {
    ask(ctx, caller, Subjects(page)).await
}

/// The tenants within reach, by id. Needs `platform.users.read`.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_tenants(
    ctx: Context<'_>,
    caller: &Caller,
    page: Page<TenantId>,
) -> Result<Vec<Tenant>, Failure<ManageRefusal>> {
    ask(ctx, caller, Tenants(page)).await
}

/// A tenant's memberships, by id. Needs `platform.users.read` in the tenant.
///
/// # Errors
/// [`Failure`] with a [`ManageRefusal`].
pub async fn list_tenant_members(
    ctx: Context<'_>,
    caller: &Caller,
    tenant: TenantId,
    page: Page<MembershipId>,
) -> Result<Vec<Membership>, Failure<ManageRefusal>> {
    ask(ctx, caller, Members { tenant, page }).await
}

/// A question within a caller's reach.
#[async_trait]
trait Question: Send + Sync + 'static {
    type Answer: Send + 'static;

    /// How much it reads.
    const EXTENT: Extent = Extent::Any;

    async fn answer(
        &self,
        tx: &mut dyn Read,
        manager: &ManagementCaller,
    ) -> Result<Self::Answer, Stop<ManageRefusal>>;
}

async fn ask<Q: Question>(
    ctx: Context<'_>,
    caller: &Caller,
    question: Q,
) -> Result<Q::Answer, Failure<ManageRefusal>> {
    ctx.query(Ask {
        realm: ctx.realm(),
        now: ctx.call.now,
        caller: caller.clone(),
        question,
        answer: PhantomData,
    })
    .await
}

struct Ask<Q: Question> {
    realm: Arc<Realm>,
    now: Timestamp,
    caller: Caller,
    question: Q,
    answer: PhantomData<fn() -> Q::Answer>,
}

#[async_trait]
impl<Q: Question> Query for Ask<Q> {
    type Done = Q::Answer;
    type Refusal = ManageRefusal;
    const EXTENT: Extent = Q::EXTENT;

    async fn run(&self, tx: &mut dyn Read) -> Result<Q::Answer, Stop<ManageRefusal>> {
        let manager = load_standing(tx, &self.realm.settings, &self.caller, self.now).await?;
        self.question.answer(tx, &manager).await
    }
}

const READ: ManagementPermission = ManagementPermission::UsersRead;

enum OneProfile {
    Id(SubjectId),
    Email(Email, Option<SubjectKind>),
}

#[async_trait]
impl Question for OneProfile {
    type Answer = Profile;

    async fn answer(
        &self,
        tx: &mut dyn Read,
        manager: &ManagementCaller,
    ) -> Result<Profile, Stop<ManageRefusal>> {
        let found = match self {
            Self::Id(id) => tx.find_subject(*id).await?,
            Self::Email(email, kind) => {
                let reach = manager.reach(READ).ok();
                let asked = Addressed {
                    email,
                    kind: *kind,
                    tenant: None,
                };
                find_addressed(tx, manager, reach.as_ref(), asked).await?
            }
        };
        let own = found
            .as_ref()
            .is_some_and(|subject| manager.subject() == Some(subject.id));
        // Asked before the answer shows whether there is such a subject.
        let reach = if own {
            manager.reach_of_oneself()
        } else {
            manager.reach(READ)?
        };
        let subject = found.ok_or(ManageRefusal::NotFound("subject"))?;
        if !reach.covers_member(&load_member_of(tx, subject.id).await?) {
            return Err(ManageRefusal::NotFound("subject").into());
        }
        let mut memberships = tx.list_memberships(subject.id).await?;
        memberships.retain(|membership| reach.covers(&membership.tenant));
        let mut grants = tx.list_grants(subject.id).await?;
        grants.retain(|grant| match &grant.tenant {
            Some(tenant) => reach.covers(tenant),
            None => reach == Reach::Realm,
        });
        let identities = match reach {
            Reach::Realm => tx.list_identities(subject.id).await?,
            Reach::Tenants(_) => Vec::new(),
        };
        Ok(Profile {
            subject: if own { subject } else { reach.sees(subject) },
            identities,
            memberships,
            grants,
        })
    }
}

struct Subjects(Page<SubjectId>);

#[async_trait]
impl Question for Subjects {
    type Answer = Vec<Subject>;
    const EXTENT: Extent = Extent::Listing;

    async fn answer(
        &self,
        tx: &mut dyn Read,
        manager: &ManagementCaller,
    ) -> Result<Self::Answer, Stop<ManageRefusal>> {
        manager.demand_realm(READ)?;
        Ok(tx.list_subjects(self.0).await?)
    }
}

struct Tenants(Page<TenantId>);

#[async_trait]
impl Question for Tenants {
    type Answer = Vec<Tenant>;
    const EXTENT: Extent = Extent::Listing;

    async fn answer(
        &self,
        tx: &mut dyn Read,
        manager: &ManagementCaller,
    ) -> Result<Self::Answer, Stop<ManageRefusal>> {
        let Reach::Tenants(mut tenants) = manager.reach(READ)? else {
            return Ok(tx.list_tenants(self.0.clone()).await?);
        };
        tenants.sort_unstable();
        let mut rows = Vec::new();
        let limit = usize::try_from(self.0.limit).unwrap_or(usize::MAX);
        let after = self.0.after.as_ref();
        for id in tenants.iter().filter(|id| Some(*id) > after).take(limit) {
            rows.extend(tx.find_tenant(id).await?);
        }
        Ok(rows)
    }
}

struct Members {
    tenant: TenantId,
    page: Page<MembershipId>,
}

#[async_trait]
impl Question for Members {
    type Answer = Vec<Membership>;
    const EXTENT: Extent = Extent::Listing;

    async fn answer(
        &self,
        tx: &mut dyn Read,
        manager: &ManagementCaller,
    ) -> Result<Self::Answer, Stop<ManageRefusal>> {
        manager.demand(READ, Some(&self.tenant))?;
        if tx.find_tenant(&self.tenant).await?.is_none() {
            return Err(ManageRefusal::NotFound("tenant").into());
        }
        Ok(tx.list_tenant_memberships(&self.tenant, self.page).await?)
    }
}
