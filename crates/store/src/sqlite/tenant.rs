//! Tenants, memberships and invitations.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::bounded;
use crate::row::join;
use crate::row::tenant::{INVITATION, InvitationRow, MEMBERSHIP, MembershipRow, TENANT, TenantRow};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{MembershipId, SubjectId, TenantId};
use doorward_identity::model::{Invitation, Membership, Tenant};
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

pub(super) fn put_invitation(scope: Scope<'_>, invitation: &Invitation) -> Result<(), StoreError> {
    scope.write_one(
        Target {
            table: INVITATION,
            row: &invitation.tenant,
            unique: "the invitation's secret",
        },
        "INSERT INTO invitation (realm, digest, email, tenant, roles, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (realm, tenant, email) DO UPDATE SET digest = excluded.digest, \
         roles = excluded.roles, created_at = excluded.created_at, \
         expires_at = excluded.expires_at",
        &[
            invitation.digest.as_bytes(),
            &invitation.email.as_str(),
            &invitation.tenant.as_str(),
            &join(&invitation.roles),
            &invitation.created_at.as_micros(),
            &invitation.expires_at.as_micros(),
        ],
    )
}

pub(super) fn find_invitation(
    scope: Scope<'_>,
    digest: &TokenDigest,
) -> Result<Option<Invitation>, StoreError> {
    scope.find::<InvitationRow, _>(
        "SELECT digest, email, tenant, roles, created_at, expires_at FROM invitation \
         WHERE realm = ?1 AND digest = ?2",
        &[digest.as_bytes()],
    )
}

pub(super) fn take_invitation(
    scope: Scope<'_>,
    digest: &TokenDigest,
) -> Result<Option<Invitation>, StoreError> {
    scope
        .list::<InvitationRow, _>(
            "DELETE FROM invitation WHERE realm = ?1 AND digest = ?2 \
             RETURNING digest, email, tenant, roles, created_at, expires_at",
            &[digest.as_bytes()],
        )
        .map(|mut taken| taken.pop())
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

    async fn find_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError> {
        self.with(|scope| find_invitation(scope, digest))
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

    async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        self.with(|scope| put_invitation(scope, invitation))
    }

    async fn take_invitation(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<Invitation>, StoreError> {
        self.with(|scope| take_invitation(scope, digest))
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

impl Record for InvitationRow {
    const TABLE: &'static str = INVITATION;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            digest: Some(row.get(0)?),
            email: row.get(1)?,
            tenant: row.get(2)?,
            roles: row.get(3)?,
            created_at: row.get(4)?,
            expires_at: row.get(5)?,
        })
    }
}
