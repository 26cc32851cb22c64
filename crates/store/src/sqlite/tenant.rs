//! Tenants and memberships.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::bounded;
use crate::row::tenant::{MEMBERSHIP, MembershipRow, TENANT, TenantRow};
use async_trait::async_trait;
use doorward_base::{MembershipId, SubjectId, TenantId};
use doorward_identity::model::{Membership, Tenant};
use doorward_identity::port::{Page, StoreError, TenantRead, TenantWrite};
use rusqlite::Row;

/// Of a tenant that was not deleted.
macro_rules! there {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM tenant WHERE tenant.realm = membership.realm \
          AND tenant.id = membership.tenant AND tenant.deleted_at IS NOT NULL)"
    };
}

macro_rules! select_membership {
    ($($rest:expr),*) => {
        concat!(
            "SELECT id, subject, tenant, created_at FROM membership WHERE realm = ?1 ",
            $($rest),*
        )
    };
}

pub(super) fn find(scope: Scope<'_>, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
    scope.find::<TenantRow, _>(
        "SELECT id, name, created_at FROM tenant \
         WHERE realm = ?1 AND id = ?2 AND deleted_at IS NULL",
        &[&id.as_str()],
    )
}

pub(super) fn list(scope: Scope<'_>, page: &Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
    // Every id sorts after the empty one.
    let after = page.after.as_ref().map_or("", TenantId::as_str);
    scope.list::<TenantRow, _>(
        "SELECT id, name, created_at FROM tenant \
         WHERE realm = ?1 AND id > ?2 AND deleted_at IS NULL ORDER BY id LIMIT ?3",
        &[&after, &page.limit],
    )
}

pub(super) fn insert(scope: Scope<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    scope.write_one(
        Target {
            table: TENANT,
            row: &tenant.id,
            unique: "the tenant's id",
        },
        "INSERT INTO tenant (realm, id, name, created_at) VALUES (?1, ?2, ?3, ?4)",
        &[
            &tenant.id.as_str(),
            &tenant.name,
            &tenant.created_at.as_micros(),
        ],
    )
}

pub(super) fn find_membership(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: &TenantId,
) -> Result<Option<Membership>, StoreError> {
    scope.find::<MembershipRow, _>(
        select_membership!("AND subject = ?2 AND tenant = ?3", there!()),
        &[subject.as_bytes(), &tenant.as_str()],
    )
}

pub(super) fn list_memberships(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Vec<Membership>, StoreError> {
    scope.list::<MembershipRow, _>(
        select_membership!("AND subject = ?2", there!(), " ORDER BY created_at, id"),
        &[subject.as_bytes()],
    )
}

pub(super) fn list_tenant_memberships(
    scope: Scope<'_>,
    tenant: &TenantId,
    page: Page<MembershipId>,
) -> Result<Vec<Membership>, StoreError> {
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    scope.list::<MembershipRow, _>(
        select_membership!("AND tenant = ?2 AND id > ?3 ORDER BY id LIMIT ?4"),
        &[&tenant.as_str(), &after, &page.limit],
    )
}

pub(super) fn insert_membership(
    scope: Scope<'_>,
    membership: &Membership,
) -> Result<(), StoreError> {
    scope.write_one(
        Target {
            table: MEMBERSHIP,
            row: &membership.id,
            unique: "the membership",
        },
        "INSERT INTO membership (realm, id, subject, tenant, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            membership.id.as_bytes(),
            membership.subject.as_bytes(),
            &membership.tenant.as_str(),
            &membership.created_at.as_micros(),
        ],
    )
}

pub(super) fn delete_membership(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: &TenantId,
) -> Result<bool, StoreError> {
    let target = Target {
        table: MEMBERSHIP,
        row: &subject,
        unique: "the membership",
    };
    let sql = "DELETE FROM membership WHERE realm = ?1 AND subject = ?2 AND tenant = ?3";
    scope
        .write(target, sql, &[subject.as_bytes(), &tenant.as_str()])
        .map(|deleted| deleted > 0)
}

#[async_trait]
impl TenantRead for RealmTx<'_> {
    async fn find_tenant(&mut self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.with(|scope| find(scope, id))
    }

    async fn list_tenants(&mut self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        self.with(|scope| list(scope, &bounded(page)))
    }

    async fn find_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Option<Membership>, StoreError> {
        self.with(|scope| find_membership(scope, subject, tenant))
    }

    async fn list_memberships(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<Membership>, StoreError> {
        self.with(|scope| list_memberships(scope, subject))
    }

    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        page: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError> {
        self.with(|scope| list_tenant_memberships(scope, tenant, bounded(page)))
    }
}

#[async_trait]
impl TenantWrite for RealmTx<'_> {
    async fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, tenant))
    }

    async fn insert_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        self.with(|scope| insert_membership(scope, membership))
    }

    async fn delete_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<bool, StoreError> {
        self.with(|scope| delete_membership(scope, subject, tenant))
    }
}

impl Record for TenantRow {
    const TABLE: &'static str = TENANT;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            created_at: row.get(2)?,
        })
    }
}

impl Record for MembershipRow {
    const TABLE: &'static str = MEMBERSHIP;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            subject: row.get(1)?,
            tenant: row.get(2)?,
            created_at: row.get(3)?,
        })
    }
}
