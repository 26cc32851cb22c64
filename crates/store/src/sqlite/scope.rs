//! The only way to a realm's rows: a connection and the realm, bound as `?1` to
//! every statement, so that a statement that forgets the realm does not run. Also
//! what the engine's errors mean.

pub(super) use crate::row::Target;
use doorward_base::RealmId;
use doorward_identity::port::StoreError;
use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Connection, ErrorCode, Row, ToSql, ffi};

/// The values of `?2`, `?3`, … of a statement.
pub(super) type Values<'v> = &'v [&'v dyn ToSql];

/// A row as it is stored.
pub(super) trait Record: Sized {
    /// Its table.
    const TABLE: &'static str;
    /// Reads the columns in the order of the module's `SELECT`.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

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

    /// The row a statement finds.
    pub(super) fn find<R, T>(self, sql: &str, values: Values<'_>) -> Result<Option<T>, StoreError>
    where
        R: Record,
        T: TryFrom<R, Error = StoreError>,
    {
        let read = || {
            let mut statement = self.bound(sql, values)?;
            let mut rows = statement.raw_query();
            rows.next()?.map(R::read).transpose()
        };
        let row = read().map_err(|error| failed(R::TABLE, error))?;
        row.map(T::try_from).transpose()
    }

    /// The values of a statement's only column.
    pub(super) fn column<T: FromSql>(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |error| failed(table, error);
        let mut statement = self.bound(sql, values).map_err(failed)?;
        let mut rows = statement.raw_query();
        let mut column = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            column.push(row.get(0).map_err(failed)?);
        }
        Ok(column)
    }

    /// The rows a statement finds, or returns from what it wrote.
    pub(super) fn list<R, T>(self, sql: &str, values: Values<'_>) -> Result<Vec<T>, StoreError>
    where
        R: Record,
        T: TryFrom<R, Error = StoreError>,
    {
        let failed = |error| failed(R::TABLE, error);
        let mut statement = self.bound(sql, values).map_err(failed)?;
        let mut rows = statement.raw_query();
        let mut list = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            list.push(T::try_from(R::read(row).map_err(failed)?)?);
        }
        Ok(list)
    }

    /// Writes, and says how many rows it touched.
    pub(super) fn write(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<usize, StoreError> {
        self.bound(sql, values)
            .and_then(|mut statement| statement.raw_execute())
            .map_err(|error| write_failed(target, error))
    }

    /// Writes exactly one row.
    pub(super) fn write_one(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<(), StoreError> {
        match self.write(target, sql, values)? {
            1 => Ok(()),
            touched => Err(target.expected_one(touched)),
        }
    }

    fn bound(self, sql: &str, values: Values<'_>) -> rusqlite::Result<CachedStatement<'c>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        debug_assert_eq!(statement.parameter_count(), values.len() + 1, "{sql}");
        statement.raw_bind_parameter(1, self.realm.0)?;
        for (at, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(at + 2, *value)?;
        }
        Ok(statement)
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
