//! Reading the columns of a ceiling, which API tokens and sessions have in common.

use crate::row::ceiling::CeilingRow;
use rusqlite::Row;

/// The five columns from `first` on.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<CeilingRow> {
    Ok(CeilingRow {
        tenant: row.get(first)?,
        roles: row.get(first + 1)?,
        permissions: row.get(first + 2)?,
        audiences: row.get(first + 3)?,
        environment: row.get(first + 4)?,
    })
}
