//! Grants, the roles tenants define, and epochs.

use super::Place;
use doorward_base::principal::Epoch;
use doorward_base::{Audience, SubjectId, TenantId};
use doorward_identity::model::{Grant, Granted, RoleDefinition};
use doorward_identity::port::StoreError;

/// The table of grants.
pub(crate) const GRANT: &str = "grant_";
/// The table of tenants' roles.
pub(crate) const TENANT_ROLE: &str = "tenant_role";
/// The table of epochs.
pub(crate) const EPOCH: &str = "epoch";

/// The epoch of one (subject, tenant).
pub(crate) type EpochEntry = (SubjectId, Option<TenantId>, Epoch);

/// The columns `kind`, `name` and `audience`.
pub(crate) fn columns(granted: &Granted) -> (&'static str, &str, Option<&str>) {
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

/// A grant of a known subject.
pub(crate) struct GrantRow {
    pub(crate) tenant: Option<String>,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) audience: Option<String>,
}

impl TryFrom<GrantRow> for Grant {
    type Error = StoreError;

    fn try_from(row: GrantRow) -> Result<Self, StoreError> {
        let place = Place {
            table: GRANT,
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

/// A role of a known tenant.
pub(crate) struct RoleRow {
    pub(crate) role: String,
    pub(crate) permissions: String,
}

impl TryFrom<RoleRow> for RoleDefinition {
    type Error = StoreError;

    fn try_from(row: RoleRow) -> Result<Self, StoreError> {
        let place = Place {
            table: TENANT_ROLE,
            row: &row.role,
        };
        Ok(Self {
            role: place.parse("role", &row.role)?,
            permissions: place.parse_list("permissions", &row.permissions)?,
        })
    }
}

/// An epoch.
pub(crate) struct EpochRow {
    pub(crate) subject: [u8; 16],
    pub(crate) tenant: Option<String>,
    pub(crate) epoch: i64,
}

impl TryFrom<EpochRow> for EpochEntry {
    type Error = StoreError;

    fn try_from(row: EpochRow) -> Result<Self, StoreError> {
        let subject = SubjectId::from_bytes(row.subject);
        let place = Place {
            table: EPOCH,
            row: &subject,
        };
        let tenant = place.parse_some("tenant", row.tenant.as_deref())?;
        Ok((subject, tenant, Epoch(row.epoch)))
    }
}
