//! Grants, the roles tenants define, and epochs.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::grant::{
    EPOCH, EpochEntry, EpochRow, GRANT, GrantRow, RoleRow, TENANT_ROLE, columns,
};
use crate::row::{Place, join};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::{SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Grant, RoleDefinition};
use doorward_identity::port::{GrantRead, GrantWrite, StoreError};
use rusqlite::Row;

pub(super) fn list(scope: Scope<'_>, subject: SubjectId) -> Result<Vec<Grant>, StoreError> {
    let mut grants: Vec<Grant> = scope.list::<GrantRow, _>(
        "SELECT tenant, kind, name, audience FROM grant_ WHERE realm = ?1 AND subject = ?2",
        &[subject.as_bytes()],
    )?;
    // The order is the type's, not the table's.
    grants.sort_unstable();
    Ok(grants)
}

pub(super) fn insert(
    scope: Scope<'_>,
    subject: SubjectId,
    grant: &Grant,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let (kind, name, audience) = columns(&grant.granted);
    scope
        .write(
            target(&subject),
            "INSERT INTO grant_ (realm, subject, tenant, kind, name, audience, granted_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (realm, subject, ifnull(tenant, ''), kind, name, ifnull(audience, '')) \
             DO NOTHING",
            &[
                subject.as_bytes(),
                &grant.tenant.as_ref().map(TenantId::as_str),
                &kind,
                &name,
                &audience,
                &at.as_micros(),
            ],
        )
        .map(|written| written > 0)
}

pub(super) fn delete(
    scope: Scope<'_>,
    subject: SubjectId,
    grant: &Grant,
) -> Result<bool, StoreError> {
    let (kind, name, audience) = columns(&grant.granted);
    scope
        .write(
            target(&subject),
            "DELETE FROM grant_ WHERE realm = ?1 AND subject = ?2 \
             AND ifnull(tenant, '') = ifnull(?3, '') AND kind = ?4 AND name = ?5 \
             AND ifnull(audience, '') = ifnull(?6, '')",
            &[
                subject.as_bytes(),
                &grant.tenant.as_ref().map(TenantId::as_str),
                &kind,
                &name,
                &audience,
            ],
        )
        .map(|deleted| deleted > 0)
}

pub(super) fn list_roles(
    scope: Scope<'_>,
    tenant: &TenantId,
) -> Result<Vec<RoleDefinition>, StoreError> {
    scope.list::<RoleRow, _>(
        "SELECT role, permissions FROM tenant_role \
         WHERE realm = ?1 AND tenant = ?2 ORDER BY role",
        &[&tenant.as_str()],
    )
}

pub(super) fn put_role(
    scope: Scope<'_>,
    tenant: &TenantId,
    role: &RoleDefinition,
) -> Result<(), StoreError> {
    scope.write_one(
        Target {
            table: TENANT_ROLE,
            row: &role.role,
            unique: "the role",
        },
        "INSERT INTO tenant_role (realm, tenant, role, permissions) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (realm, tenant, role) DO UPDATE SET permissions = excluded.permissions",
        &[
            &tenant.as_str(),
            &role.role.as_str(),
            &join(&role.permissions),
        ],
    )
}

pub(super) fn list_epochs(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<EpochEntry>, StoreError> {
    scope.list::<EpochRow, _>(
        "SELECT subject, tenant, epoch FROM epoch WHERE realm = ?1 AND epoch >= ?2",
        &[&since.as_micros()],
    )
}

pub(super) fn list_epochs_of(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Vec<EpochEntry>, StoreError> {
    scope.list::<EpochRow, _>(
        "SELECT subject, tenant, epoch FROM epoch WHERE realm = ?1 AND subject = ?2 \
         ORDER BY tenant NULLS FIRST",
        &[subject.as_bytes()],
    )
}

pub(super) fn bump_epoch(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<Epoch, StoreError> {
    let grown = scope.column(
        EPOCH,
        "INSERT INTO epoch (realm, subject, tenant, epoch) VALUES (?1, ?2, ?3, max(?4, 1 + \
         ifnull((SELECT max(epoch) FROM epoch WHERE realm = ?1 AND subject = ?2), 0))) \
         ON CONFLICT (realm, subject, ifnull(tenant, '')) DO UPDATE SET epoch = excluded.epoch \
         RETURNING epoch",
        &[
            subject.as_bytes(),
            &tenant.map(TenantId::as_str),
            &at.as_micros(),
        ],
    )?;
    let place = Place {
        table: EPOCH,
        row: &subject,
    };
    grown
        .first()
        .map(|&epoch| Epoch(epoch))
        .ok_or_else(|| place.bad("epoch", "it was written and not returned"))
}

fn prune_epochs(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let target = Target {
        table: EPOCH,
        row: &"old ones",
        unique: "the epoch",
    };
    scope
        .write(
            target,
            "DELETE FROM epoch WHERE realm = ?1 AND rowid IN (SELECT rowid FROM epoch \
             WHERE realm = ?1 AND epoch < ?2 ORDER BY epoch LIMIT ?3)",
            &[&before.as_micros(), &limit],
        )
        .map(|pruned| pruned as u64)
}

const fn target(subject: &SubjectId) -> Target<'_> {
    Target {
        table: GRANT,
        row: subject,
        unique: "the grant",
    }
}

#[async_trait]
impl GrantRead for RealmTx<'_> {
    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError> {
        self.with(|scope| list(scope, subject))
    }

    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError> {
        self.with(|scope| list_roles(scope, tenant))
    }

    async fn list_epochs(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        self.with(|scope| list_epochs(scope, since))
    }

    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        self.with(|scope| {
            let mut epochs = Vec::new();
            for &subject in subjects {
                epochs.extend(list_epochs_of(scope, subject)?);
            }
            Ok(epochs)
        })
    }
}

#[async_trait]
impl GrantWrite for RealmTx<'_> {
    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.with(|scope| insert(scope, subject, grant, at))
    }

    async fn delete_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
    ) -> Result<bool, StoreError> {
        self.with(|scope| delete(scope, subject, grant))
    }

    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError> {
        self.with(|scope| put_role(scope, tenant, role))
    }

    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Epoch, StoreError> {
        self.with(|scope| bump_epoch(scope, subject, tenant, at))
    }

    async fn prune_epochs(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.with(|scope| prune_epochs(scope, before, limit))
    }
}

impl Record for GrantRow {
    const TABLE: &'static str = GRANT;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: row.get(0)?,
            kind: row.get(1)?,
            name: row.get(2)?,
            audience: row.get(3)?,
        })
    }
}

impl Record for RoleRow {
    const TABLE: &'static str = TENANT_ROLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            role: row.get(0)?,
            permissions: row.get(1)?,
        })
    }
}

impl Record for EpochRow {
    const TABLE: &'static str = EPOCH;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            subject: row.get(0)?,
            tenant: row.get(1)?,
            epoch: row.get(2)?,
        })
    }
}
