//! The only way to a realm's rows: a connection and the realm, bound as `$1` to
//! every statement, so that a statement that forgets the realm does not run. Also
//! what the engine's errors mean.

use crate::row::Target;
use doorward_base::RealmId;
use doorward_identity::port::StoreError;
use rusqlite::{Connection, ErrorCode, ffi};

/// One realm through one connection.
#[derive(Clone, Copy)]
pub(super) struct Scope<'c> {
    conn: &'c Connection,
    realm: RealmId,
}

impl<'c> Scope<'c> {
    pub(super) const fn new(conn: &'c Connection, realm: RealmId) -> Self {
        Self { conn, realm }
    }

    /// For statements in the form of `statement`.
    pub(super) const fn parts(self) -> (&'c Connection, RealmId) {
        (self.conn, self.realm)
    }
}

/// An error that is no statement about any row.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed to `map_err`, which gives the error away"
)]
pub(super) fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// What an error while reading a table means.
pub(super) fn failed(table: &'static str, error: rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::SqliteFailure(
            ffi::Error {
                code: ErrorCode::ConstraintViolation,
                ..
            },
            _,
        ) => StoreError::Inconsistent {
            table,
            column: "(row)",
            row: "unknown".to_owned(),
            problem: error.to_string(),
        },
        other => unavailable(other),
    }
}

/// What an error while writing a row means.
pub(super) fn write_failed(target: Target<'_>, error: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(failure, _) = &error else {
        return failed(target.table, error);
    };
    if failure.code != ErrorCode::ConstraintViolation {
        return unavailable(error);
    }
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => StoreError::Conflict(target.unique),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Inconsistent {
            table: target.table,
            column: "(reference)",
            row: target.row.to_string(),
            problem: "it refers to a row that this realm does not have".to_owned(),
        },
        _ => StoreError::Inconsistent {
            table: target.table,
            column: "(row)",
            row: target.row.to_string(),
            problem: error.to_string(),
        },
    }
}
