//! Grants, the roles tenants define, and epochs.

use super::scope::{Place, Record, Scope, Target, join};
use doorward_base::principal::Epoch;
use doorward_base::{Audience, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Grant, Granted, RoleDefinition};
use doorward_identity::port::StoreError;
use rusqlite::Row;

/// The epoch of one (subject, tenant).
pub(super) type EpochEntry = (SubjectId, Option<TenantId>, Epoch);

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
            table: RoleRow::TABLE,
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

pub(super) fn find_epoch(
    scope: Scope<'_>,
    subject: SubjectId,
    tenant: Option<&TenantId>,
) -> Result<Epoch, StoreError> {
    scope
        .find::<EpochRow, EpochEntry>(
            "SELECT subject, tenant, epoch FROM epoch \
             WHERE realm = ?1 AND subject = ?2 AND ifnull(tenant, '') = ifnull(?3, '')",
            &[subject.as_bytes(), &tenant.map(TenantId::as_str)],
        )
        .map(|found| found.map_or(Epoch(0), |(_, _, epoch)| epoch))
}

pub(super) fn list_epochs(scope: Scope<'_>) -> Result<Vec<EpochEntry>, StoreError> {
    scope.list::<EpochRow, _>(
        "SELECT subject, tenant, epoch FROM epoch WHERE realm = ?1",
        &[],
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
) -> Result<Epoch, StoreError> {
    scope.write_one(
        Target {
            table: EpochRow::TABLE,
            row: &subject,
            unique: "the epoch",
        },
        "INSERT INTO epoch (realm, subject, tenant, epoch) VALUES (?1, ?2, ?3, 1) \
         ON CONFLICT (realm, subject, ifnull(tenant, '')) DO UPDATE SET epoch = epoch + 1",
        &[subject.as_bytes(), &tenant.map(TenantId::as_str)],
    )?;
    find_epoch(scope, subject, tenant)
}

fn columns(granted: &Granted) -> (&'static str, &str, Option<&str>) {
    match granted {
        Granted::Role(role) => ("role", role.as_str(), None),
        Granted::Permission {
            permission,
            audience,
        } => (
            "permission",
            permission.as_str(),
            audience.as_ref().map(Audience::as_str),
        ),
    }
}

const fn target(subject: &SubjectId) -> Target<'_> {
    Target {
        table: GrantRow::TABLE,
        row: subject,
        unique: "the grant",
    }
}

struct GrantRow {
    tenant: Option<String>,
    kind: String,
    name: String,
    audience: Option<String>,
}

impl Record for GrantRow {
    const TABLE: &'static str = "grant_";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: row.get(0)?,
            kind: row.get(1)?,
            name: row.get(2)?,
            audience: row.get(3)?,
        })
    }
}

impl TryFrom<GrantRow> for Grant {
    type Error = StoreError;

    fn try_from(row: GrantRow) -> Result<Self, StoreError> {
        let place = Place {
            table: GrantRow::TABLE,
            row: &row.name,
        };
        let granted = match row.kind.as_str() {
            "role" => Granted::Role(place.parse("name", &row.name)?),
            "permission" => Granted::Permission {
                permission: place.parse("name", &row.name)?,
                audience: place.parse_some("audience", row.audience.as_deref())?,
            },
            _ => return Err(place.bad("kind", "unknown")),
        };
        Ok(Self {
            tenant: place.parse_some("tenant", row.tenant.as_deref())?,
            granted,
        })
    }
}

struct RoleRow {
    role: String,
    permissions: String,
}

impl Record for RoleRow {
    const TABLE: &'static str = "tenant_role";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            role: row.get(0)?,
            permissions: row.get(1)?,
        })
    }
}

impl TryFrom<RoleRow> for RoleDefinition {
    type Error = StoreError;

    fn try_from(row: RoleRow) -> Result<Self, StoreError> {
        let place = Place {
            table: RoleRow::TABLE,
            row: &row.role,
        };
        Ok(Self {
            role: place.parse("role", &row.role)?,
            permissions: place.parse_list("permissions", &row.permissions)?,
        })
    }
}

struct EpochRow {
    subject: [u8; 16],
    tenant: Option<String>,
    epoch: i64,
}

impl Record for EpochRow {
    const TABLE: &'static str = "epoch";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            subject: row.get(0)?,
            tenant: row.get(1)?,
            epoch: row.get(2)?,
        })
    }
}

impl TryFrom<EpochRow> for EpochEntry {
    type Error = StoreError;

    fn try_from(row: EpochRow) -> Result<Self, StoreError> {
        let subject = SubjectId::from_bytes(row.subject);
        let place = Place {
            table: EpochRow::TABLE,
            row: &subject,
        };
        let tenant = place.parse_some("tenant", row.tenant.as_deref())?;
        Ok((subject, tenant, Epoch(row.epoch)))
    }
}
