//! Whom an address means to who asks: one's own account, whose it is in the whole realm, or
//! who has it in a tenant within reach. Nothing out of reach changes the answer. Not here:
//! signing in, which asks for one tenant.

use super::facts::load_member_of;
use super::sign_in::NOBODY;
use super::work::Stop;
use crate::decide::manage::{ManagementCaller, Reach};
use crate::decide::refusal::ManageRefusal;
use crate::model::Subject;
use crate::port::{Read, StoreError};
use doorward_base::{Email, SubjectKind, TenantId};

/// How many an operator is told of.
const TOLD: u32 = 8;

/// An address as a request names it.
#[derive(Clone, Copy)]
pub(super) struct Addressed<'a> {
    /// The address.
    pub(super) email: &'a Email,
    /// Of which kind its subject is; without one of either.
    pub(super) kind: Option<SubjectKind>,
    /// The tenant that the request is about.
    pub(super) tenant: Option<&'a TenantId>,
}

/// Finds whom it means to this caller, whose `reach` goes so far; without one it reaches
/// itself alone. Who has the address in the tenant that is named comes first, then whose it
/// is in the whole realm.
///
/// # Errors
/// [`ManageRefusal::Ambiguous`] when that leaves several, or a user who has it in a tenant
/// that was not named.
pub(super) async fn find_addressed(
    tx: &mut dyn Read,
    caller: &ManagementCaller,
    reach: Option<&Reach>,
    asked: Addressed<'_>,
) -> Result<Option<Subject>, Stop<ManageRefusal>> {
    if let Some(own) = find_own(tx, caller, asked).await? {
        return Ok(Some(own));
    }
    let Some(reach) = reach else {
        return Ok(None);
    };
    // What is there in a tenant out of reach must not change what is found elsewhere.
    if asked.tenant.is_some_and(|tenant| !reach.covers(tenant)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for one in named(tx, asked, asked.tenant).await? {
        // Of nobody too, so that the time it takes does not tell who is elsewhere.
        let id = one.as_ref().map_or(NOBODY, |one| one.id);
        let member_of = load_member_of(tx, id).await?;
        found.extend(one.filter(|_| reach.covers_member(&member_of)));
    }
    if found.is_empty() {
        found = match reach {
            Reach::Realm => {
                let mut all = tx.list_subjects_by_email(asked.email, TOLD).await?;
                all.retain(|one| asked.takes(one));
                // Who stands in for the address in a tenant is not whom it means in the
                // realm: anybody's administrator may have made it.
                let stands_in = |one: &Subject| {
                    one.identifier.contact().is_some() && one.identifier.home().is_some()
                };
                if all.iter().any(stands_in) {
                    return Err(ManageRefusal::Ambiguous(told(&all)).into());
                }
                all
            }
            Reach::Tenants(tenants) => {
                let mut all = Vec::new();
                for tenant in tenants {
                    all.extend(named(tx, asked, Some(tenant)).await?.into_iter().flatten());
                }
                all.retain(|one| one.identifier.home().is_some());
                all
            }
        };
    }
    if found.len() > 1 {
        return Err(ManageRefusal::Ambiguous(told(&found)).into());
    }
    Ok(found.pop())
}

/// The caller itself, if the address is its own.
async fn find_own(
    tx: &mut dyn Read,
    caller: &ManagementCaller,
    asked: Addressed<'_>,
) -> Result<Option<Subject>, StoreError> {
    let Some(id) = caller.subject() else {
        return Ok(None);
    };
    let own = tx.find_subject(id).await?;
    Ok(own.filter(|own| asked.takes(own) && own.identifier.email() == Some(asked.email)))
}

/// Who has the address in the tenant, or else in the whole realm: of each kind one.
async fn named(
    tx: &mut dyn Read,
    asked: Addressed<'_>,
    tenant: Option<&TenantId>,
) -> Result<Vec<Option<Subject>>, StoreError> {
    let mut found = Vec::new();
    if asked.kind != Some(SubjectKind::Service) {
        found.push(tx.find_user_by_email(asked.email, tenant).await?);
    }
    if asked.kind != Some(SubjectKind::User) {
        found.push(tx.find_service_by_email(asked.email, tenant).await?);
    }
    Ok(found)
}

impl Addressed<'_> {
    fn takes(&self, one: &Subject) -> bool {
        self.kind.is_none_or(|kind| one.identifier.kind() == kind)
    }
}

fn told(found: &[Subject]) -> String {
    let one = |subject: &Subject| {
        let (kind, id) = (subject.identifier.kind(), subject.id);
        match subject.identifier.home() {
            Some(tenant) => format!("{kind} {id} of {tenant}"),
            None => format!("{kind} {id}"),
        }
    };
    found.iter().map(one).collect::<Vec<_>>().join(", ")
}
