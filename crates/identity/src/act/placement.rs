//! Where a new subject is placed: its tenant, and what it is granted there.

use super::work::Stop;
use crate::decide::bounds::check_list;
use crate::decide::manage::{ManagementCaller, ManagementPermission};
use crate::decide::refusal::ManageRefusal;
use crate::model::{Grant, Granted, Membership, RoleDefinition, Tenant, TenantOrigin};
use crate::port::{Read, StoreError, Tx};
use doorward_base::{
    MembershipId, Permission, RoleName, SubjectId, SubjectKind, TenantId, Timestamp,
};

/// The tenant of a new subject and what it is granted there; without a tenant,
/// realm-wide.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Placement {
    /// The tenant it becomes a member of.
    pub tenant: Option<TenantId>,
    /// Roles it is granted.
    pub roles: Vec<RoleName>,
    /// Permissions it is granted, on every API.
    pub permissions: Vec<Permission>,
}

/// A placement that was checked.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    tenant: Option<TenantId>,
    pub(super) make_tenant: bool,
    grants: Vec<Grant>,
}

impl Placement {
    fn grants(&self) -> Vec<Grant> {
        let roles = self.roles.iter().cloned().map(Granted::Role);
        let permissions = self.permissions.iter().cloned();
        let permissions = permissions.map(|permission| Granted::Permission {
            permission,
            audience: None,
        });
        let granted = roles.chain(permissions);
        granted
            .map(|granted| Grant {
                tenant: self.tenant.clone(),
                granted,
            })
            .collect()
    }

    /// Checks it for this caller. An operator, or who may make tenants, may name a
    /// tenant that does not exist yet.
    pub(super) async fn check(
        &self,
        tx: &mut dyn Read,
        roles: &[RoleDefinition],
        manager: &ManagementCaller,
        kind: SubjectKind,
    ) -> Result<Checked, Stop<ManageRefusal>> {
        check_list("roles", &self.roles)?;
        check_list("permissions", &self.permissions)?;
        let mut make_tenant = false;
        if let Some(tenant) = &self.tenant {
            make_tenant = tx.find_tenant(tenant).await?.is_none();
            if make_tenant && !manager.may(ManagementPermission::TenantsEdit, None) {
                return Err(ManageRefusal::NotFound("tenant").into());
            }
        }
        let grants = self.grants();
        for grant in &grants {
            check_role(tx, roles, grant).await?;
            match kind {
                SubjectKind::Service => manager.may_delegate(grant)?,
                SubjectKind::User | SubjectKind::External => manager.may_grant(grant)?,
            }
        }
        Ok(Checked {
            tenant: self.tenant.clone(),
            make_tenant,
            grants,
        })
    }
}

impl Checked {
    /// Writes the tenant.
    pub(super) async fn write_tenant(
        &self,
        tx: &mut dyn Tx,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(tenant) = &self.tenant else {
            return Ok(());
        };
        tx.insert_tenant(&Tenant {
            id: tenant.clone(),
            name: None,
            origin: TenantOrigin::Made,
            created_at: now,
        })
        .await
    }

    /// Writes the rest for a subject that was just inserted.
    pub(super) async fn write(
        &self,
        tx: &mut dyn Tx,
        subject: SubjectId,
        membership: MembershipId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(tenant) = &self.tenant {
            tx.insert_membership(&Membership {
                id: membership,
                subject,
                tenant: tenant.clone(),
                created_at: now,
            })
            .await?;
        }
        for grant in &self.grants {
            tx.insert_grant(subject, grant, now).await?;
        }
        Ok(())
    }
}

/// A role that is granted must be defined, by the realm or the tenant.
pub(super) async fn check_role(
    tx: &mut dyn Read,
    roles: &[RoleDefinition],
    grant: &Grant,
) -> Result<(), Stop<ManageRefusal>> {
    let Granted::Role(role) = &grant.granted else {
        return Ok(());
    };
    let mut known = roles.iter().any(|definition| definition.role == *role);
    if let (false, Some(tenant)) = (known, &grant.tenant) {
        let own = tx.list_tenant_roles(tenant).await?;
        known = own.iter().any(|definition| definition.role == *role);
    }
    if known {
        Ok(())
    } else {
        Err(ManageRefusal::RoleUnknown(role.to_string()).into())
    }
}
