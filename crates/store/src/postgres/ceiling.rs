//! Reading the columns of a ceiling, which API tokens and sessions have in common.

use crate::row::ceiling::CeilingRow;
use tokio_postgres::{Error, Row};

/// The five columns from `first` on.
pub(super) fn read(row: &Row, first: usize) -> Result<CeilingRow, Error> {
    Ok(CeilingRow {
        tenant: row.try_get(first)?,
        roles: row.try_get(first + 1)?,
        permissions: row.try_get(first + 2)?,
        audiences: row.try_get(first + 3)?,
        environment: row.try_get(first + 4)?,
    })
}
