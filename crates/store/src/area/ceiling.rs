//! The columns of a ceiling, which API tokens, sessions and clients have in common.

use crate::row::{Cursor, Value, join};
use doorward_identity::model::Ceiling;
use doorward_identity::port::StoreError;

/// Reads the five columns.
pub(crate) fn read(row: &mut Cursor<'_>) -> Result<Ceiling, StoreError> {
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
