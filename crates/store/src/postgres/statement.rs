//! Statements that bind values and read rows in the form of `row`, whatever the engine.

use super::scope::{Id, Scope, Trouble, describe, failed, write_failed};
use super::tx::RealmTx;
use crate::row::{self, Columns, Cursor, Record, Target, Value, Values};
use doorward_identity::port::StoreError;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Column, Error, Row};

/// Why a value could not be converted.
type Failed = Box<dyn std::error::Error + Sync + Send>;

impl Scope<'_> {
    /// The rows a statement finds.
    pub(super) async fn records<T>(
        self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, Trouble> {
        let rows = self.query(sql, values).await;
        read_rows(table, &rows.map_err(|error| failed(table, &error))?, read)
    }

    /// The rows a statement returns from what it wrote.
    pub(super) async fn returned<T>(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, Trouble> {
        let rows = self.query(sql, values).await;
        let rows = rows.map_err(|error| write_failed(target, &error))?;
        read_rows(target.table, &rows, read)
    }

    /// Writes, and says how many rows it touched. An `INSERT` says
    /// `ON CONFLICT DO NOTHING`: an error would end the whole transaction.
    pub(super) async fn put(
        self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<u64, Trouble> {
        let (conn, _) = self.parts();
        let written = match conn.prepare_cached(sql).await {
            Ok(statement) => conn.execute(&statement, &self.bound(values)).await,
            Err(error) => Err(error),
        };
        written.map_err(|error| write_failed(target, &error))
    }

    async fn query(self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        let (conn, _) = self.parts();
        let statement = conn.prepare_cached(sql).await?;
        conn.query(&statement, &self.bound(values)).await
    }

    fn bound<'v>(&'v self, values: Values<'v>) -> Vec<&'v (dyn ToSql + Sync)> {
        let realm: &(dyn ToSql + Sync) = self.realm();
        let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
        std::iter::once(realm).chain(values).collect()
    }
}

fn read_rows<T>(
    table: &'static str,
    rows: &[Row],
    read: impl Fn(&mut Cursor<'_, Row>) -> Result<T, StoreError>,
) -> Result<Vec<T>, Trouble> {
    rows.iter()
        .map(|row| Ok(read(&mut Cursor::new(table, row))?))
        .collect()
}

/// What the port's methods are made of; the realm is `$1`.
impl RealmTx {
    /// The row a statement finds.
    pub(super) async fn find<T: Record + Send>(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.list(sql, values).await?.into_iter().next())
    }

    /// The rows a statement finds.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method alone is of one lifetime, the closure of all"
    )]
    pub(super) async fn list<T: Record + Send>(
        &mut self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(T::TABLE, sql, values, |row| row.record()).await
    }

    /// The rows a statement finds, for columns that are no whole record.
    pub(super) async fn rows<T: Send>(
        &mut self,
        table: &'static str,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let scope = self.reading().await?;
        let outcome = scope.records(table, sql, values, read).await;
        self.done(outcome)
    }

    /// The rows a statement returns from what it wrote.
    pub(super) async fn returned<T: Send>(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
        read: impl Fn(&mut Cursor<'_, Row>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let scope = self.writing().await?;
        let outcome = scope.returned(target, sql, values, read).await;
        self.done(outcome)
    }

    /// Writes, and says how many rows it touched. An `INSERT` says
    /// `ON CONFLICT DO NOTHING`: an error would end the whole transaction.
    pub(super) async fn write(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<u64, StoreError> {
        let scope = self.writing().await?;
        let outcome = scope.put(target, sql, values).await;
        self.done(outcome)
    }

    /// Inserts one row with a statement that says `ON CONFLICT DO NOTHING`; a row that
    /// is in the way is [`StoreError::Conflict`].
    pub(super) async fn insert_one(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<(), StoreError> {
        match self.write(target, sql, values).await? {
            0 => self.done(Err(StoreError::Conflict(target.unique).into())),
            1 => Ok(()),
            touched => self.done(Err(target.expected_one(touched).into())),
        }
    }

    /// Changes exactly one row.
    pub(super) async fn write_one(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: Values<'_>,
    ) -> Result<(), StoreError> {
        match self.write(target, sql, values).await? {
            1 => Ok(()),
            touched => self.done(Err(target.expected_one(touched).into())),
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Flag(flag) => flag.to_sql_checked(kind, out),
            Self::Int(number) => number.to_sql_checked(kind, out),
            Self::Id(bytes) => Id(*bytes).to_sql_checked(kind, out),
            // A text of another's may hold a NUL, and is kept as bytes.
            Self::Text(text) if *kind == Type::BYTEA => text.as_bytes().to_sql_checked(kind, out),
            Self::Text(text) => (&**text).to_sql_checked(kind, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(kind, out),
            Self::Ids(ids) => {
                let ids: Vec<Id> = ids.iter().copied().map(Id).collect();
                ids.to_sql_checked(kind, out)
            }
            Self::Ints(numbers) => numbers.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Each value looks at the type itself.
        true
    }

    to_sql_checked!();
}

impl Columns for Row {
    fn id(&self, at: usize) -> Result<Option<[u8; 16]>, String> {
        let id: Option<Id> = self.try_get(at).map_err(|error| describe(&error))?;
        Ok(id.map(|Id(id)| id))
    }

    fn text(&self, at: usize) -> Result<Option<&str>, String> {
        let kind = self.columns().get(at).map(Column::type_);
        if kind != Some(&Type::BYTEA) {
            return self.try_get(at).map_err(|error| describe(&error));
        }
        let bytes = self.bytes(at)?;
        let text = bytes.map(std::str::from_utf8).transpose();
        text.map_err(|_| "it is not UTF-8".to_owned())
    }

    fn int(&self, at: usize) -> Result<Option<i64>, String> {
        self.try_get(at).map_err(|error| describe(&error))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, String> {
        self.try_get(at).map_err(|error| describe(&error))
    }
}

/// Where a page of ids begins, and whether that id is part of it: it is when no page was
/// before. For `id >= $2 AND ($3 OR id > $2)`, which an index serves.
pub(super) fn begin<I: row::Id>(after: Option<I>) -> (Value<'static>, bool) {
    (
        Value::Id(after.map_or([0; 16], row::Id::bytes)),
        after.is_none(),
    )
}
