//! Grants, the roles tenants define, and epochs.

use crate::engine::{Engine, InRealm, among, either};
use crate::row::{Cursor, Record, Target, join, values};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::{Audience, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Grant, Granted, RoleDefinition};
use doorward_identity::port::{GrantRead, GrantWrite, StoreError};

const GRANT: &str = "grant_";
const TENANT_ROLE: &str = "tenant_role";
const EPOCH: &str = "epoch";

type EpochEntry = (SubjectId, Option<TenantId>, Epoch);

/// The columns `kind`, `name` and `audience`.
fn columns(granted: &Granted) -> (&'static str, &str, Option<&Audience>) {
    match granted {
        Granted::Role(role) => ("role", role.as_str(), None),
        Granted::Default(role) => ("default", role.as_str(), None),
        Granted::Permission {
            permission,
            audience,
        } => ("permission", permission.as_str(), audience.as_ref()),
    }
}

/// Of a known subject.
impl Record for Grant {
    const TABLE: &'static str = GRANT;
    /// The name.
    const KEY: usize = 2;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        let tenant = row.opt_parse("tenant")?;
        let granted = match row.text("kind")? {
            kind @ ("role" | "default") => {
                let is_default = kind == "default";
                let role = row.parse("name")?;
                row.opt_text("audience")?;
                match is_default {
                    true => Granted::Default(role),
                    false => Granted::Role(role),
                }
            }
            "permission" => Granted::Permission {
                permission: row.parse("name")?,
                audience: row.opt_parse("audience")?,
            },
            _ => return Err(row.bad("kind", "unknown")),
        };
        Ok(Self { tenant, granted })
    }
}

/// Of a known tenant.
impl Record for RoleDefinition {
    const TABLE: &'static str = TENANT_ROLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            role: row.parse("role")?,
            permissions: row.list("permissions")?,
        })
    }
}

impl Record for EpochEntry {
    const TABLE: &'static str = EPOCH;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        let (subject, tenant) = (row.id("subject")?, row.opt_parse("tenant")?);
        Ok((subject, tenant, Epoch(row.int("epoch")?)))
    }
}

fn target(subject: &SubjectId) -> Target<'_> {
    Target::new(GRANT, subject, "the grant")
}

#[async_trait]
impl<E: Engine> GrantRead for InRealm<E> {
    async fn list_grants(&mut self, subject: SubjectId) -> Result<Vec<Grant>, StoreError> {
        let sql = "SELECT tenant, kind, name, audience FROM grant_ \
                   WHERE realm = $1 AND subject = $2";
        let mut grants: Vec<Grant> = self.0.list(sql, values![subject]).await?;
        // The order is the type's, not the table's.
        grants.sort_unstable();
        Ok(grants)
    }

    async fn list_tenant_roles(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Vec<RoleDefinition>, StoreError> {
        let sql = "SELECT role, permissions FROM tenant_role \
                   WHERE realm = $1 AND tenant = $2 ORDER BY role";
        self.0.list(sql, values![tenant]).await
    }

    async fn list_epochs(&mut self, since: Timestamp) -> Result<Vec<EpochEntry>, StoreError> {
        let sql = "SELECT subject, tenant, epoch FROM epoch \
                   WHERE realm = $1 AND realm > 0 AND epoch >= $2";
        self.0.list(sql, values![since]).await
    }

    async fn list_epochs_of(
        &mut self,
        subjects: &[SubjectId],
    ) -> Result<Vec<EpochEntry>, StoreError> {
        let sql = among!(
            E,
            "SELECT subject, tenant, epoch FROM epoch WHERE realm = $1 AND",
            "subject",
            "$2",
            "ORDER BY subject, tenant NULLS FIRST"
        );
        self.0.list(sql, values![subjects]).await
    }
}

#[async_trait]
impl<E: Engine> GrantWrite for InRealm<E> {
    async fn insert_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (kind, name, audience) = columns(&grant.granted);
        let sql = "INSERT INTO grant_ (realm, subject, tenant, kind, name, audience, granted_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT \
             (realm, subject, coalesce(tenant, ''), kind, name, coalesce(audience, '')) DO NOTHING";
        let values = values![subject, grant.tenant.as_ref(), kind, name, audience, at];
        self.0.try_change(target(&subject), sql, values).await
    }

    async fn delete_grant(
        &mut self,
        subject: SubjectId,
        grant: &Grant,
    ) -> Result<bool, StoreError> {
        let (kind, name, audience) = columns(&grant.granted);
        let sql = "DELETE FROM grant_ WHERE realm = $1 AND subject = $2 \
             AND coalesce(tenant, '') = coalesce($3, '') \
             AND (kind = $4 OR kind = 'default' AND $4 = 'role') AND name = $5 \
             AND coalesce(audience, '') = coalesce($6, '')";
        let values = values![subject, grant.tenant.as_ref(), kind, name, audience];
        Ok(self.0.write(target(&subject), sql, values).await? > 0)
    }

    async fn delete_grants_in(
        &mut self,
        subject: SubjectId,
        tenant: &TenantId,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM grant_ WHERE realm = $1 AND subject = $2 \
                   AND coalesce(tenant, '') = $3";
        let values = values![subject, tenant];
        self.0.write(target(&subject), sql, values).await
    }

    async fn put_tenant_role(
        &mut self,
        tenant: &TenantId,
        role: &RoleDefinition,
    ) -> Result<(), StoreError> {
        let target = Target::new(TENANT_ROLE, &role.role, "the role");
        let sql = "INSERT INTO tenant_role (realm, tenant, role, permissions) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (realm, tenant, role) \
             DO UPDATE SET permissions = excluded.permissions";
        let values = values![tenant, &role.role, join(&role.permissions)];
        self.0.change(target, sql, values).await
    }

    async fn bump_epoch(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Epoch, StoreError> {
        let target = Target::new(EPOCH, &subject, "the epoch");
        let sql = "INSERT INTO epoch (realm, subject, tenant, epoch) \
             SELECT $1, $2, $3, CASE WHEN past.epoch < $4 THEN $4 ELSE past.epoch + 1 END \
             FROM (SELECT coalesce(max(epoch), 0) AS epoch FROM epoch \
                 WHERE realm = $1 AND subject = $2) AS past WHERE true \
             ON CONFLICT (realm, subject, coalesce(tenant, '')) \
             DO UPDATE SET epoch = excluded.epoch RETURNING epoch";
        let values = values![subject, tenant, at];
        let grown = self.0.returned(target, sql, values, |row| row.int("epoch"));
        match grown.await?.first() {
            Some(&epoch) => Ok(Epoch(epoch)),
            None => Err(self.0.fail(target.expected_one(0))),
        }
    }

    async fn prune_epochs(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let target = Target::new(EPOCH, &"old ones", "the epoch");
        let sql = either!(
            E,
            sqlite: "DELETE FROM epoch WHERE realm = $1 AND rowid IN (SELECT rowid FROM epoch \
                 WHERE realm = $1 AND epoch < $2 ORDER BY epoch LIMIT $3)",
            postgres: "DELETE FROM epoch WHERE realm = $1 AND ctid IN (SELECT ctid FROM epoch \
                 WHERE realm = $1 AND realm > 0 AND epoch < $2 ORDER BY epoch LIMIT $3)",
        );
        self.0.write(target, sql, values![before, limit]).await
    }
}
