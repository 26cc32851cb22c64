//! What several use-cases load of a subject before they decide.

use crate::decide::authority::Holdings;
use crate::decide::manage::Belonging;
use crate::model::{Grant, RoleDefinition};
use crate::port::{Read, StoreError};
use crate::settings::RealmSettings;
use doorward_base::{SubjectId, TenantId};

/// What a subject holds, as the store has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    pub(super) grants: Vec<Grant>,
    pub(super) member_of: Vec<TenantId>,
    pub(super) tenant_roles: Vec<RoleDefinition>,
}

impl Owned {
    pub(super) fn belonging(&self) -> Belonging<'_> {
        Belonging::of(&self.member_of, &self.grants)
    }

    pub(super) fn holdings<'a>(&'a self, settings: &'a RealmSettings) -> Holdings<'a> {
        Holdings {
            grants: &self.grants,
            member_of: &self.member_of,
            roles: &settings.roles,
            tenant_roles: &self.tenant_roles,
            crossing: settings.crossing.as_ref(),
        }
    }
}

pub(super) async fn load_owned(tx: &mut dyn Read, subject: SubjectId) -> Result<Owned, StoreError> {
    Ok(Owned {
        grants: tx.list_grants(subject).await?,
        member_of: load_member_of(tx, subject).await?,
        tenant_roles: Vec::new(),
    })
}

pub(super) async fn load_member_of(
    tx: &mut dyn Read,
    subject: SubjectId,
) -> Result<Vec<TenantId>, StoreError> {
    let memberships = tx.list_memberships(subject).await?;
    Ok(memberships.into_iter().map(|one| one.tenant).collect())
}

pub(super) async fn load_tenant_roles(
    tx: &mut dyn Read,
    tenant: Option<&TenantId>,
) -> Result<Vec<RoleDefinition>, StoreError> {
    match tenant {
        Some(tenant) => tx.list_tenant_roles(tenant).await,
        None => Ok(Vec::new()),
    }
}
