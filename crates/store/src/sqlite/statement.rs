//! Statements that bind values and read rows in the form of `row`, whatever the engine.

use super::scope::{Scope, failed, write_failed};
use super::tx::RealmTx;
use crate::row::{Columns, Cursor, Id, Record, Target, Value, Values};
use doorward_identity::port::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Row, ToSql};

impl<'c> Scope<'c> {
    /// The row a statement finds.
    pub(super) fn record<T: Record>(
        self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Option<T>, StoreError> {
        let failed = |error| failed(T::TABLE, error);
        let mut statement = self.prepared(sql, values).map_err(failed)?;
        let mut rows = statement.raw_query();
        let row = rows.next().map_err(failed)?;
        row.map(|row| Cursor::new(T::TABLE, row).record())
            .transpose()
    }

    /// The rows a statement finds.
    pub(super) fn rows<T>(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row<'_>>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(table, sql, values, read, |error| failed(table, error))
    }

    /// The rows a statement returns from what it wrote.
    pub(super) fn returned<T>(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row<'_>>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(target.table, sql, values, read, |error| {
            write_failed(target, error)
        })
    }

    fn read<T>(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row<'_>>) -> Result<T, StoreError>,
        failed: impl Fn(rusqlite::Error) -> StoreError,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepared(sql, values).map_err(&failed)?;
        let mut rows = statement.raw_query();
        let mut list = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            list.push(read(&mut Cursor::new(table, row))?);
        }
        Ok(list)
    }

    /// Writes, and says how many rows it touched.
    pub(super) fn put(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<usize, StoreError> {
        self.prepared(sql, values)
            .and_then(|mut statement| statement.raw_execute())
            .map_err(|error| write_failed(target, error))
    }

    fn prepared(self, sql: &str, values: Values<'_>) -> rusqlite::Result<CachedStatement<'c>> {
        let (conn, realm) = self.parts();
        let mut statement = conn.prepare_cached(sql)?;
        debug_assert_eq!(statement.parameter_count(), values.len() + 1, "{sql}");
        statement.raw_bind_parameter(1, realm.0)?;
        for (at, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(at + 2, value)?;
        }
        Ok(statement)
    }
}

/// What the port's methods are made of; the realm is `?1`.
impl RealmTx<'_> {
    /// The row a statement finds.
    pub(super) fn find<T: Record>(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Option<T>, StoreError> {
        self.with(|scope| scope.record(sql, values))
    }

    /// The rows a statement finds.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method alone is of one lifetime, the closure of all"
    )]
    pub(super) fn list<T: Record>(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(T::TABLE, sql, values, |row| row.record())
    }

    /// The rows a statement finds, for columns that are no whole record.
    pub(super) fn rows<T>(
        &mut self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row<'_>>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.with(|scope| scope.rows(table, sql, values, read))
    }

    /// The rows a statement returns from what it wrote.
    pub(super) fn returned<T>(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row<'_>>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.with(|scope| scope.returned(target, sql, values, read))
    }

    /// Writes, and says how many rows it touched.
    pub(super) fn write(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<usize, StoreError> {
        self.with(|scope| scope.put(target, sql, values))
    }

    /// Writes exactly one row.
    pub(super) fn write_one(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<(), StoreError> {
        match self.write(target, sql, values)? {
            1 => Ok(()),
            touched => Err(target.expected_one(touched)),
        }
    }
}

/// Where a page of ids begins: after an id, or after the empty one, which sorts first.
pub(super) fn after<I: Id>(id: Option<&I>) -> Value<'static> {
    id.map_or(Value::Bytes(&[]), |id| Value::Id(id.bytes()))
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Flag(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Id(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Ids(_) | Self::Ints(_) => {
                return Err(rusqlite::Error::ToSqlConversionFailure(
                    "this engine has no arrays".into(),
                ));
            }
        }))
    }
}

impl Columns for Row<'_> {
    fn id(&self, at: usize) -> Result<Option<[u8; 16]>, String> {
        self.get(at).map_err(|error| error.to_string())
    }

    fn text(&self, at: usize) -> Result<Option<&str>, String> {
        let text = self.get_ref(at).map_err(|error| error.to_string())?;
        text.as_str_or_null().map_err(|error| error.to_string())
    }

    fn int(&self, at: usize) -> Result<Option<i64>, String> {
        self.get(at).map_err(|error| error.to_string())
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, String> {
        let bytes = self.get_ref(at).map_err(|error| error.to_string())?;
        bytes.as_blob_or_null().map_err(|error| error.to_string())
    }
}
