//! The columns of a ceiling, which API tokens and sessions have in common.

use super::{Columns, Cursor, Place, Value, join};
use doorward_base::TenantId;
use doorward_identity::model::Ceiling;
use doorward_identity::port::StoreError;

/// The columns `tenant, roles, permissions, audiences, environment`.
pub(crate) struct CeilingRow {
    pub(crate) tenant: Option<String>,
    pub(crate) roles: Option<String>,
    pub(crate) permissions: Option<String>,
    pub(crate) audiences: Option<String>,
    pub(crate) environment: Option<String>,
}

impl CeilingRow {
    /// The columns of a ceiling.
    pub(crate) fn of(ceiling: &Ceiling) -> Self {
        Self {
            tenant: ceiling.tenant.as_ref().map(TenantId::to_string),
            roles: ceiling.roles.as_deref().map(join),
            permissions: ceiling.permissions.as_deref().map(join),
            audiences: ceiling.audiences.as_deref().map(join),
            environment: ceiling.environment.as_ref().map(ToString::to_string),
        }
    }

    /// The ceiling of the columns.
    pub(crate) fn parse(&self, place: Place<'_>) -> Result<Ceiling, StoreError> {
        Ok(Ceiling {
            tenant: place.parse_some("tenant", self.tenant.as_deref())?,
            roles: list(place, "roles", self.roles.as_deref())?,
            permissions: list(place, "permissions", self.permissions.as_deref())?,
            audiences: list(place, "audiences", self.audiences.as_deref())?,
            environment: place.parse_some("environment", self.environment.as_deref())?,
        })
    }
}

fn list<T>(
    place: Place<'_>,
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<Vec<T>>, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.map(|text| place.parse_list(column, text)).transpose()
}

/// Reads the five columns.
pub(crate) fn read(row: &mut Cursor<'_, impl Columns>) -> Result<Ceiling, StoreError> {
    Ok(Ceiling {
        tenant: row.opt_parse("tenant")?,
        roles: row.opt_list("roles")?,
        permissions: row.opt_list("permissions")?,
        audiences: row.opt_list("audiences")?,
        environment: row.opt_parse("environment")?,
    })
}

/// The five columns.
pub(crate) fn values(ceiling: &Ceiling) -> [Value<'_>; 5] {
    [
        ceiling.tenant.as_ref().into(),
        ceiling.roles.as_deref().map(join).into(),
        ceiling.permissions.as_deref().map(join).into(),
        ceiling.audiences.as_deref().map(join).into(),
        ceiling.environment.as_ref().map(ToString::to_string).into(),
    ]
}
