//! Tenants and memberships.

use super::scope::{Id, Record, Scope, Target, Trouble, start};
use super::tx::RealmTx;
use super::tx::{reading, writing};
use crate::row::bounded;
use crate::row::tenant::{MEMBERSHIP, MembershipRow, TENANT, TenantRow};
use async_trait::async_trait;
use doorward_base::{MembershipId, SubjectId, TenantId};
use doorward_identity::model::{Membership, Tenant};
use doorward_identity::port::{Page, StoreError, TenantRead, TenantWrite};
use tokio_postgres::{Error, Row};

/// Of a tenant that was not deleted. OFFSET 0 keeps it a question about each row: as a
/// join it may read all that were deleted.
macro_rules! there {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM tenant WHERE tenant.realm = membership.realm \
          AND tenant.id = membership.tenant AND tenant.deleted_at IS NOT NULL OFFSET 0)"
    };
}

pub(super) use there;

macro_rules! select_membership {
    ($($rest:expr),*) => {
        concat!(
            "SELECT id, subject, tenant, created_at FROM membership WHERE realm = $1 ",
            $($rest),*
        )
    };
}

pub(super) async fn find(scope: Scope<'_>, id: &TenantId) -> Result<Option<Tenant>, Trouble> {
    scope
        .find::<TenantRow, _>(
            "SELECT id, name, created_at FROM tenant \
             WHERE realm = $1 AND id = $2 AND deleted_at IS NULL",
            &[&id.as_str()],
        )
        .await
}

pub(super) async fn list(scope: Scope<'_>, page: &Page<TenantId>) -> Result<Vec<Tenant>, Trouble> {
    // Every id sorts after the empty one.
    let after = page.after.as_ref().map_or("", TenantId::as_str);
    scope
        .list::<TenantRow, _>(
            "SELECT id, name, created_at FROM tenant \
             WHERE realm = $1 AND id > $2 AND deleted_at IS NULL ORDER BY id LIMIT $3",
            &[&after, &i64::from(page.limit)],
        )
        .await
}

pub(super) async fn insert(scope: Scope<'_>, tenant: &Tenant) -> Result<(), Trouble> {
    let target = Target {
        table: TENANT,
        row: &tenant.id,
        unique: "the tenant's id",
    };
    scope
        .insert_one(
            target,
            "INSERT INTO tenant (realm, id, name, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
            &[
                &tenant.id.as_str(),
                &tenant.name,
                &tenant.created_at.as_micros(),
            ],
        )
        .await
}

pub(super) async fn find_membership(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: &TenantId,
) -> Result<Option<Membership>, Trouble> {
    scope
        .find::<MembershipRow, _>(
            select_membership!("AND subject = $2 AND tenant = $3", there!()),
            &[&Id::from(subject), &tenant.as_str()],
        )
        .await
}

pub(super) async fn list_memberships(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Vec<Membership>, Trouble> {
    scope
        .list::<MembershipRow, _>(
            select_membership!("AND subject = $2", there!(), " ORDER BY created_at, id"),
            &[&Id::from(subject)],
        )
        .await
}

pub(super) async fn list_tenant_memberships(
    scope: Scope<'_>,
    tenant: &TenantId,
    page: Page<MembershipId>,
) -> Result<Vec<Membership>, Trouble> {
    let (from, whole) = start(page.after);
    scope
        .list::<MembershipRow, _>(
            select_membership!(
                "AND realm > 0 AND tenant = $2 AND id >= $3 AND ($4 OR id > $3) \
                 ORDER BY id LIMIT $5"
            ),
            &[&tenant.as_str(), &from, &whole, &i64::from(page.limit)],
        )
        .await
}

pub(super) async fn insert_membership(
    scope: Scope<'_>,
    membership: &Membership,
) -> Result<(), Trouble> {
    let target = Target {
        table: MEMBERSHIP,
        row: &membership.id,
        unique: "the membership",
    };
    scope
        .insert_one(
            target,
            "INSERT INTO membership (realm, id, subject, tenant, created_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            &[
                &Id::from(membership.id),
                &Id::from(membership.subject),
                &membership.tenant.as_str(),
                &membership.created_at.as_micros(),
            ],
        )
        .await
}

pub(super) async fn delete_membership(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: &TenantId,
) -> Result<bool, Trouble> {
    let target = Target {
        table: MEMBERSHIP,
        row: &subject,
        unique: "the membership",
    };
    let sql = "DELETE FROM membership WHERE realm = $1 AND subject = $2 AND tenant = $3";
    scope
        .write(target, sql, &[&Id::from(subject), &tenant.as_str()])
        .await
        .map(|deleted| deleted > 0)
}

#[async_trait]
impl TenantRead for RealmTx {
    async fn find_tenant(&mut self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        reading!(self, find(id))
    }

    async fn list_tenants(&mut self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        reading!(self, list(&bounded(page)))
    }

    async fn find_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Option<Membership>, StoreError> {
        reading!(self, find_membership(subject, tenant))
    }

    async fn list_memberships(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<Membership>, StoreError> {
        reading!(self, list_memberships(subject))
    }

    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        page: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError> {
        reading!(self, list_tenant_memberships(tenant, bounded(page)))
    }
}

#[async_trait]
impl TenantWrite for RealmTx {
    async fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        writing!(self, insert(tenant))
    }

    async fn insert_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        writing!(self, insert_membership(membership))
    }

    async fn delete_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<bool, StoreError> {
        writing!(self, delete_membership(subject, tenant))
    }
}

impl Record for TenantRow {
    const TABLE: &'static str = TENANT;

    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            created_at: row.try_get(2)?,
        })
    }
}

impl Record for MembershipRow {
    const TABLE: &'static str = MEMBERSHIP;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        let Id(subject) = row.try_get(1)?;
        Ok(Self {
            id,
            subject,
            tenant: row.try_get(2)?,
            created_at: row.try_get(3)?,
        })
    }
}
