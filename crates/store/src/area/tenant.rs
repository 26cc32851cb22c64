//! Tenants and memberships.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, bounded, page, values};
use async_trait::async_trait;
use doorward_base::{MembershipId, SubjectId, TenantId};
use doorward_identity::model::{Membership, Tenant, TenantOrigin};
use doorward_identity::port::{Page, StoreError, TenantRead, TenantWrite};
use std::fmt::Display;

/// The table of tenants.
pub(crate) const TENANT: &str = "tenant";
const MEMBERSHIP: &str = "membership";

impl Record for Tenant {
    const TABLE: &'static str = TENANT;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parse("id")?,
            name: row.opt_string("name")?,
            origin: match row.opt_flag("signed_up")? {
                Some(true) => TenantOrigin::SignedUp,
                Some(false) => TenantOrigin::Made,
                None => return Err(row.bad("signed_up", "it is missing")),
            },
            created_at: row.time("created_at")?,
        })
    }
}

impl Record for Membership {
    const TABLE: &'static str = MEMBERSHIP;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            subject: row.id("subject")?,
            tenant: row.parse("tenant")?,
            created_at: row.time("created_at")?,
        })
    }
}

/// Of a tenant that was not deleted. OFFSET 0 keeps it a question about each row: as a
/// join it may read all that were deleted.
macro_rules! there {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM tenant WHERE tenant.realm = membership.realm \
          AND tenant.id = membership.tenant AND tenant.deleted_at IS NOT NULL LIMIT 1 OFFSET 0)"
    };
}

pub(crate) use there;

macro_rules! select_membership {
    ($($rest:expr),*) => {
        concat!(
            "SELECT id, subject, tenant, created_at FROM membership WHERE realm = $1 ",
            $($rest),*
        )
    };
}

fn member(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(MEMBERSHIP, row, "the membership")
}

#[async_trait]
impl<E: Engine> TenantRead for InRealm<E> {
    async fn find_tenant(&mut self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let sql = "SELECT id, name, signed_up, created_at FROM tenant \
                   WHERE realm = $1 AND id = $2 AND deleted_at IS NULL";
        self.0.find(sql, values![id]).await
    }

    async fn list_tenants(&mut self, asked: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        let page = bounded(asked);
        // Every id sorts after the empty one.
        let after = page.after.as_ref().map_or("", TenantId::as_str);
        let sql = "SELECT id, name, signed_up, created_at FROM tenant \
             WHERE realm = $1 AND id > $2 AND deleted_at IS NULL ORDER BY id LIMIT $3";
        self.0.list(sql, values![after, page.limit]).await
    }

    async fn find_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<Option<Membership>, StoreError> {
        let sql = select_membership!("AND subject = $2 AND tenant = $3", there!());
        self.0.find(sql, values![subject, tenant]).await
    }

    async fn list_memberships(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<Membership>, StoreError> {
        let sql = select_membership!("AND subject = $2", there!(), " ORDER BY created_at, id");
        self.0.list(sql, values![subject]).await
    }

    async fn list_tenant_memberships(
        &mut self,
        tenant: &TenantId,
        asked: Page<MembershipId>,
    ) -> Result<Vec<Membership>, StoreError> {
        let [from, whole, limit] = page(asked);
        let sql = select_membership!(
            "AND realm > 0 AND tenant = $2 AND id >= $3 AND ($4 OR id > $3) ORDER BY id LIMIT $5"
        );
        self.0.list(sql, values![tenant, from, whole, limit]).await
    }
}

#[async_trait]
impl<E: Engine> TenantWrite for InRealm<E> {
    async fn insert_tenant(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let target = Target::new(TENANT, &tenant.id, "the tenant's id");
        let sql = "INSERT INTO tenant (realm, id, name, signed_up, created_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let signed_up = tenant.origin == TenantOrigin::SignedUp;
        let values = values![
            &tenant.id,
            tenant.name.as_ref(),
            signed_up,
            tenant.created_at
        ];
        self.0.insert(target, sql, values).await
    }

    async fn insert_membership(&mut self, new: &Membership) -> Result<(), StoreError> {
        let sql = "INSERT INTO membership (realm, id, subject, tenant, created_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let values = values![new.id, new.subject, &new.tenant, new.created_at];
        self.0.insert(member(&new.id), sql, values).await
    }

    async fn delete_membership(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM membership WHERE realm = $1 AND subject = $2 AND tenant = $3";
        let values = values![subject, tenant];
        self.0.try_change(member(&subject), sql, values).await
    }
}
