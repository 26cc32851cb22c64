//! Grants, the roles tenants define, and epochs.

use super::scope::{Id, Record, Scope, Target, Trouble};
use super::tx::RealmTx;
use super::tx::{reading, writing};
use crate::row::grant::{
    EPOCH, EpochEntry, EpochRow, GRANT, GrantRow, RoleRow, TENANT_ROLE, columns,
};
use crate::row::{Place, join};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::{SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Grant, RoleDefinition};
use doorward_identity::port::{GrantRead, GrantWrite, StoreError};
use tokio_postgres::{Error, Row};

pub(super) async fn list(scope: Scope<'_>, subject: SubjectId) -> Result<Vec<Grant>, Trouble> {
    let mut grants: Vec<Grant> = scope
        .list::<GrantRow, _>(
            "SELECT tenant, kind, name, audience FROM grant_ WHERE realm = $1 AND subject = $2",
            &[&Id::from(subject)],
        )
        .await?;
    // The order is the type's, not the table's.
    grants.sort_unstable();
    Ok(grants)
}

pub(super) async fn insert(
    scope: Scope<'_>,
    subject: SubjectId,
    grant: &Grant,
    at: Timestamp,
) -> Result<bool, Trouble> {
    let (kind, name, audience) = columns(&grant.granted);
    scope
        .write(
            target(&subject),
            "INSERT INTO grant_ (realm, subject, tenant, kind, name, audience, granted_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT \
             (realm, subject, coalesce(tenant, ''), kind, name, coalesce(audience, '')) \
             DO NOTHING",
            &[
                &Id::from(subject),
                &grant.tenant.as_ref().map(TenantId::as_str),
                &kind,
                &name,
                &audience,
                &at.as_micros(),
            ],
        )
        .await
        .map(|written| written > 0)
}

pub(super) async fn delete(
    scope: Scope<'_>,
    subject: SubjectId,
    grant: &Grant,
) -> Result<bool, Trouble> {
    let (kind, name, audience) = columns(&grant.granted);
    scope
        .write(
            target(&subject),
            "DELETE FROM grant_ WHERE realm = $1 AND subject = $2 \
             AND coalesce(tenant, '') = coalesce($3, '') AND kind = $4 AND name = $5 \
             AND coalesce(audience, '') = coalesce($6, '')",
            &[
                &Id::from(subject),
                &grant.tenant.as_ref().map(TenantId::as_str),
                &kind,
                &name,
                &audience,
            ],
        )
        .await
        .map(|deleted| deleted > 0)
}

pub(super) async fn list_roles(
    scope: Scope<'_>,
    tenant: &TenantId,
) -> Result<Vec<RoleDefinition>, Trouble> {
    scope
        .list::<RoleRow, _>(
            "SELECT role, permissions FROM tenant_role \
             WHERE realm = $1 AND tenant = $2 ORDER BY role",
            &[&tenant.as_str()],
        )
        .await
}

pub(super) async fn put_role(
    scope: Scope<'_>,
    tenant: &TenantId,
    role: &RoleDefinition,
) -> Result<(), Trouble> {
    let target = Target {
        table: TENANT_ROLE,
        row: &role.role,
        unique: "the role",
    };
    scope
        .write_one(
            target,
            "INSERT INTO tenant_role (realm, tenant, role, permissions) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (realm, tenant, role) DO UPDATE SET permissions = excluded.permissions",
            &[
                &tenant.as_str(),
                &role.role.as_str(),
                &join(&role.permissions),
            ],
        )
        .await
}

pub(super) async fn list_epochs(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<EpochEntry>, Trouble> {
    scope
        .list::<EpochRow, _>(
            "SELECT subject, tenant, epoch FROM epoch \
             WHERE realm = $1 AND realm > 0 AND epoch >= $2",
            &[&since.as_micros()],
        )
        .await
}

pub(super) async fn list_epochs_of(
    scope: Scope<'_>,
    subjects: &[SubjectId],
) -> Result<Vec<EpochEntry>, Trouble> {
    let subjects: Vec<Id> = subjects.iter().copied().map(Id::from).collect();
    scope
        .list::<EpochRow, _>(
            "SELECT subject, tenant, epoch FROM epoch WHERE realm = $1 AND subject = ANY($2) \
             ORDER BY subject, tenant NULLS FIRST",
            &[&subjects],
        )
        .await
}

pub(super) async fn bump_epoch(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<Epoch, Trouble> {
    let grown: Vec<i64> = scope
        .column(
            EPOCH,
            "INSERT INTO epoch (realm, subject, tenant, epoch) \
             VALUES ($1, $2, $3, greatest($4, 1 + coalesce( \
                 (SELECT max(epoch) FROM epoch WHERE realm = $1 AND subject = $2), 0))) \
             ON CONFLICT (realm, subject, coalesce(tenant, '')) \
             DO UPDATE SET epoch = excluded.epoch RETURNING epoch",
            &[
                &Id::from(subject),
                &tenant.map(TenantId::as_str),
                &at.as_micros(),
            ],
        )
        .await?;
    let place = Place {
        table: EPOCH,
        row: &subject,
    };
    grown
        .first()
        .map(|&epoch| Epoch(epoch))
        .ok_or_else(|| place.bad("epoch", "it was written and not returned").into())
}

async fn prune_epochs(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, Trouble> {
    let target = Target {
        table: EPOCH,
        row: &"old ones",
        unique: "the epoch",
    };
    scope
        .write(
            target,
            "DELETE FROM epoch WHERE realm = $1 AND ctid IN (SELECT ctid FROM epoch \
             WHERE realm = $1 AND realm > 0 AND epoch < $2 ORDER BY epoch LIMIT $3)",
            &[&before.as_micros(), &i64::from(limit)],
        )
        .await
}

const fn target(subject: &SubjectId) -> Target<'_> {
    Target {
        table: GRANT,
        row: subject,
        unique: "the grant",
    }
}

#[async_trait]
impl GrantRead for RealmTx {
    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError> {
        reading!(self, list(subject))
    }

    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError> {
        reading!(self, list_roles(tenant))
    }

    async fn list_epochs(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        reading!(self, list_epochs(since))
    }

    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(SubjectId, Option<TenantId>, Epoch)>, StoreError> {
        reading!(self, list_epochs_of(subjects))
    }
}

#[async_trait]
impl GrantWrite for RealmTx {
    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, insert(subject, grant, at))
    }

    async fn delete_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
    ) -> Result<bool, StoreError> {
        writing!(self, delete(subject, grant))
    }

    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError> {
        writing!(self, put_role(tenant, role))
    }

    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Epoch, StoreError> {
        writing!(self, bump_epoch(subject, tenant, at))
    }

    async fn prune_epochs(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        writing!(self, prune_epochs(before, limit))
    }
}

impl Record for GrantRow {
    const TABLE: &'static str = GRANT;

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant: row.try_get(0)?,
            kind: row.try_get(1)?,
            name: row.try_get(2)?,
            audience: row.try_get(3)?,
        })
    }
}

impl Record for RoleRow {
    const TABLE: &'static str = TENANT_ROLE;

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            role: row.try_get(0)?,
            permissions: row.try_get(1)?,
        })
    }
}

impl Record for EpochRow {
    const TABLE: &'static str = EPOCH;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(subject) = row.try_get(0)?;
        Ok(Self {
            subject,
            tenant: row.try_get(1)?,
            epoch: row.try_get(2)?,
        })
    }
}
